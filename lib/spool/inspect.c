/* SPDX-License-Identifier: BSD-2-Clause */
/* A spool directory seen from outside: nothing is written, nothing is locked.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <psymatch/spool.h>

#include "base/crc32c.h"
#include "spool/spool_int.h"

struct text {
	const char *bytes; /* NULL: there is none */
	size_t len;
};

struct psm_spool_item {
	int what, owned, settled, encrypted, locked;
	int64_t at, bytes, number, time_us;
	struct text stream, file, key_id, topic, key, event_id, value, reason;
};

struct scan {
	psm_spool_fn fn;
	void *user;
	psm_error *err;
	struct psm__keys *keys; /* NULL: none */
	char key_id[PSM__KEY_TEXT];
	psm_spool_item item; /* of the stream being read */
	uint8_t *room;       /* of the file being read */
	size_t room_size;
	struct psm__stream_dir stream; /* what is known of it */
};

static int
tell(struct scan *sc, int what)
{
	sc->item.what = what;
	return sc->fn(&sc->item, sc->user);
}

static struct text
text_of(const char *text)
{
	return (struct text){text, strlen(text)};
}

/* Forget what belongs to one item, keep what belongs to stream and file. */
static void
next_item(struct scan *sc)
{
	sc->item = (psm_spool_item){.stream = sc->item.stream,
	                            .owned = sc->item.owned,
	                            .file = sc->item.file,
	                            .encrypted = sc->item.encrypted,
	                            .locked = sc->item.locked,
	                            .key_id = sc->item.key_id};
}

static void
next_file(struct scan *sc, const char *name)
{
	sc->item = (psm_spool_item){.stream = sc->item.stream,
	                            .owned = sc->item.owned,
	                            .file = text_of(name)};
}

static int
fail_io(psm_error *err, const char *what)
{
	int why = errno;

	if (why == ENOMEM)
		return psm__nomem(err);
	if (why == ENOENT || why == ENOTDIR)
		return psm__fail(err, PSM_ERR_NOT_FOUND, "%s: %s", what,
		                 strerror(why));
	return psm__fail(err, PSM_ERR_IO, "%s: %s", what, strerror(why));
}

/* -- files */

/* Room for one file after the other: fresh pages cost more than reading. */
static uint8_t *
make_room(struct scan *sc, size_t size)
{
	uint8_t *bytes = sc->room;

	if (size > sc->room_size) {
		bytes = psm__realloc(bytes, size);
		if (!bytes) {
			errno = ENOMEM;
			return NULL;
		}
		sc->room = bytes;
		sc->room_size = size;
	}
	return bytes;
}

/* 0 or an errno. A file that is cut meanwhile is as long as what was read. */
static int
read_all(int fd, uint8_t *bytes, size_t size, size_t *len)
{
	ssize_t n = 1;

	while (*len < size && n != 0) {
		n = read(fd, bytes + *len, size - *len);
		if (n < 0 && errno != EINTR)
			return errno;
		*len += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* The whole file, good until the next one is read; NULL with errno. */
static uint8_t *
read_file(struct scan *sc, int dirfd, const char *name, size_t *len,
          int64_t *time_us)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t *bytes = NULL;
	struct stat st;
	int why = EINVAL;

	*len = 0;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*time_us = (int64_t)st.st_mtim.tv_sec * 1000000 +
		           st.st_mtim.tv_nsec / 1000;
		bytes = make_room(sc, (size_t)st.st_size + 8);
		why = bytes ? read_all(fd, bytes, (size_t)st.st_size, len)
		            : ENOMEM;
	}
	close(fd);
	errno = why;
	return why == 0 ? bytes : NULL;
}

/* A segment of nobody: nothing changes in it meanwhile, so it need not be
 * copied. -1 with errno. */
