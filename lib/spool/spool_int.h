/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The insides of the spool. struct psm__spool has its parts, each owned by one
 * file; the others call that file's functions. Files lower in this list never
 * call those above:
 *
 *   spool, repair    open, close, numbers
 *   append           from any thread
 *   tend             the reader's housekeeping
 *   enter            the stream directories at the start
 *   adopt            those of ended processes
 *   release, load    drained segments; segments of an earlier process
 *   ring             what was read and handed over
 *   commit, read     group commit; the reader
 *   watch            what is wrong with the files
 *   spare            segments before and after their use
 *   queue            the list of segments and the counts
 *   disk/            segments, stream directories, quarantine
 */
#ifndef PSM_SPOOL_INT_H
#define PSM_SPOOL_INT_H

#include "spool/disk/disk.h"
#include "spool/spool.h"

struct psm__spool {
	pthread_mutex_t lock;
	struct psm__spool_conf conf;
	char *dir;                       /* "": in memory */
	struct psm__keys *keys;          /* NULL: nothing is encrypted */
	struct psm__damage damage;       /* disk/quarantine.c */
	struct psm__queue *queue;        /* spool/queue.c */
	struct psm__spares *spares;      /* spool/spare.c */
	struct psm__watch *watch;        /* spool/watch.c */
	struct psm__sync *sync;          /* spool/commit.c */
	struct psm__reader *reader;      /* spool/read.c */
	struct psm__ring *ring;          /* spool/ring.c */
	struct psm__adoption *adoption;  /* spool/adopt.c */
	struct psm__intake *intake;      /* spool/append.c */
	struct psm__stream_dir *streams; /* lock: all, also our own */
	/* lock; NULL while the disk has no room for it */
	struct psm__stream_dir *own_stream;
	char missing_key[512]; /* why a stream cannot be read */
	int frozen;            /* reader: files and cursor stay as they are */
	int64_t next_sync_ms, next_spare_ms; /* reader: spool/tend.c */
};

/* -- spool/queue.c. @locks s->lock held, but for what says otherwise */

int psm__queue_new(struct psm__spool *s);
void psm__queue_free(struct psm__spool *s);
void psm__queue_drop_segments(struct psm__spool *s);
/* Nothing of it counts: the spool could not be entered. */
void psm__queue_reset(struct psm__spool *s);
/* The number of the first record that is appended. */
void psm__queue_start(struct psm__spool *s, uint64_t next_seq);
struct psm__segment *psm__queue_first(const struct psm__spool *s);
/* The one that takes appends, or NULL. */
struct psm__segment *psm__queue_active(const struct psm__spool *s);
uint64_t psm__queue_next_seq(const struct psm__spool *s);
/* Records up to here may be read. */
uint64_t psm__queue_durable(const struct psm__spool *s);
/* Records ever appended, and those of them that wait. */
uint64_t psm__queue_appended(const struct psm__spool *s);
uint64_t psm__queue_waiting(const struct psm__spool *s);
int64_t psm__queue_bytes(const struct psm__spool *s);
/* When the oldest waiting one came, 0: none waits. Any thread, without lock. */
int64_t psm__queue_oldest_us(const struct psm__spool *s);
void psm__queue_set_oldest(struct psm__spool *s, int64_t at_us);
/* As first and next, for the reader: takes the lock. */
struct psm__segment *psm__queue_begin(struct psm__spool *s);
struct psm__segment *psm__queue_after(struct psm__spool *s,
                                      const struct psm__segment *g);
/* The segment of a record in the ring, at or after g. @thread the reader,
 * without lock */
struct psm__segment *psm__queue_segment_of(struct psm__segment *g,
                                           const struct psm__rec *rec);
/* It is the last one and the active one from now on. */
void psm__queue_add_segment(struct psm__spool *s, struct psm__segment *g);
/* The active one gets no more records. */
void psm__queue_leave_active(struct psm__spool *s);
/* A record was written behind the active one's last; its number. */
uint64_t psm__queue_add_record(struct psm__spool *s, size_t space);
/* Records up to seq may be read: wakes the reader. */
void psm__queue_reached(struct psm__spool *s, uint64_t seq);
/* The last ones were withdrawn. */
void psm__queue_take_back(struct psm__spool *s, size_t bytes, uint64_t records);
/* 1: nothing came since the last call, and wake() will be called. */
int psm__queue_rest(struct psm__spool *s);
/* Segments before until, with the counts of what is settled at the front: the
 * list of those that are not needed any more. Takes the lock. */
