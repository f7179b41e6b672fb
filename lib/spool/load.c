/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading the segments that an earlier process left in a stream directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/spool_int.h"

struct numbers {
	uint64_t *list;
	size_t count, cap;
};

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* A spare segment has no records, so it is deleted. */
static int
take_name(struct psm__stream_dir *sd, const char *name, struct numbers *found)
{
	uint64_t number;
	int end = 0;

	if (sscanf(name, "%16" SCNx64 ".%n", &number, &end) != 1 || end != 17)
		return 0;
	if (number >= sd->next_number)
		sd->next_number = number + 1;
	if (strcmp(name + end, "spare") == 0) {
		psm__file_ops.unlink(sd->dirfd, name, 0);
		sd->dir_dirty = 1;
		return 0;
	}
	if (strcmp(name + end, "pms") != 0)
		return 0;
	if (psm__grow(&found->list, &found->cap, found->count + 1,
	              sizeof(*found->list)) < 0)
		return ENOMEM;
	found->list[found->count++] = number;
	return 0;
}

static int
list_segments(struct psm__stream_dir *sd, struct numbers *found)
{
	DIR *dir = psm__open_folder(sd->dirfd, ".");
	struct dirent *e;
	int rc = 0;

	if (!dir)
		return errno;
	for (errno = 0; rc == 0 && (e = readdir(dir)) != NULL; errno = 0)
		rc = take_name(sd, e->d_name, found);
	if (rc == 0)
		rc = errno; /* an incomplete list would lose segments */
	closedir(dir);
	if (found->count)
		qsort(found->list, found->count, sizeof(*found->list), compare);
	return rc;
}

/* -- the segments -- */

static int
file_size(struct psm__segment *g)
{
	char name[32];
	struct stat st;

	snprintf(name, sizeof(name), "%016" PRIx64 ".pms", g->number);
	if (fstatat(g->stream->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno;
	g->size = st.st_size > 0 ? (size_t)st.st_size : 0;
	return 0;
}

/* 1: one of the loaded keys opens the segment, or it is not encrypted. */
static int
has_key(const struct psm__spool *s, const struct psm__segment *g,
        const struct psm__sealed_header **sh)
{
	int found = 0;

	for (int copy = 0; copy < 2; copy++) {
		const struct psm__sealed_header *at = psm__seal_header(g, copy);

		if (at && psm__keys_have(s->keys, at->key_id))
			return 1;
		if (at)
			*sh = at;
		found |= at != NULL;
	}
	return !found;
}

/* 1: the cursor says that all its records are settled, so no key is needed. */
static int
is_settled(const struct psm__stream_dir *sd, struct psm__segment *g)
{
	size_t at;

	if (!psm__segment_check(g) || !sd->placed ||
	    memcmp(sd->uuid, g->uuid, sizeof(sd->uuid)) != 0)
		return 0;
	psm__segment_probe(g, g->size);
	for (at = g->start; psm__rec_valid(g, at);) {
		const struct psm__rec *rec = psm__rec_at(g->base, at);

		if (le64toh(rec->seq) > sd->settled)
			return 0;
		at += psm__rec_space(le32toh(rec->len));
	}
	return at >= g->size || psm__segment_tail(g, at) != PSM__TAIL_DAMAGED;
}

static int
no_key(struct psm__spool *s, const struct psm__segment *g,
       const struct psm__sealed_header *sh)
{
	char id[PSM__KEY_TEXT];

	psm__key_text(sh->key_id, id);
	snprintf(s->missing_key, sizeof(s->missing_key),
	         "spool %s: segment %016" PRIx64
	         ".pms is encrypted with key %s, which %s%s",
	         g->stream->path, g->number, id,
	         s->keys ? "is not in key file " : "needs a key file",
	         s->keys ? psm__keys_path(s->keys) : "");
	psm__log(PSM_LOG_ERROR, "a key of the spool is missing", "directory",
	         g->stream->path, "key_id", id, NULL);
	return ENOKEY;
}

/* 0, ENOKEY, or another errno. A segment that cannot be read is reported
 * when it is loaded. */
static int
check_key(struct psm__spool *s, struct psm__stream_dir *sd, uint64_t number)
{
	struct psm__segment g = {.stream = sd, .fd = -1, .number = number};
	const struct psm__sealed_header *sh = NULL;
	int rc = 0;

	if (file_size(&g) != 0 || g.size == 0)
		return 0;
	rc = psm__segment_map(&g);
	if (rc != 0)
		return rc == ENOMEM ? rc : 0;
	psm__segment_probe(&g, PSM__SEALED_START);
	if (!has_key(s, &g, &sh) && !is_settled(sd, &g))
		rc = no_key(s, &g, sh);
	psm__segment_unmap(&g);
	return rc;
}

/* Check for missing keys before anything in the stream is changed. */
static int
check_keys(struct psm__spool *s, struct psm__stream_dir *sd,
           const struct numbers *found)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < found->count; i++)
		rc = check_key(s, sd, found->list[i]);
	return rc;
}