static int
map_segment(struct psm__segment *g, int dirfd, const char *name,
            int64_t *time_us)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), why;
	struct stat st;

	if (fd < 0)
		return -1;
	why = fstat(fd, &st) < 0 ? errno : 0;
	if (why == 0 && (!S_ISREG(st.st_mode) || st.st_size == 0))
		why = EINVAL;
	if (why == 0) {
		*time_us = (int64_t)st.st_mtim.tv_sec * 1000000 +
		           st.st_mtim.tv_nsec / 1000;
		g->size = (size_t)st.st_size;
		g->base = mmap(NULL, g->size, PROT_READ | PROT_WRITE,
		               MAP_PRIVATE, fd, 0);
		if (g->base == MAP_FAILED)
			why = errno;
	}
	close(fd);
	errno = why;
	return why == 0 ? 0 : -1;
}

/* 0, or -1 with errno. */
static int
open_segment(struct scan *sc, struct psm__segment *g, int dirfd,
             const char *name, int64_t *time_us)
{
	g->stream = &sc->stream;
	g->fd = -1;
	if (!sc->item.owned && map_segment(g, dirfd, name, time_us) == 0) {
		psm__segment_probe(g, g->size);
		return 0;
	}
	g->own_memory = 1;
	g->base = read_file(sc, dirfd, name, &g->size, time_us);
	return g->base ? 0 : -1;
}

static void
close_segment(struct psm__segment *g)
{
	psm__seal_free(g->seal);
	if (!g->own_memory)
		munmap(g->base, g->size);
}

/* The disk works on the next file while we look at this one. */
static void
read_ahead(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
	close(fd);
}

/* The names of a directory, sorted. */
struct names {
	char **list;
	size_t count, cap, others; /* others: not wanted */
};

static int
compare(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	size_t n = strlen(x), m = strlen(y);

	/* "stream.9" comes before "stream.10"; segments are all as long. */
	if (n != m && strncmp(x, "stream.", 7) == 0)
		return n < m ? -1 : 1;
	return strcmp(x, y);
}

static void
free_names(struct names *n)
{
	while (n->count > 0)
		psm__free(n->list[--n->count]);
	psm__free(n->list);
}

static int
add_name(struct names *n, const char *name)
{
	char *copy = psm__strdup(name);

	if (!copy ||
	    psm__grow(&n->list, &n->cap, n->count + 1, sizeof(*n->list)) < 0) {
		psm__free(copy);
		return -1;
	}
	n->list[n->count++] = copy;
	return 0;
}

/* To be freed, also after a failure: -1 with errno. A directory that is not
 * there has no names. */