struct psm__segment *psm__queue_release(struct psm__spool *s,
                                        const struct psm__segment *until,
                                        size_t count, int64_t bytes);
struct psm__segment *psm__queue_remove_first(struct psm__spool *s);

/* For tests: so many records are waited for by the last psm__spool_drain(), 0:
 * nobody waits; the last segment. */
uint64_t psm__queue_drain_left(const struct psm__spool *s);
struct psm__segment *psm__queue_last(const struct psm__spool *s);

/* What an earlier process left in a stream. */
struct psm__batch {
	struct psm__segment *first, *last;
	uint64_t records;
	int64_t bytes;
	int64_t quarantined; /* bytes in its quarantine */
	uint64_t next_seq;   /* behind all of them */
};
/* The spool has the stream from now on, behind what it took over before, in
 * front of its own. */
void psm__queue_enlist(struct psm__spool *s, struct psm__stream_dir *sd,
                       const struct psm__batch *b);

/* -- spool/spare.c */

int psm__spares_new(struct psm__spool *s);
void psm__spares_free(struct psm__spool *s);
void psm__spares_drop(struct psm__spool *s);
/* A segment with room for space bytes of records, from first_seq on; not in the
 * queue yet. 0 or an errno. @locks s->lock held */
int psm__spares_begin(struct psm__spool *s, size_t space, uint64_t first_seq,
                      struct psm__segment **out);
/* Its records are all settled: keep it as a spare or delete it. Takes g. */
void psm__spares_retire(struct psm__spool *s, struct psm__segment *g);
/* If the active segment is half full and there is none, make one. -1: it could
 * not be made. */
int psm__spares_prepare(struct psm__spool *s);
/* Write a spare segment to the disk; 0 or an errno. */
int psm__spares_try_disk(struct psm__spool *s);

/* -- spool/watch.c */

int psm__watch_new(struct psm__spool *s);
void psm__watch_free(struct psm__spool *s);
/* See whether the files are there and keep what is written. @thread reader */
void psm__spool_watch(struct psm__spool *s, int64_t now_ms);
/* When to look next. @thread reader */
void psm__watch_at(struct psm__spool *s, int64_t at_ms);
/* There is one now, or, with PSM__FAULT_NONE, none any more. @locks s->lock
 * held, as for the next four */
void psm__spool_fault(struct psm__spool *s, int fault, int why);
/* 0, or PSM_ERR_IO. */
int psm__spool_faulty(const struct psm__spool *s, psm_error *err);
int psm__watch_fault(const struct psm__spool *s);
/* Why no segment could be made, or 0. 1: it was not known before. */
int psm__watch_note_make(struct psm__spool *s, int why);
void psm__watch_numbers(struct psm__spool *s, struct psm__spool_numbers *n);
/* Why the next segment cannot be mapped, or 0. Any thread. */
void psm__watch_note_read(struct psm__spool *s, int why);

/* -- spool/commit.c */

int psm__sync_new(struct psm__spool *s);
void psm__sync_free(struct psm__spool *s);
/* Make everything up to seq durable, together with others who want it. On
 * failure the record is taken back. @locks s->lock held, and given up while
 * the disk works */
int psm__spool_commit(struct psm__spool *s, uint64_t seq, psm_error *err);
/* The same for durability interval, by the reader: what fails is counted. */
void psm__spool_sync(struct psm__spool *s);
/* 1: its file is being synced. @locks s->lock held */
int psm__sync_is_busy(const struct psm__spool *s, const struct psm__segment *g);
/* 1: it has records for which no datasync has begun. @locks s->lock held */
int psm__segment_is_unsynced(const struct psm__segment *g);
uint64_t psm__sync_errors(const struct psm__spool *s);

/* -- spool/read.c. @thread reader */

