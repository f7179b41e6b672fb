/* SPDX-License-Identifier: BSD-2-Clause */
/* A spool with small segments in a directory of the test's own, and events with
 * a number. */
#ifndef PSM_TESTING_SPOOL_H
#define PSM_TESTING_SPOOL_H

#include "testing.h"

#include <fcntl.h>

#include "spool/spool.h"
#include "spool/spool_int.h"

#define SMALL ((size_t)4096)

static char dir[256];
static struct psm__file_ops real;

/* Two keys as lines of a key file. */
#define KEY_A                                                                  \
	"000102030405060708090a0b0c0d0e0f"                                     \
	"101112131415161718191a1b1c1d1e1f\n"
#define KEY_B                                                                  \
	"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"                                     \
	"e0e1e2e3e4e5e6e7e8e9eaebecedeeef\n"

/* Of the spools to come; NULL: they are not encrypted. */
static const char *key_file;
static char key_path[300];

/* What a test is about is seldom the disk itself. */
static inline int
no_sync(int fd)
{
	(void)fd;
	return 0;
}

/* Thousands of small directories are made; nothing of it has to last. */
static inline void
use_memory_disk(void)
{
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
}

static inline void
set_up(void)
{
	testing_tmpdir(dir, sizeof(dir));
	real = psm__file_ops;
	key_file = NULL;
	snprintf(key_path, sizeof(key_path), "%s.key", dir);
}

static inline void
write_key_file(const void *bytes, size_t len)
{
	int fd = open(key_path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

/* The spools to come are encrypted with these keys. */
static inline void
use_keys(const char *lines)
{
	write_key_file(lines, strlen(lines));
	key_file = key_path;
}

static inline void
set_up_encrypted(void)
{
	set_up();
	use_keys(KEY_A);
}

static inline size_t
first_record(void)
{
	return key_file ? PSM__SEALED_START : PSM__SEGMENT_HEADER;
}

static inline void
tear_down(void)
{
	psm__file_ops = real;
	testing_remove(dir);
	(void)unlink(key_path); /* most tests have none */
}

static inline struct psm__spool_conf
conf_of(int durability)
{
	struct psm__spool_conf conf = {
	    .dir = dir,
	    .key_file = key_file,
	    .durability = durability,
	    .interval_ms = 10,
	    .max_bytes = 1 << 24,
	    .window = 64,
	    .segment_size = SMALL,
	};

	return conf;
}

static inline struct psm__spool *
open_with(const struct psm__spool_conf *conf)
{
	struct psm__spool *s = NULL;
	psm_error *err = psm_error_new();
	int rc = psm__spool_open(conf, &s, err);

	/* Children come here, too, and Check's assertions are not for them. */
	if (rc != 0)
		abort();
	psm_error_free(err);
	return s;
}

static inline struct psm__spool *
open_spool(void)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);

	return open_with(&conf);
}

/* Closes; what is not settled stays. */
static inline void
end(struct psm__spool *s)
{
	psm__spool_close(s);
	psm__spool_free(s);
}

/* Event n has n % 3 headers: its key, and one without a value. */
static inline size_t
headers_of(int n, const char *key, struct psm__header out[2])
{
	out[0] = (struct psm__header){"key", key, strlen(key)};
	out[1] = (struct psm__header){"none", NULL, 0};
	return (size_t)n % 3;
}

/* Event n: {"event_id":"id-n","n":n} padded to some length. */
static inline int
try_put(struct psm__spool *s, int n)
{
	char value[256], id[32], key[16];
	struct psm__header headers[2];
	struct psm__spool_entry e = {
	    .topic = "a-topic", .key = key, .id = id, .headers = headers};

	snprintf(id, sizeof(id), "id-%06d", n);
	snprintf(key, sizeof(key), "k%d", n % 7);
	e.key_len = strlen(key);
	e.header_count = headers_of(n, key, headers);
	snprintf(value, sizeof(value), "{\"event_id\":\"%s\",\"n\":%0*d}", id,
	         10 + n % 90, n);
	e.value = value;
	e.value_len = strlen(value);
	return psm__spool_append(s, &e, NULL);
}

