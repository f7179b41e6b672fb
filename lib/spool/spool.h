/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The spool: a queue of events that survives the process. Any thread appends;
 * one thread, the reader, hands records over, settles them in any order and
 * releases settled ones from the front. With no directory the same queue lives
 * in memory only.
 */
#ifndef PSM_SPOOL_H
#define PSM_SPOOL_H

#include "base/base.h"
#include "event/message.h"
#include "spool/disk/file_ops.h"

/* What has happened to a record when append returns 0. */
enum psm__durability {
	PSM__DURABLE_DISK,     /* on disk: survives a power cut */
	PSM__DURABLE_INTERVAL, /* with the kernel, on disk within a second */
	PSM__DURABLE_OS        /* with the kernel: survives kill -9 */
};

struct psm__spool_conf {
	const char *dir; /* copied; "" keeps everything in memory */
	/* With it, what is written to dir is encrypted; NULL or "": it is not.
	 * Read once, by open. */
	const char *key_file;
	int durability;     /* enum psm__durability; unused in memory */
	int interval_ms;    /* between two syncs, with durability interval */
	int64_t max_bytes;  /* of records that wait; more is PSM_ERR_FULL */
	size_t max_records; /* the same in records; 0: no limit */
	/* While the oldest record waits longer, append is PSM_ERR_FULL,
	 * until it waits less than accept_age_us; 0: no limit of age. */
	int64_t refuse_age_us, accept_age_us;
	size_t window;       /* most records between first and last unsettled */
	size_t mapped_ahead; /* bytes of full segments that stay mapped although
	                      * the reader has not come to them */
	size_t segment_size; /* 0: the default; tests make it small */
	/* Called under the spool's lock when the reader waits and there is
	 * something to read. May be NULL. */
	void (*wake)(void *user);
	void *user;
};

/* All borrowed for the call. */
struct psm__spool_entry {
	const char *topic;
	const char *key; /* NULL: none */
	size_t key_len;
	const char *id; /* is found again inside value, "" if it is not there */
	const char *value;
	size_t value_len;
	const struct psm__header *headers;
	size_t header_count; /* at most PSM__SPOOL_HEADERS */
};
#define PSM__SPOOL_HEADERS 16

/* Why nothing is accepted though the directory was fine at the start. */
enum psm__spool_fault {
	PSM__FAULT_NONE,
	PSM__FAULT_REMOVED,   /* lasts until the spool is closed */
	PSM__FAULT_IMMUTABLE, /* until it is not any more */
	PSM__FAULT_DISK       /* until a file can be written for good */
};

struct psm__spool_numbers {
	uint64_t waiting;     /* records not settled */
	uint64_t safe;        /* of these, as durable as was asked for */
	int64_t bytes;        /* of the waiting ones */
	int64_t max_bytes;    /* the limit of it */
	int64_t quarantined;  /* bytes in the quarantine folders */
	uint64_t damaged;     /* records that were found unreadable */
	uint64_t adopted;     /* stream directories adopted */
	uint64_t sync_errors; /* fdatasync that failed */
	int64_t oldest_us;    /* when the oldest waiting one came, 0: none */
	int too_old;          /* append is refused for refuse_age_us */
	int last_errno;       /* why the last segment could not be made, or 0 */
	int read_errno;       /* why the next segment cannot be opened, or 0 */
	/* Our own events wait for those in stream.(awaited - 1), which is
	 * adopted by process await_pid (0: unknown) or cannot be adopted
	 * (await_errno). 0: they wait for no stream. */
	unsigned awaited;
	long await_pid;
	int await_errno;
	/* Why the last copy to the quarantine failed, or 0; EDQUOT: it has
	 * max_bytes already. */
	int quarantine_errno;
	int fault; /* an enum psm__spool_fault, and its errno, if it has one */
	int fault_errno;
};

struct psm__spool;

/*
 * Open or make the stream. Damaged data never fails it: what cannot be read
 * goes to the quarantine folder and is counted. A full disk does not either:
 * append fails then until there is room. PSM_ERR_IO: the directory cannot be
 * used at all. PSM_ERR_CONFIG: the key file is no such file, or lacks the key
 * of something in the directory; then nothing there is changed. PSM_ERR_NOMEM.
 */