int psm__reader_new(struct psm__spool *s);
void psm__reader_free(struct psm__spool *s);
/* The next record that may be read, or NULL: none now. */
const struct psm__rec *psm__reader_next(struct psm__spool *s);
/* Where it reads, or NULL; after leave it begins at the first one again. */
struct psm__segment *psm__reader_segment(const struct psm__spool *s);
void psm__reader_leave(struct psm__spool *s);
/* 1: it is not in the middle of a segment that must be read to its end. */
int psm__reader_is_between(const struct psm__spool *s);
/* The oldest segment, from g on, that it has not read to its end, or NULL. */
struct psm__segment *psm__reader_needs(struct psm__spool *s,
                                       struct psm__segment *g);
/* For tests: the next try to map a segment is not put off. */
void psm__reader_map_soon(struct psm__spool *s);
/* Our own stream waits for others. */
void psm__reader_set_own_waits(struct psm__spool *s, int waits);
int psm__reader_own_waits(const struct psm__spool *s);

/* -- spool/ring.c. @thread reader */

int psm__ring_new(struct psm__spool *s);
void psm__ring_free(struct psm__spool *s);
/* 1: no more can be handed over before something is released. */
int psm__spool_full(const struct psm__spool *s);
/* Take the settled slots off the front: their count and bytes; *g moves on to
 * the segment of the last one. */
size_t psm__ring_pop(struct psm__spool *s, struct psm__segment **g,
                     int64_t *bytes);
/* The oldest segment that is still needed, from g on; NULL: none. */
struct psm__segment *psm__ring_needs(struct psm__spool *s,
                                     struct psm__segment *g);
/* Records of our own stream that were read and not handed over are read once
 * more. 0: there is something else in the ring. */
int psm__ring_put_back(struct psm__spool *s);
/* 1: *at_us, of the oldest record that can be read. */
int psm__ring_oldest(struct psm__spool *s, int64_t *at_us);
/* A record that is not settled, and *plain in the clear; else NULL. */
const struct psm__rec *psm__ring_record(struct psm__spool *s, uint64_t token,
                                        const struct psm__rec **plain);
/* For tests: bytes of records that are handed over in the clear. */
size_t psm__ring_decrypted(const struct psm__spool *s);
/* Nothing is read, so that a stream can be put in front of our own. */
void psm__ring_pause(struct psm__spool *s, int paused);
int psm__ring_is_paused(const struct psm__spool *s);

/* -- spool/load.c */

/* What segments a stream has: sorted, checked, not mapped. 0 or an errno. */
int psm__stream_dir_load(struct psm__spool *s, struct psm__stream_dir *sd,
                         struct psm__batch *b);

/* -- spool/release.c */

void psm__spool_save_cursors(struct psm__spool *s);

/* -- spool/adopt.c: stream directories of ended processes */

int psm__adoption_new(struct psm__spool *s);
void psm__adoption_free(struct psm__spool *s);
/* At the start: adopt all streams without a live owner but `own`. 0 or an
 * errno. */
int psm__adopt_all(struct psm__spool *s, int parentfd, unsigned own);
/* From time to time, by the reader. */
void psm__adopt_tend(struct psm__spool *s, int64_t now_ms);
/* For tests: the next looks are not put off. @thread reader */
void psm__adopt_soon(struct psm__spool *s);
/* It is not adopted now. @thread reader */
void psm__adopt_stop(struct psm__spool *s);
void psm__adopt_numbers(struct psm__spool *s, struct psm__spool_numbers *n);

/* -- spool/enter.c */

/* Take a stream directory of the spool, adopt the abandoned ones, and list
 * their segments. 0, PSM_ERR_FULL (perhaps later), PSM_ERR_IO, PSM_ERR_NOMEM,
 * or locked: a key is missing. */
int psm__spool_enter(struct psm__spool *s, int locked, psm_error *err);
/* Give all stream directories up; those that are empty go for good. */
void psm__spool_leave(struct psm__spool *s);
/* 1: the errno of a full disk. */
int psm__spool_no_room(int why);

/* -- spool/append.c */

int psm__intake_new(struct psm__spool *s);
void psm__intake_free(struct psm__spool *s);
/* @locks s->lock held */
void psm__intake_numbers(struct psm__spool *s, struct psm__spool_numbers *n);

/* -- spool/inspect.c: a spool seen from outside */

/* 0: the directory has streams, or nothing in it. */
int psm__spool_is_one(const char *dir, psm_error *err);

#endif
