/* SPDX-License-Identifier: BSD-2-Clause */
/* A message as it is handed to a topic: what the spool keeps and what a
 * transport sends. */
#ifndef PSM_EVENT_MESSAGE_H
#define PSM_EVENT_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

/* A record's header, as it travels. The value may be any bytes. */
struct psm__header {
	const char *name;  /* NUL-terminated */
	const char *value; /* NULL: a header without one, len 0 */
	size_t len;
};

struct psm__message {
	const char *topic;
	const char *key; /* may be NULL; copied, like topic */
	size_t key_len;
	const void *value; /* borrowed until the report, not copied */
	size_t value_len;
	const struct psm__header *headers; /* copied */
	size_t header_count;
	uint64_t token;  /* comes back with the report */
	int64_t time_us; /* when it was accepted; of the spool's only */
};

/* Who copies asks for the size first and puts all of it into one
 * block. */

/* The bytes behind the array that copies of headers take. */
size_t psm__header_bytes(const struct psm__header *headers, size_t count);
/* Copy len bytes to *at, which moves behind them; NULL stays NULL. */
const char *psm__put(char **at, const void *bytes, size_t len);
/* The same for what a header points to. */
struct psm__header psm__put_header(char **at, const struct psm__header *from);

#endif
