/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "event/cloudevent.h"
#include "transport/transport.h"

#define LAG_WAIT_MAX_MS 3600000

psm_transport *
psm_transport_ref(psm_transport *t)
{
	if (t)
		__atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
	return t;
}

void
psm_transport_unref(psm_transport *t)
{
	if (t && __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) == 0)
		t->ops->free(t);
}

const char *
psm_transport_name(const psm_transport *t)
{
	return t ? t->ops->name : "";
}

int
psm_transport_lag(psm_transport *t, const char *group, int timeout_ms,
                  int64_t *out, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (out)
		*out = -1;
	if (!t || !out || !group || !group[0] || timeout_ms < 1 ||
	    timeout_ms > LAG_WAIT_MAX_MS)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "t and out: want pointers; group: want a "
		                 "name; timeout_ms: want 1 to %d, got %d",
		                 LAG_WAIT_MAX_MS, timeout_ms);
	rc = t->ops->lag(t, group, timeout_ms, out, err);
	if (rc < 0)
		*out = -1;
	return rc;
}

int
psm__is_topic(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t len = name ? strspn(name, allowed) : 0;

	return len >= 1 && len <= 249 && name[len] == '\0' &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int
psm__record_parse(const struct psm__record *rec, psm_event **out,
                  psm_error *err)
{
	struct psm__origin origin = {
	    .topic = rec->topic,
	    .partition = rec->partition,
	    .offset = rec->offset,
	    .timestamp_ms = rec->timestamp_ms,
	    .key = rec->key,
	    .key_len = rec->key_len,
	    .attempt = 1,
	    .deadline_ms = INT64_MAX,
	};
	int rc = psm__event_from_record(rec->headers, rec->header_count,
	                                rec->value, rec->value_len, out, err);

	if (rc < 0)
		return rc;
	psm__event_set_origin(*out, &origin);
	rc = psm__event_read_headers(*out, rec->headers, rec->header_count);
	if (rc >= 0)
		return 0;
	psm_event_free(*out);
	*out = NULL;
	return psm__nomem(err);
}

int
psm__record_join(const struct psm__record *rec, char **made, size_t *len)
{
	struct psm__buf b = {0};

	*made = NULL;
	*len = rec->value_len;
	if (!rec->value ||
	    !psm__cloudevent_is_binary(rec->headers, rec->header_count))
		return 0;
	psm__cloudevent_join(rec->headers, rec->header_count, rec->value,
	                     rec->value_len, &b);
	*made = psm__buf_take(&b, len);
	return *made ? 0 : PSM_ERR_NOMEM;
}

void
psm__source_log_gap(const char *group, const struct psm__gap *gap)
{
	char where[32], from[24], to[24];

	snprintf(where, sizeof(where), "%d", (int)gap->partition);
	snprintf(from, sizeof(from), "%lld", (long long)gap->from);
	snprintf(to, sizeof(to), "%lld", (long long)gap->to);
	psm__log(PSM_LOG_ERROR,
	         gap->from < gap->to
	             ? "messages were deleted before they were read"
	             : "the topic was deleted and recreated",
	         "group", group, "topic", gap->topic, "partition", where,
	         "from", from, "to", to, NULL);
}
