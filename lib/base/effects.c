/* SPDX-License-Identifier: BSD-2-Clause */
/* The mark of a thread whose effects outside the database are barred, because
 * it runs a handler of a replay. */
#include "base/base.h"

int psm__effects_marks;

/* How often it is set on this thread, one replay within another. */
static _Thread_local int barred, barred_events;

void
psm__effects_bar(int events_too)
{
	(void)__atomic_add_fetch(&psm__effects_marks, 1, __ATOMIC_RELAXED);
	barred++;
	barred_events += events_too;
}

void
psm__effects_unbar(int events_too)
{
	barred_events -= events_too;
	barred--;
	(void)__atomic_sub_fetch(&psm__effects_marks, 1, __ATOMIC_RELAXED);
}

int
psm__effects_marked(int events)
{
	return events ? barred_events > 0 : barred > 0;
}
