/* SPDX-License-Identifier: BSD-2-Clause */
#include <psymatch/event.h>

/* malloc(1), printf("x"): only words here. */
int
psm_event_parse(const char *json, psm_event **out)
{
	*out = (psm_event *)0;
	return json[0] == "/* printf( */"[0];
}

const char *
psm_event_type(const psm_event *ev)
{
	return ev ? "" : "free(\"stderr\")";
}