static inline void
put(struct psm__spool *s, int from, int to)
{
	for (int n = from; n < to; n++)
		ck_assert_int_eq(try_put(s, n), 0);
}

/* The number in a message; checks that nothing else of it is damaged. */
static inline int
number_of(const struct psm__message *m)
{
	struct psm__header want[2];
	char key[16], text[256];
	int n = -1;

	ck_assert_str_eq(m->topic, "a-topic");
	ck_assert_uint_lt(m->value_len, sizeof(text));
	memcpy(text, m->value, m->value_len);
	text[m->value_len] = '\0';
	ck_assert_int_eq(sscanf(text, "{\"event_id\":\"id-%*d\",\"n\":%d}", &n),
	                 1);
	snprintf(key, sizeof(key), "k%d", n % 7);
	ck_assert_uint_eq(m->key_len, strlen(key));
	ck_assert_mem_eq(m->key, key, m->key_len);
	ck_assert_uint_eq(m->header_count, headers_of(n, key, want));
	for (size_t i = 0; i < m->header_count; i++) {
		ck_assert_str_eq(m->headers[i].name, want[i].name);
		ck_assert_uint_eq(m->headers[i].len, want[i].len);
		ck_assert_int_eq(!m->headers[i].value, !want[i].value);
		if (want[i].len > 0)
			ck_assert_mem_eq(m->headers[i].value, want[i].value,
			                 want[i].len);
	}
	return n;
}

static inline int
read_one(struct psm__spool *s)
{
	struct psm__message m;
	char id[64], want[64];
	int n;

	if (!psm__spool_peek(s, &m))
		return -1;
	n = number_of(&m);
	psm__spool_id(s, m.token, id, sizeof(id));
	snprintf(want, sizeof(want), "id-%06d", n);
	ck_assert_str_eq(id, want);
	psm__spool_pass(s);
	ck_assert_int_eq(psm__spool_settle(s, m.token), 1);
	return n;
}

/* Reads and releases from .. to-1. */
static inline void
consume(struct psm__spool *s, int from, int to)
{
	for (int n = from; n < to; n++) {
		ck_assert_int_eq(read_one(s), n);
		psm__spool_release(s);
	}
}

/* Reads and settles all: exactly from .. to-1. */
static inline void
expect(struct psm__spool *s, int from, int to)
{
	consume(s, from, to);
	ck_assert_int_eq(read_one(s), -1);
	psm__spool_release(s);
}

static inline struct psm__spool_numbers
numbers(struct psm__spool *s)
{
	struct psm__spool_numbers n;

	psm__spool_numbers(s, &n);
	return n;
}

/* -- its files */

/* The first segment of a new spool; number 1 was the spare. */
#define SEGMENT "stream.0/0000000000000002.pms"

static inline const char *
path_of(const char *below)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s", dir, below);
	return path;
}

/* How many bytes there were. */
static inline size_t
load(const char *below, void *bytes, size_t size)
{
	int fd = open(path_of(below), O_RDONLY);
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	n = read(fd, bytes, size);
	ck_assert_int_ge(n, 0);
	close(fd);
	return (size_t)n;
}

static inline void
store(const char *below, const void *bytes, size_t len)
{
	int fd = open(path_of(below), O_CREAT | O_TRUNC | O_WRONLY, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

static inline void
move(const char *from, const char *to)
{
	char name[600];

	snprintf(name, sizeof(name), "%s", path_of(from));
	ck_assert_int_eq(rename(name, path_of(to)), 0);
}

/* Ends the way kill -9 does: nothing is tidied up. */
static inline void
abandon(struct psm__spool *s)
{
	psm__spool_free(s);
}

static inline int
count_files(const char *below, const char *suffix)
{
	char path[512];
	struct dirent **names = NULL;
	int n, count = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, below);
	n = scandir(path, &names, testing_not_dot, alphasort);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(names[i]->d_name), end_len = strlen(suffix);

		if (len >= end_len &&
		    strcmp(names[i]->d_name + len - end_len, suffix) == 0)
			count++;
		free(names[i]);
	}
	free(names);
	return count;
}

#endif
