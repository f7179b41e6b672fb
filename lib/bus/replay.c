/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a topic again, without a group. */
#include <limits.h>
#include <string.h>

#include <psymatch/catalogue.h>

#include "bus/replay_int.h"

struct psm_replay {
	psm_transport *t; /* a reference */
	char *topic;
	struct psm__reader_conf conf;
	char *type; /* canonical, or as given; NULL: every type */
	char *key;  /* NULL: every key */
	size_t key_len;
	int running;                          /* __atomic */
	int64_t handled, skipped, unreadable; /* __atomic */
};

int
psm_replay_new(psm_transport *t, const char *topic, psm_replay **out,
               psm_error *err)
{
	psm_replay *r;

	psm__error_clear(err);
	if (out)
		*out = NULL;
	if (!t || !out || !psm__is_topic(topic))
		return psm__fail(
		    err, PSM_ERR_INVAL,
		    "t and out: want pointers; topic: want " PSM__WANT_TOPIC);
	if (!t->ops->open_reader)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "t: %s cannot be read without a group",
		                 t->ops->name);
	r = psm__alloc(sizeof(*r));
	if (!r)
		return psm__nomem(err);
	r->t = psm_transport_ref(t);
	r->conf.partition = -1;
	r->conf.to = r->conf.to_ms = INT64_MAX;
	r->topic = psm__strdup(topic);
	if (!r->topic) {
		psm_replay_free(r);
		return psm__nomem(err);
	}
	r->conf.topic = r->topic;
	*out = r;
	return 0;
}

int
psm_replay_between(psm_replay *r, int64_t from_us, int64_t to_us,
                   psm_error *err)
{
	psm__error_clear(err);
	if (!r || from_us < 0 || to_us <= from_us)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "r: want a replay; from_us: want 0 or more; "
		                 "to_us: want more than that");
	r->conf.from_ms = from_us / 1000;
	r->conf.to_ms = to_us == INT64_MAX ? INT64_MAX : to_us / 1000;
	return 0;
}

int
psm_replay_offsets(psm_replay *r, int32_t partition, int64_t from, int64_t to,
                   psm_error *err)
{
	psm__error_clear(err);
	if (!r || partition < 0 || from < 0 || to <= from)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "r: want a replay; partition and from: want "
		                 "0 or more; to: want more than from");
	r->conf.partition = partition;
	r->conf.from = from;
	r->conf.to = to;
	return 0;
}

int
psm_replay_only(psm_replay *r, const char *type, const char *key,
                size_t key_len, psm_error *err)
{
	const char *name = NULL;
	char *new_type = NULL, *new_key = NULL;

	psm__error_clear(err);
	if (!r)
		return psm__fail(err, PSM_ERR_INVAL, "r: want a replay");
	if (type) {
		name = psm_type_name(psm_catalogue_find(type));
		new_type = psm__strdup(name ? name : type);
	}
	if (key)
		new_key = psm__strndup(key, key_len);
	if ((type && !new_type) || (key && !new_key)) {
		psm__free(new_type);
		psm__free(new_key);
		return psm__nomem(err);
	}
	psm__free(r->type);
	psm__free(r->key);
	r->type = new_type;
	r->key = new_key;
	r->key_len = key_len;
	return 0;
}

/* -- running */

static void
count(int64_t *value)
{
	__atomic_add_fetch(value, 1, __ATOMIC_RELAXED);
}

/* As far as the record alone can say. */
static int
is_wanted(const psm_replay *r, const struct psm__record *rec)
{
	if (!rec->value)
		return 0;
	if (rec->timestamp_ms >= 0 && (rec->timestamp_ms < r->conf.from_ms ||
	                               rec->timestamp_ms >= r->conf.to_ms))
		return 0;
	return !r->key || (rec->key && rec->key_len == r->key_len &&
	                   memcmp(rec->key, r->key, r->key_len) == 0);
}

