/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file of tokens: one line each, name, role and the SHA-256 of the token,
 * so whoever reads the file cannot use it. It is read again when it changed. A
 * file that cannot be used changes nothing: what it said before goes on.
 */
#include "service/access.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX ((size_t)256 * 1024)
/* A change within the same tick of the file system's clock shows in nothing:
 * a file as young as that is read at each look. */
#define SETTLED_S 2
#define NOBODY "the file of tokens names nobody: every request is refused"

struct token {
	char name[SVC_NAME_MAX + 1];
	enum svc_role role;
	unsigned char hash[SHA256_DIGEST_LENGTH];
};

struct svc_tokens {
	char *path;
	struct token *list;
	size_t count, cap;
	struct stat seen;
	int is_settled;

	/* Guards what follows; nothing is called under it. */
	pthread_mutex_t lock;
	char fault[SVC_REASON_SIZE]; /* of the file as it is now; "" */
};

/* -- reading */

static enum svc_role
role_from(const char *word)
{
	if (strcmp(word, "read") == 0)
		return SVC_ROLE_READ;
	if (strcmp(word, "write") == 0)
		return SVC_ROLE_WRITE;
	return strcmp(word, "admin") == 0 ? SVC_ROLE_ADMIN : SVC_ROLE_NONE;
}

/* Nothing of the line is shown: a token may stand in it by mistake. */
static int
fail_line(const struct svc_tokens *t, unsigned line, const char *want,
          psm_error *err)
{
	return psm__fail(err, PSM_ERR_CONFIG, "%s, line %u: want %s", t->path,
	                 line, want);
}

/* The parts of a line, separated by blanks; NULL: there are more or fewer. */
static int
split(char *line, char *parts[3])
{
	char *rest = NULL;
	int i;

	for (i = 0; i < 3; i++) {
		parts[i] = strtok_r(i == 0 ? line : NULL, " \t\r", &rest);
		if (!parts[i])
			return 0;
	}
	return strtok_r(NULL, " \t\r", &rest) == NULL;
}

static int
is_client_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_."
	                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return len > 0 && len <= SVC_NAME_MAX && name[len] == '\0';
}

/* One client may have several tokens, so that they can be changed in turn. */
static int
check_new(const struct svc_tokens *t, const struct token *list, size_t count,
          const struct token *new, unsigned line, psm_error *err)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(list[i].name, new->name) == 0 &&
		    list[i].role != new->role)
			return fail_line(t, line, "one role for each name",
			                 err);
		if (memcmp(list[i].hash, new->hash, sizeof new->hash) == 0)
			return fail_line(t, line, "each token once", err);
	}
	return PSM_OK;
}

static int
read_line(const struct svc_tokens *t, char *line, unsigned number,
          struct token *to, psm_error *err)
{
	char *parts[3];

	if (!split(line, parts))
		return fail_line(t, number,
		                 "a name, a role and the SHA-256 of a token",
		                 err);
	if (!is_client_name(parts[0]))
		return fail_line(t, number,
		                 "a name of 1 to 48 bytes of [A-Za-z0-9._-]",
		                 err);
	to->role = role_from(parts[1]);
	if (to->role == SVC_ROLE_NONE)
		return fail_line(t, number, "the role read, write or admin",
		                 err);
	if (strlen(parts[2]) != 2 * sizeof to->hash ||
	    psm__hex_read(parts[2], to->hash) != sizeof to->hash)
		return fail_line(t, number,
		                 "the SHA-256 of a token as 64 hexadecimal "
		                 "digits",
		                 err);
	(void)snprintf(to->name, sizeof to->name, "%s", parts[0]);
	return PSM_OK;
}

struct reading {
	struct token *list;
	size_t count, cap;
};

/* text is cut into lines. */
static int
read_lines(const struct svc_tokens *t, char *text, struct reading *r,
           psm_error *err)
{
	char *next;
	unsigned number = 0;
	int rc = PSM_OK;

	for (; text && rc == PSM_OK; text = next) {
		next = strchr(text, '\n');
		if (next)
			*next++ = '\0';
		number++;
		text += strspn(text, " \t\r");
		if (!*text || *text == '#')
			continue;
		if (psm__grow(&r->list, &r->cap, r->count + 1,
		              sizeof *r->list) < 0)
			return psm__nomem(err);
		rc = read_line(t, text, number, &r->list[r->count], err);
		if (rc == PSM_OK)
			rc = check_new(t, r->list, r->count, &r->list[r->count],
			               number, err);
		if (rc == PSM_OK)
			r->count++;
	}
	return rc;
}

/* The whole file, new; *st is the one that was read. */
static int
read_file(const struct svc_tokens *t, char **text, struct stat *st,
          psm_error *err)
{
	int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc = PSM_OK;
	ssize_t n = 0;

	*text = psm__alloc(FILE_MAX + 1);
	if (fd < 0 || fstat(fd, st) < 0)
		rc = psm__fail(err, PSM_ERR_CONFIG,
		               "PSYMATCH_API_TOKENS_FILE: %s cannot be read: "
		               "%s",
		               t->path, strerror(errno));
	else if (!*text)
		rc = psm__nomem(err);
	else if (!S_ISREG(st->st_mode))
		rc = psm__fail(err, PSM_ERR_CONFIG, "%s: want a file", t->path);
	else if (st->st_mode & (S_IWGRP | S_IWOTH))
		rc = psm__fail(err, PSM_ERR_CONFIG,
		               "%s: want a file that only its owner may write "
		               "(chmod go-w)",
		               t->path);
	else
		n = read(fd, *text, FILE_MAX + 1);
	if (fd >= 0)
		close(fd);
	if (rc == PSM_OK && (n < 0 || (size_t)n > FILE_MAX))
		rc = psm__fail(err, PSM_ERR_CONFIG,
		               "%s: want a file of at most %zu bytes that can "
		               "be read",
		               t->path, FILE_MAX);
	if (rc == PSM_OK && memchr(*text, '\0', (size_t)n))
		rc = psm__fail(err, PSM_ERR_CONFIG, "%s: has a NUL byte",
		               t->path);
	return rc;
}

