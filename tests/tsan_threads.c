/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C11 thread functions of the C library on top of its POSIX ones, only for
 * programs built with ThreadSanitizer. librdkafka uses the C11 functions, the
 * sanitizer of gcc 12 knows only the POSIX ones: a thread that it did not see
 * start crashes it, a lock that it did not see makes false alarms. The types
 * have the same size and layout in glibc, which is checked below.
 */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define WITH_TSAN 1
#endif

#ifndef WITH_TSAN
typedef int nothing_to_do; /* a translation unit must have something in it */
#else
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "mtx_t");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "cnd_t");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "thrd_t");

#define M(m) ((pthread_mutex_t *)(void *)(m))
#define C(c) ((pthread_cond_t *)(void *)(c))

static int
result(int e)
{
	if (e == 0)
		return thrd_success;
	if (e == EBUSY)
		return thrd_busy;
	if (e == ENOMEM)
		return thrd_nomem;
	return e == ETIMEDOUT ? thrd_timedout : thrd_error;
}

const char *__tsan_default_suppressions(void);
/* The sanitizer's. */
void __interceptor_free(void *p);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

/* Seen by librdkafka, in spite of -fvisibility=hidden. */
#pragma GCC visibility push(default)

/*
 * librdkafka orders the end of its objects by reference counts, which the
 * sanitizer cannot see in a library that is not instrumented: it destroys a
 * lock that another thread of it had locked before, and reads for a log line
 * what another one frees. Our code uses none of the three functions (the
 * fortified vsnprintf is what Debian built librdkafka with).
 */
const char *
__tsan_default_suppressions(void)
{
	return "race:pthread_rwlock_destroy\n"
	       "race:mtx_destroy\n"
	       "race:__vsnprintf_chk\n";
}

/*
 * For the same reason it seems to free texts and messages that others still
 * read. What it frees, and nothing else, is freed without looking who read it;
 * what is read after that is still found.
 */
static uintptr_t library[2]; /* of librdkafka: from, to */

static int
look_at_library(struct dl_phdr_info *info, size_t size, void *user)
{
	(void)size;
	(void)user;
	if (!strstr(info->dlpi_name, "/librdkafka.so"))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];

		if (h->p_type != PT_LOAD || !(h->p_flags & PF_X))
			continue;
		library[0] = info->dlpi_addr + h->p_vaddr;
		library[1] = library[0] + h->p_memsz;
	}
	return 1;
}

__attribute__((constructor)) static void
find_library(void)
{
	if (dl_iterate_phdr(look_at_library, NULL) == 0 || library[1] == 0)
		abort();
}

/* It is called before the sanitizer has begun. */
__attribute__((no_sanitize("thread"))) void
free(void *p)
{
	uintptr_t from = (uintptr_t)__builtin_return_address(0);

	if (from < library[0] || from >= library[1]) {
		__interceptor_free(p);
		return;
	}
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
	__interceptor_free(p);
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
}

struct start {
	thrd_start_t fn;
	void *arg;
};

static void *
run(void *user)
{
	struct start s = *(struct start *)user;

	free(user);
	return (void *)(long)s.fn(s.arg);
}

int
thrd_create(thrd_t *thread, thrd_start_t fn, void *arg)
{
	struct start *s = malloc(sizeof(*s));
	int e;

	if (!s)
		return thrd_nomem;
	s->fn = fn;
	s->arg = arg;
	e = pthread_create(thread, NULL, run, s);
	if (e)
		free(s);
	return result(e);
}

int
thrd_join(thrd_t thread, int *res)
{
	void *value = NULL;
	int e = pthread_join(thread, &value);

	if (res)
		*res = (int)(long)value;
	return result(e);
}

int
thrd_detach(thrd_t thread)
{
	return result(pthread_detach(thread));
}

int
mtx_init(mtx_t *m, int type)
{
	pthread_mutexattr_t attr;
	int e;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type & mtx_recursive
	                                     ? PTHREAD_MUTEX_RECURSIVE
	                                     : PTHREAD_MUTEX_NORMAL);
	e = pthread_mutex_init(M(m), &attr);
	pthread_mutexattr_destroy(&attr);
	return result(e);
}

int
mtx_lock(mtx_t *m)
{
	return result(pthread_mutex_lock(M(m)));
}

int
mtx_trylock(mtx_t *m)
{
	return result(pthread_mutex_trylock(M(m)));
}

int
mtx_unlock(mtx_t *m)
{
	return result(pthread_mutex_unlock(M(m)));
}

void
mtx_destroy(mtx_t *m)
{
	pthread_mutex_destroy(M(m));
}

int
cnd_init(cnd_t *c)
{
	return result(pthread_cond_init(C(c), NULL));
}

int
cnd_signal(cnd_t *c)
{
	return result(pthread_cond_signal(C(c)));
}

int
cnd_broadcast(cnd_t *c)
{
	return result(pthread_cond_broadcast(C(c)));
}

int
cnd_wait(cnd_t *c, mtx_t *m)
{
	return result(pthread_cond_wait(C(c), M(m)));
}

int
cnd_timedwait(cnd_t *c, mtx_t *m, const struct timespec *at)
{
	return result(pthread_cond_timedwait(C(c), M(m), at));
}

void
cnd_destroy(cnd_t *c)
{
	pthread_cond_destroy(C(c));
}
#pragma GCC visibility pop
#endif