static int
pass_on(psm_replay *r, const struct psm__record *rec, psm_event *ev,
        psm__replay_fn fn, void *user, psm_error *err)
{
	struct psm__origin origin = *psm__event_origin(ev);
	int rc;

	origin.is_replay = 1;
	psm__event_set_origin(ev, &origin);
	psm__error_clear(err);
	rc = fn(ev, rec, user, err);
	if (rc == 0)
		count(&r->handled);
	return rc > 0 ? PSM_ERR_REJECT : rc;
}

static int
take(psm_replay *r, const struct psm__record *rec, psm__replay_fn fn,
     void *user, psm_error *err)
{
	psm_event *ev = NULL;
	int rc = 0;

	if (!is_wanted(r, rec)) {
		count(&r->skipped);
		return 0;
	}
	rc = psm__record_parse(rec, &ev, err);
	if (rc == PSM_ERR_NOMEM)
		return rc;
	if (rc < 0) {
		count(&r->unreadable);
		return 0;
	}
	if (r->type && strcmp(psm_event_type(ev), r->type) != 0)
		count(&r->skipped);
	else
		rc = pass_on(r, rec, ev, fn, user, err);
	psm_event_free(ev);
	return rc;
}

static int
read_all(psm_replay *r, struct psm__reader *reader, psm__replay_fn fn,
         void *user, int timeout_ms, psm_error *err)
{
	struct psm__record rec;
	int rc;

	for (;;) {
		rc = reader->ops->next(reader, timeout_ms, &rec, err);
		if (rc == PSM__READER_END)
			return 0;
		if (rc == 0)
			return psm__fail(err, PSM_ERR_TIMEOUT,
			                 "no message within %d ms", timeout_ms);
		if (rc < 0)
			return rc;
		rc = take(r, &rec, fn, user, err);
		reader->ops->release(reader, &rec);
		if (rc < 0)
			return rc;
	}
}

int
psm__replay_run(psm_replay *r, psm__replay_fn fn, void *user, int timeout_ms,
                psm_error *err)
{
	struct psm__reader *reader = NULL;
	int rc;

	if (__atomic_exchange_n(&r->running, 1, __ATOMIC_ACQ_REL))
		return psm__fail(err, PSM_ERR_STATE, "the replay is running");
	__atomic_store_n(&r->handled, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&r->skipped, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&r->unreadable, 0, __ATOMIC_RELAXED);
	rc = r->t->ops->open_reader(r->t, &r->conf, timeout_ms, &reader, err);
	if (rc == 0) {
		rc = read_all(r, reader, fn, user, timeout_ms, err);
		reader->ops->close(reader);
	}
	if (rc == 0)
		psm__error_clear(err);
	__atomic_store_n(&r->running, 0, __ATOMIC_RELEASE);
	return rc;
}

struct plain {
	psm_event_fn fn;
	void *user;
};

static int
call_plain(psm_event *ev, const struct psm__record *rec, void *user,
           psm_error *err)
{
	struct plain *plain = user;

	(void)rec;
	return plain->fn(ev, plain->user, err);
}

int
psm_replay_run(psm_replay *r, psm_event_fn fn, void *user, int timeout_ms,
               psm_error *err)
{
	struct plain plain = {fn, user};

	psm__error_clear(err);
	if (!r || !fn || timeout_ms < 1)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "r and fn: want pointers; timeout_ms: want 1 "
		                 "or more");
	return psm__replay_run(r, call_plain, &plain, timeout_ms, err);
}

int64_t
psm_replay_stat(const psm_replay *r, const char *name)
{
	if (!r || !name)
		return -1;
	if (strcmp(name, "handled") == 0)
		return __atomic_load_n(&r->handled, __ATOMIC_RELAXED);
	if (strcmp(name, "skipped") == 0)
		return __atomic_load_n(&r->skipped, __ATOMIC_RELAXED);
	if (strcmp(name, "unreadable") == 0)
		return __atomic_load_n(&r->unreadable, __ATOMIC_RELAXED);
	return -1;
}

void
psm_replay_free(psm_replay *r)
{
	if (!r)
		return;
	psm_transport_unref(r->t);
	psm__free(r->topic);
	psm__free(r->type);
	psm__free(r->key);
	psm__free(r);
}