static int
unlock(struct psm__spool *s, struct psm__segment *g)
{
	return g->encrypted ? psm__seal_unlock(s->keys, g) : 0;
}

/* The name is not a segment's file, or it was removed meanwhile. */
static int
is_foreign(int why)
{
	return why == ENOENT || why == EISDIR || why == ELOOP || why == ENXIO ||
	       why == ENODEV;
}

/* *out: the segment, mapped; NULL if the file is not a segment, which is no
 * error. A segment that cannot be opened now is an error: if it were
 * skipped, it would be deleted once the records after it are settled. */
static int
load_segment(struct psm__spool *s, struct psm__stream_dir *sd, uint64_t number,
             struct psm__segment **out)
{
	struct psm__segment *g = psm__alloc(sizeof(*g));
	int rc;

	*out = NULL;
	if (!g)
		return ENOMEM;
	g->stream = sd;
	g->fd = -1;
	g->number = number;
	rc = file_size(g);
	if (rc == 0 && g->size == 0) {
		psm__segment_delete(g);
		return 0;
	}
	if (rc == 0)
		rc = psm__segment_map(g);
	if (rc != 0) {
		psm__log(PSM_LOG_ERROR, "a spool segment cannot be opened",
		         "directory", sd->path, "why", strerror(rc), NULL);
		psm__segment_free(g);
		return is_foreign(rc) ? 0 : rc;
	}
	rc = psm__segment_check(g) ? unlock(s, g) : EBADMSG;
	if (rc == ENOMEM) {
		psm__segment_free(g);
		return rc;
	}
	if (rc == ENOKEY) { /* all of it is settled */
		psm__segment_delete(g);
		return 0;
	}
	if (rc != 0) {
		psm__quarantine_segment(&s->damage, g);
		return 0;
	}
	g->used = g->size;
	g->last_seq = g->first_seq - 1;
	*out = g;
	return 0;
}

/* Only the newest segment is read now; the reader checks the others later. */
static void
find_end(struct psm__spool *s, struct psm__segment *g)
{
	uint64_t after = g->first_seq - 1;
	const struct psm__rec *rec;
	size_t at = g->start;

	if (after < g->stream->settled)
		after = g->stream->settled;
	psm__segment_set_state(g, PSM__SEGMENT_NEWEST);
	psm__segment_probe(g, g->size);
	while ((rec = psm__segment_scan(&s->damage, g, &at, after)) != NULL) {
		if (le64toh(rec->seq) > g->last_seq)
			g->last_seq = le64toh(rec->seq);
		if (g->last_seq > after)
			after = g->last_seq;
		at += psm__rec_space(le32toh(rec->len));
		if (at > g->size)
			at = g->size;
	}
	g->used = at;
}