int psm__spool_open(const struct psm__spool_conf *conf, struct psm__spool **out,
                    psm_error *err);
/* Delete what is settled, keep the rest for the next open, give the stream up.
 * After that only append (which refuses), numbers and free. 0, or -1: with
 * durability interval, what stays could not be synced. */
int psm__spool_close(struct psm__spool *s);
void psm__spool_free(struct psm__spool *s);

/*
 * Any thread. 0: the record is as durable as the conf says. PSM_ERR_FULL: a
 * limit is reached or the disk is full. PSM_ERR_IO, PSM_ERR_NOMEM,
 * PSM_ERR_TOO_LARGE. PSM_ERR_INVAL: too many headers. PSM_ERR_STATE: the intake
 * is shut. PSM_ERR_IO also while there is a fault, which is noticed within a
 * second of psm__spool_tend().
 */
int psm__spool_append(struct psm__spool *s, const struct psm__spool_entry *e,
                      psm_error *err);
/* Any thread: from now on append is refused. */
void psm__spool_shut(struct psm__spool *s);
/* Any thread: wait until all records appended before are released; the
 * number of records that wait then. */
uint64_t psm__spool_drain(struct psm__spool *s, int timeout_ms);
/* A sentence about a fault. */
void psm__spool_fault_text(int fault, int why, char *text, size_t size);
/* Any thread. */
void psm__spool_numbers(struct psm__spool *s, struct psm__spool_numbers *n);

/* -- The reader's side: one thread. */

/* The next record to hand over: 1 and *m, borrowed until it is released (but
 * the list of its headers only until the next call for a message), with a
 * token; 0: none now. The same one again until psm__spool_pass(). */
int psm__spool_peek(struct psm__spool *s, struct psm__message *m);
void psm__spool_pass(struct psm__spool *s);
/* The record of token needs no more work. 0: it was already. */
int psm__spool_settle(struct psm__spool *s, uint64_t token);
/* A word of the reader's own beside a record that is not released yet. It is
 * read without touching the record, which has left the processor's caches by
 * the time of its report. */
void psm__spool_note(struct psm__spool *s, uint64_t token, uint64_t note);
uint64_t psm__spool_noted(const struct psm__spool *s, uint64_t token);
/* A record that is not released yet: all of it, or its event id in id[size]. */
void psm__spool_message(struct psm__spool *s, uint64_t token,
                        struct psm__message *m);
void psm__spool_id(struct psm__spool *s, uint64_t token, char *id, size_t size);
/* The record was passed, but has to be handed over again later. */
void psm__spool_defer(struct psm__spool *s, uint64_t token);
/* The first record from *token on that was passed and is not settled: 1, *token
 * and *m, and *deferred; or 0. */
int psm__spool_look(struct psm__spool *s, uint64_t *token,
                    struct psm__message *m, int *deferred);
/* It was handed over again. */
void psm__spool_resume(struct psm__spool *s, uint64_t token);
/* Hand over again everything that is not settled, in order. */
void psm__spool_rewind(struct psm__spool *s);
/* Release the settled records at the front; returns their number. */
size_t psm__spool_release(struct psm__spool *s);
/* Settle a record that was refused for good, once there is a copy in the
 * quarantine folder. 1: done. 0: it was settled before. -1: there is no
 * copy, so it is not settled. */
int psm__spool_reject(struct psm__spool *s, uint64_t token);
/* From now on release keeps the files and the cursor as they are: what is read
 * after this will be read again by the next open. */
void psm__spool_freeze(struct psm__spool *s);
/* Do what is due: syncs, checks, adoption, spare segments. May wait for the
 * disk. */
void psm__spool_tend(struct psm__spool *s);
/* 1: nothing came since the last call, and wake() will be called once there is
 * something. 0: try once more. */
int psm__spool_rest(struct psm__spool *s);

/* A stream directory without a live owner is adopted after so long; tests
 * shorten it. */
extern int psm__adopt_after_ms;

#endif