static int
read_tokens(struct svc_tokens *t, psm_error *err)
{
	struct reading r = {NULL, 0, 0};
	struct stat st = {0};
	char *text = NULL;
	int rc = read_file(t, &text, &st, err), is_read = rc == PSM_OK;

	if (is_read)
		rc = read_lines(t, text, &r, err);
	/* What kept it from being read may pass without a change of it. */
	t->seen = st;
	t->is_settled = is_read && rc != PSM_ERR_NOMEM &&
	                time(NULL) - st.st_mtime > SETTLED_S;
	psm__free(text);
	if (rc < 0) {
		psm__free(r.list);
		return rc;
	}
	psm__free(t->list);
	t->list = r.list;
	t->count = r.count;
	t->cap = r.cap;
	return PSM_OK;
}

/* Each fault is logged once. */
static void
note(struct svc_tokens *t, int rc, const char *fault)
{
	int is_new;

	pthread_mutex_lock(&t->lock);
	is_new = strncmp(t->fault, fault, sizeof t->fault - 1) != 0;
	(void)snprintf(t->fault, sizeof t->fault, "%s", fault);
	pthread_mutex_unlock(&t->lock);
	if (is_new && fault[0] && rc == PSM_OK)
		psm__log(PSM_LOG_WARN, fault, NULL);
	else if (is_new && fault[0])
		psm__log(PSM_LOG_ERROR,
		         "the file of tokens cannot be used, what it said "
		         "before goes on",
		         "code", psm_error_name(rc), "reason", fault, NULL);
	else if (is_new)
		psm__log(PSM_LOG_INFO, "the file of tokens can be used again",
		         NULL);
}

int
psm__svc_tokens_new(const char *path, struct svc_tokens **out, psm_error *err)
{
	struct svc_tokens *t = psm__alloc(sizeof *t);
	int rc;

	*out = NULL;
	if (!t)
		return psm__nomem(err);
	pthread_mutex_init(&t->lock, NULL);
	t->path = psm__strdup(path);
	rc = t->path ? read_tokens(t, err) : psm__nomem(err);
	if (rc < 0) {
		psm__svc_tokens_free(t);
		return rc;
	}
	note(t, PSM_OK, t->count == 0 ? NOBODY : "");
	*out = t;
	return PSM_OK;
}

void
psm__svc_tokens_free(struct svc_tokens *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	psm__free(t->list);
	psm__free(t->path);
	psm__free(t);
}

/* -- asking */

static int
has_changed(const struct svc_tokens *t)
{
	const struct stat *was = &t->seen;
	struct stat is = {0};

	if (stat(t->path, &is) < 0)
		return 1;
	return !t->is_settled || is.st_ino != was->st_ino ||
	       is.st_dev != was->st_dev || is.st_size != was->st_size ||
	       is.st_mode != was->st_mode ||
	       is.st_mtim.tv_sec != was->st_mtim.tv_sec ||
	       is.st_mtim.tv_nsec != was->st_mtim.tv_nsec ||
	       is.st_ctim.tv_sec != was->st_ctim.tv_sec ||
	       is.st_ctim.tv_nsec != was->st_ctim.tv_nsec;
}

void
psm__svc_tokens_look(struct svc_tokens *t)
{
	psm_error *err;
	int rc;

	if (!has_changed(t))
		return;
	err = psm_error_new();
	rc = read_tokens(t, err);
	note(t, rc,
	     rc == PSM_OK ? (t->count == 0 ? NOBODY : "")
	     : err        ? psm_error_message(err)
	                  : "out of memory");
	psm_error_free(err);
}

/* Every token is compared, and each over its whole length: how long it takes
 * says nothing about how much of a guess was right. */
enum svc_role
psm__svc_tokens_find(struct svc_tokens *t, const char *token,
                     char name[SVC_NAME_MAX + 1])
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	const struct token *found = NULL;
	size_t i;

	name[0] = '\0';
	if (!SHA256((const unsigned char *)token, strlen(token), hash))
		return SVC_ROLE_NONE;
	for (i = 0; i < t->count; i++)
		if (CRYPTO_memcmp(t->list[i].hash, hash, sizeof hash) == 0)
			found = &t->list[i];
	if (!found)
		return SVC_ROLE_NONE;
	memcpy(name, found->name, sizeof found->name);
	return found->role;
}

int
psm__svc_tokens_health(char *reason, size_t size, void *tokens)
{
	struct svc_tokens *t = tokens;
	int is_bad, is_empty;

	pthread_mutex_lock(&t->lock);
	is_bad = t->fault[0] != '\0';
	is_empty = strcmp(t->fault, NOBODY) == 0;
	(void)snprintf(reason, size, "%s",
	               is_empty ? NOBODY
	               : is_bad ? "the file of tokens cannot be used, what it "
	                          "said before goes on"
	                        : "");
	pthread_mutex_unlock(&t->lock);
	return is_bad ? PSM_HEALTH_AMBER : PSM_HEALTH_GREEN;
}