/* How far the stream is settled: by the cursor, if it belongs to these
 * segments. Missing segments after that place are counted as damage. */
static void
place(struct psm__spool *s, struct psm__stream_dir *sd,
      const struct psm__segment *list, const struct psm__segment *newest)
{
	if (!newest) {
		sd->read_seq = sd->settled;
		return;
	}
	if (sd->placed && memcmp(sd->uuid, newest->uuid, 16) != 0) {
		psm__log(PSM_LOG_WARN, "the spool's cursor is of another spool",
		         "directory", sd->path, NULL);
		sd->placed = 0;
		sd->settled = 0;
	}
	if (!sd->placed) {
		memcpy(sd->uuid, newest->uuid, 16);
		sd->known = 1;
		sd->settled = list->first_seq - 1;
	}
	sd->read_seq = sd->settled;
	if (list->first_seq <= sd->settled + 1)
		return;
	psm__damage_add(&s->damage, list->first_seq - 1 - sd->settled, 0);
	sd->read_seq = list->first_seq - 1;
}

/* A process may have ended before it copied damaged bytes to the quarantine. */
static void
discard(struct psm__spool *s, struct psm__segment *g)
{
	if (psm__segment_map(g) == 0) {
		psm__segment_probe(g, g->size);
		if (psm__segment_is_damaged(g))
			psm__segment_keep(g);
	} else {
		psm__segment_keep(g);
	}
	psm__segment_discard(&s->damage, g);
}

/* Of the list of sd, delete the settled segments and keep the others in *b. */
static void
choose(struct psm__spool *s, struct psm__stream_dir *sd,
       struct psm__segment *list, struct psm__batch *b)
{
	struct psm__segment *g, *next;

	for (g = list; g; g = next) {
		uint64_t from = g->first_seq - 1;

		next = g->next;
		g->next = NULL;
		if (next) /* the newest knows its end already */
			g->last_seq = next->first_seq - 1;
		if (g->last_seq <= sd->settled) {
			discard(s, g);
			continue;
		}
		/* Pages that were replaced in memory must stay mapped. */
		if (g->damage != PSM__DAMAGE_PAGES)
			psm__segment_unmap(g);
		g->counted =
		    g->last_seq - (from > sd->settled ? from : sd->settled);
		g->charged = g->used - g->start;
		b->records += g->counted;
		b->bytes += (int64_t)g->charged;
		sd->segments++;
		if (b->last)
			b->last->next = g;
		else
			b->first = g;
		b->last = g;
	}
}

int
psm__stream_dir_load(struct psm__spool *s, struct psm__stream_dir *sd,
                     struct psm__batch *b)
{
	struct psm__segment *list = NULL, **tail = &list, *newest = NULL;
	struct numbers found = {0};
	uint64_t end = 0;
	int rc;

	memset(b, 0, sizeof(*b));
	sd->quarantined = psm__quarantine_count(sd);
	b->quarantined = sd->quarantined;
	rc = list_segments(sd, &found);
	if (rc == 0)
		rc = check_keys(s, sd, &found);
	for (size_t i = 0; rc == 0 && i < found.count; i++) {
		rc = load_segment(s, sd, found.list[i], tail);
		if (*tail) {
			newest = *tail;
			tail = &newest->next;
		}
		/* Keep only the newest one open. */
		if (newest && i + 1 < found.count)
			psm__segment_unmap(newest);
	}
	psm__free(found.list);
	if (rc == 0)
		place(s, sd, list, newest);
	if (rc == 0 && newest) {
		rc = psm__segment_map(newest);
		if (rc == 0)
			find_end(s, newest);
		end = newest->last_seq;
	}
	if (rc != 0) {
		while (list) {
			newest = list->next;
			psm__segment_free(list);
			list = newest;
		}
		return rc;
	}
	b->next_seq = (end > sd->settled ? end : sd->settled) + 1;
	choose(s, sd, list, b);
	return 0;
}