static int
list(int dirfd, const char *below, int (*wanted)(const char *), struct names *n)
{
	int fd = openat(dirfd, below, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	int rc = 0;

	if (!dir && fd >= 0)
		close(fd);
	if (!dir)
		return errno == ENOENT ? 0 : -1;
	while (rc == 0 && (e = readdir(dir)) != NULL)
		if (wanted(e->d_name))
			rc = add_name(n, e->d_name);
		else if (e->d_name[0] != '.')
			n->others += strcmp(e->d_name, "lost+found") != 0;
	closedir(dir);
	if (n->count > 0)
		qsort(n->list, n->count, sizeof(*n->list), compare);
	if (rc < 0)
		errno = ENOMEM;
	return rc;
}

/* -- records */

static void
describe(struct scan *sc, const struct psm__rec *rec, size_t at)
{
	psm_spool_item *i = &sc->item;

	next_item(sc);
	i->at = (int64_t)at;
	i->bytes = le32toh(rec->len);
	i->number = (int64_t)le64toh(rec->seq);
	i->time_us = (int64_t)le64toh((uint64_t)rec->time_us);
	i->settled = le64toh(rec->seq) <= sc->stream.settled;
}

/* What it is about, of a record in the clear. */
static void
describe_parts(struct scan *sc, const struct psm__rec *rec)
{
	const char *p = (const char *)(rec + 1);
	psm_spool_item *i = &sc->item;

	i->topic = (struct text){p, le16toh(rec->topic_len)};
	p += i->topic.len + 1;
	if (le16toh(rec->kind) != PSM__REC_NO_KEY)
		i->key = (struct text){p, le32toh(rec->key_len)};
	p += le32toh(rec->key_len);
	i->value = (struct text){p, le32toh(rec->value_len)};
	i->event_id.len = psm__rec_id(rec, &i->event_id.bytes);
	if (i->event_id.len == 0)
		i->event_id.bytes = NULL;
}

static int
damage(struct scan *sc, size_t at, size_t end, uint64_t lost, const char *why)
{
	next_item(sc);
	sc->item.at = (int64_t)at;
	sc->item.bytes = (int64_t)(end - at);
	sc->item.number = (int64_t)lost;
	sc->item.reason = text_of(why);
	return tell(sc, PSM_SPOOL_DAMAGE);
}

static int
tell_record(struct scan *sc, struct psm__segment *g, const struct psm__rec *rec,
            size_t at)
{
	struct psm__rec *plain = NULL;
	int rc;

	describe(sc, rec, at);
	if (!g->encrypted)
		describe_parts(sc, rec);
	if (!g->seal)
		return tell(sc, PSM_SPOOL_RECORD);
	rc = psm__seal_open(g, rec, &plain);
	if (rc == ENOMEM)
		return psm__nomem(sc->err);
	if (rc != 0)
		return damage(sc, at, at + psm__rec_space(le32toh(rec->len)), 1,
		              "it was altered: its key does not open it");
	describe_parts(sc, plain);
	rc = tell(sc, PSM_SPOOL_RECORD);
	psm__wipe(plain, le32toh(plain->len));
	return rc;
}

/* What follows the last record. Its owner may be appending right now. */
static int
scan_tail(struct scan *sc, const struct psm__segment *g, size_t at)
{
	if (psm__segment_tail(g, at) != PSM__TAIL_DAMAGED)
		return 0;
	return damage(sc, at, g->size, psm__rec_torn(g, at),
	              "the end is no record");
}

static int
scan_records(struct scan *sc, struct psm__segment *g)
{
	uint64_t after = g->first_seq - 1, seq;
	size_t at = g->start, found;
	int rc = 0;

	while (rc == 0 && (found = psm__rec_find(g, at)) != 0) {
		const struct psm__rec *rec = psm__rec_at(g->base, found);

		seq = le64toh(rec->seq);
		if (found != at)
			rc = damage(sc, at, found,
			            seq > after + 1 ? seq - after - 1 : 0,
			            "these bytes are no record");
		if (rc == 0 && le16toh(rec->kind) != PSM__REC_HOLE)
			rc = tell_record(sc, g, rec, found);
		after = seq;
		at = found + psm__rec_space(le32toh(rec->len));
	}
	return rc == 0 && at < g->size ? scan_tail(sc, g, at) : rc;
}

/* 0: its records can be read, or are at least seen. EBADMSG, ENOMEM. */
static int
unlock(struct scan *sc, struct psm__segment *g)
{
	const struct psm__sealed_header *sh = NULL;
	int rc = psm__seal_unlock(sc->keys, g);

	for (int copy = 0; copy < 2 && !sh; copy++)
		sh = psm__seal_header(g, copy);
	psm__key_text(sh->key_id, sc->key_id);
	sc->item.encrypted = 1;
	sc->item.locked = rc == ENOKEY;
	sc->item.key_id = text_of(sc->key_id);
	return rc == ENOKEY ? 0 : rc;
}

static int
scan_segment(struct scan *sc, int dirfd, const char *name)
{
	struct psm__segment g = {0};
	int64_t time_us = 0;
	int rc, good, altered;

	next_file(sc, name);
	if (open_segment(sc, &g, dirfd, name, &time_us) < 0)
		/* The producer may just have released it. */
		return errno == ENOENT ? 0 : fail_io(sc->err, name);
	good = g.size > 0 && psm__segment_check(&g);
	rc = good && g.encrypted ? unlock(sc, &g) : 0;
	if (rc == ENOMEM) {
		close_segment(&g);
		return psm__nomem(sc->err);
	}
	altered = rc != 0;
	sc->item.bytes = (int64_t)g.size;
	sc->item.time_us = time_us;
	sc->item.number = good ? (int64_t)g.first_seq : 0;
	rc = tell(sc, PSM_SPOOL_SEGMENT);
	if (rc == 0 && altered)
		rc = damage(sc, 0, g.size, psm__rec_torn(&g, g.start),
		            "its header was altered: its key does not fit");
	else if (rc == 0 && good)
		rc = scan_records(sc, &g);
	else if (rc == 0 && psm__segment_tail(&g, 0) != PSM__TAIL_CLEAN)
		rc = damage(sc, 0, g.size, psm__rec_torn(&g, g.start),
		            "this is no segment");
	close_segment(&g);
	return rc;
}

/* -- streams */

static int
is_segment(const char *name)
{
	uint64_t number;
	int end = 0;

	return sscanf(name, "%16" SCNx64 ".%n", &number, &end) == 1 &&
	       end == 17 && strcmp(name + end, "pms") == 0;
}

static int
is_file(const char *name)
{
	return name[0] != '.';
}

static int
scan_quarantine(struct scan *sc, int dirfd)
{
	struct names n = {0};
	char file[300];
	struct stat st;
	size_t i;
	int rc = 0;

	/* A file of that name holds nothing of ours: a start sets it aside. */
	if (list(dirfd, "quarantine", is_file, &n) < 0 && errno != ENOTDIR)
		rc = fail_io(sc->err, "quarantine");
	for (i = 0; i < n.count && rc == 0; i++) {
		(void)snprintf(file, sizeof(file), "quarantine/%s", n.list[i]);
		if (fstatat(dirfd, file, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		next_file(sc, file);
		sc->item.bytes = (int64_t)st.st_size;
		sc->item.time_us = (int64_t)st.st_mtim.tv_sec * 1000000;
		rc = tell(sc, PSM_SPOOL_QUARANTINE);
	}
	free_names(&n);
	return rc;
}

static void
read_cursor(struct scan *sc, int dirfd)
{
	const struct psm__cursor_slot *best = NULL;
	int64_t time_us;
	size_t len;
	uint8_t *bytes = read_file(sc, dirfd, "cursor", &len, &time_us);

	if (bytes && len >= 2 * sizeof(*best))
		best = psm__cursor_best((const void *)bytes);
	if (best) {
		sc->stream.settled = le64toh(best->settled);
		memcpy(sc->stream.uuid, best->uuid, 16);
		sc->stream.known = 1;
	}
}

static int
scan_segments(struct scan *sc, int dirfd)
{
	struct names n = {0};
	size_t i;
	int rc = 0;

	if (list(dirfd, ".", is_segment, &n) < 0)
		rc = fail_io(sc->err, "stream");
	for (i = 0; i < n.count && rc == 0; i++) {
		if (i + 1 < n.count)
			read_ahead(dirfd, n.list[i + 1]);
		rc = scan_segment(sc, dirfd, n.list[i]);
	}
	free_names(&n);
	return rc;
}

static int
scan_stream(struct scan *sc, int parentfd, char *name)
{
	int dirfd = openat(parentfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (dirfd < 0)
		return errno == ENOENT ? 0 : fail_io(sc->err, name);
	sc->stream = (struct psm__stream_dir){
	    .path = name, .dirfd = -1, .cursor_fd = -1, .lockfd = -1};
	sc->item = (psm_spool_item){.stream = text_of(name),
	                            .owned = psm__stream_locked(dirfd)};
	read_cursor(sc, dirfd);
	rc = tell(sc, PSM_SPOOL_STREAM);
	if (rc == 0)
		rc = scan_segments(sc, dirfd);
	if (rc == 0)
		rc = scan_quarantine(sc, dirfd);
	close(dirfd);
	return rc;
}

static int
is_stream(const char *name)
{
	unsigned n;
	char rest;

	return sscanf(name, "stream.%u%c", &n, &rest) == 1;
}

/* Streams are sent in the order of their numbers. */
static int
compare_numbers(const void *a, const void *b)
{
	const size_t at = strlen("stream.");
	unsigned long x = strtoul(*(char *const *)a + at, NULL, 10);
	unsigned long y = strtoul(*(char *const *)b + at, NULL, 10);

	return x < y ? -1 : x > y;
}

/* A producer that has sent everything leaves none behind. */
static int
list_streams(int fd, const char *dir, struct names *n, psm_error *err)
{
	if (list(fd, ".", is_stream, n) < 0)
		return fail_io(err, dir);
	if (n->count > 0)
		qsort(n->list, n->count, sizeof(*n->list), compare_numbers);
	if (n->count > 0 || n->others == 0)
		return 0;
	return psm__fail(err, PSM_ERR_NOT_FOUND,
	                 "%s: no spool: it has other files only", dir);
}

int
psm__spool_is_one(const char *dir, psm_error *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
	struct names n = {0};

	if (fd < 0)
		return fail_io(err, dir);
	rc = list_streams(fd, dir, &n, err);
	free_names(&n);
	close(fd);
	return rc;
}

int
psm_spool_scan(const char *dir, const char *key_file, psm_spool_fn fn,
               void *user, psm_error *err)
{
	struct scan sc = {.fn = fn, .user = user, .err = err};
	struct names n = {0};
	size_t i;
	int fd, rc = 0;

	psm__error_clear(err);
	if (!dir || !fn)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a directory and a function");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_io(err, dir);
	if (key_file && key_file[0])
		rc = psm__keys_load(key_file, &sc.keys, err);
	if (rc == 0)
		rc = list_streams(fd, dir, &n, err);
	for (i = 0; i < n.count && rc == 0; i++)
		rc = scan_stream(&sc, fd, n.list[i]);
	free_names(&n);
	psm__keys_free(sc.keys);
	psm__free(sc.room);
	close(fd);
	return rc;
}

/* -- items */

int
psm_spool_item_what(const psm_spool_item *item)
{
	return item ? item->what : -1;
}

int64_t
psm_spool_item_int(const psm_spool_item *item, const char *name)
{
	static const psm_spool_item none;
	const psm_spool_item *i = item ? item : &none;
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {
	    {"owned", i->owned},         {"at", i->at},
	    {"bytes", i->bytes},         {"number", i->number},
	    {"time_us", i->time_us},     {"settled", i->settled},
	    {"encrypted", i->encrypted}, {"locked", i->locked},
	};

	for (size_t n = 0; item && name && n < PSM__COUNT(numbers); n++)
		if (strcmp(numbers[n].name, name) == 0)
			return numbers[n].value;
	return -1;
}

const char *
psm_spool_item_text(const psm_spool_item *item, const char *name, size_t *len)
{
	static const struct {
		const char *name;
		size_t at;
	} texts[] = {
	    {"stream", offsetof(psm_spool_item, stream)},
	    {"file", offsetof(psm_spool_item, file)},
	    {"key_id", offsetof(psm_spool_item, key_id)},
	    {"topic", offsetof(psm_spool_item, topic)},
	    {"key", offsetof(psm_spool_item, key)},
	    {"event_id", offsetof(psm_spool_item, event_id)},
	    {"value", offsetof(psm_spool_item, value)},
	    {"reason", offsetof(psm_spool_item, reason)},
	};
	const struct text *text = NULL;
	size_t i;

	for (i = 0; item && name && i < PSM__COUNT(texts); i++)
		if (strcmp(texts[i].name, name) == 0)
			text = (const void *)((const char *)item + texts[i].at);
	if (len)
		*len = text && text->bytes ? text->len : 0;
	return text ? text->bytes : NULL;
}
