/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a topic again, without a group: what is to be read. */
#include <string.h>

#include <psymatch/catalogue.h>

#include "client/replay/replay_int.h"

static const char *const count_names[PSM__N_REPLAY_COUNTS] = {
    [PSM__REPLAY_HANDLED] = "handled",
    [PSM__REPLAY_SKIPPED] = "skipped",
    [PSM__REPLAY_UNREADABLE] = "unreadable",
    [PSM__REPLAY_FAILED] = "failed",
    [PSM__REPLAY_DUPLICATES] = "duplicates",
    [PSM__REPLAY_DROPPED] = "dropped",
    [PSM__REPLAY_READ] = "read",
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
	r->partition = r->offset = r->to_read = -1;
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
psm_replay_follow(psm_replay *r, psm_error *err)
{
	psm__error_clear(err);
	if (!r)
		return psm__fail(err, PSM_ERR_INVAL, "r: want a replay");
	r->conf.follow = 1;
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
		name = psm_catalogue_type_name(psm_catalogue_find(type));
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

int
psm_replay_on(psm_replay *r, const char *type,
              const psm_handler_options *options, psm_event_fn fn, void *user,
              psm_error *err)
{
	psm__error_clear(err);
	if (!r || !type || !fn)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "r, type and fn: want pointers");
	if (__atomic_load_n(&r->running, __ATOMIC_ACQUIRE))
		return psm__fail(err, PSM_ERR_STATE, "the replay is running");
	return psm__dispatch_add(&r->dispatch, type, options,
	                         (void (*)(void))fn, user, err);
}

int
psm_replay_handlers(psm_replay *r, const psm_handlers *hs, psm_error *err)
{
	psm__error_clear(err);
	if (!r || !hs)
		return psm__fail(err, PSM_ERR_INVAL, "r and hs: want pointers");
	if (__atomic_load_n(&r->running, __ATOMIC_ACQUIRE))
		return psm__fail(err, PSM_ERR_STATE, "the replay is running");
	return psm__dispatch_add_all(&r->dispatch, &hs->plain, err);
}

int
psm_replay_upcast(psm_replay *r, const char *type, const char *from_version,
                  const char *to_version, psm_upcast_fn fn, void *user,
                  psm_error *err)
{
	psm__error_clear(err);
	if (!r || !type || !from_version || !to_version || !fn)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "r, type, from_version, to_version and fn: "
		                 "want pointers");
	if (__atomic_load_n(&r->running, __ATOMIC_ACQUIRE))
		return psm__fail(err, PSM_ERR_STATE, "the replay is running");
	return psm__dispatch_add_upcaster(&r->dispatch, type, from_version,
	                                  to_version, fn, user, err);
}

int
psm_replay_max_failures(psm_replay *r, int64_t count, psm_error *err)
{
	psm__error_clear(err);
	if (!r || count < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "r: want a replay; count: want 0 or more");
	r->max_failures = count;
	return 0;
}

int
psm_replay_may_send(psm_replay *r, psm_error *err)
{
	psm__error_clear(err);
	if (!r)
		return psm__fail(err, PSM_ERR_INVAL, "r: want a replay");
	r->may_send = 1;
	return 0;
}

/* -- where to, for a processor's handlers */

int
psm_replay_into_schema(psm_replay *r, const char *schema, psm_error *err)
{
	size_t len = schema ? strlen(schema) : 0;
	char *copy;

	psm__error_clear(err);
	if (!r || len == 0 || len > 63 || psm__utf8_check(schema, len) != len)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "r: want a replay; schema: want 1 to 63 bytes "
		                 "of UTF-8");
	copy = psm__strdup(schema);
	if (!copy)
		return psm__nomem(err);
	psm__free(r->schema);
	r->schema = copy;
	r->into = PSM__INTO_SCHEMA;
	return 0;
}

int
psm_replay_into_live(psm_replay *r, psm_error *err)
{
	psm__error_clear(err);
	if (!r)
		return psm__fail(err, PSM_ERR_INVAL, "r: want a replay");
	r->into = PSM__INTO_LIVE;
	return 0;
}

/* -- effects outside the database */

int
psm_replay_active(void)
{
	return psm__effects_barred(0);
}

int
psm_replay_guard(const char *effect, psm_error *err)
{
	psm__error_clear(err);
	if (!effect || !effect[0])
		return psm__fail(err, PSM_ERR_INVAL, "effect: want a word");
	if (!psm__effects_barred(0))
		return 0;
	return psm__fail(err, PSM_ERR_STATE,
	                 "%.100s: not in a replay, ask psm_event_is_replay "
	                 "before",
	                 effect);
}

/* -- what became of it */

int64_t
psm_replay_stat(const psm_replay *r, const char *name)
{
	size_t i;

	if (!r || !name)
		return -1;
	for (i = 0; i < PSM__N_REPLAY_COUNTS; i++)
		if (strcmp(name, count_names[i]) == 0)
			return __atomic_load_n(&r->counts[i], __ATOMIC_RELAXED);
	if (strcmp(name, "partition") == 0)
		return __atomic_load_n(&r->partition, __ATOMIC_RELAXED);
	if (strcmp(name, "offset") == 0)
		return __atomic_load_n(&r->offset, __ATOMIC_RELAXED);
	if (strcmp(name, "to_read") == 0)
		return __atomic_load_n(&r->to_read, __ATOMIC_RELAXED);
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
	psm__free(r->schema);
	psm__dispatch_free(&r->dispatch);
	psm__free(r);
}
