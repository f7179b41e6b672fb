/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The insides of the spool, shared by spool*.c.
 *
 * DIR/stream.N/ is one stream: the events of one process, which appends to it
 * until it ends. Its successor begins a stream of its own, with a higher number
 * than any that has events; what a dead process left is sent by whoever takes
 * it over, in the order of the numbers (spool/adopt.c). In it are the segments
 * %016x.pms (a number that is never used twice), the cursor and quarantine/.
 * The segments alone are the truth: the cursor only says how far they are
 * settled, and without it records are sent twice, never lost.
 */
#ifndef PSM_SPOOL_INT_H
#define PSM_SPOOL_INT_H

#include <endian.h>
#include <pthread.h>

#include "spool/spool.h"
#include "spool/disk/keys.h"

/* -- the format: little endian, 8-aligned -- */

#define PSM__SEGMENT_MAGIC "PMSPOOL1"
#define PSM__SEGMENT_VERSION 1u

struct psm__segment_header {
	char magic[8];
	uint32_t version;
	uint32_t size; /* of the file, in bytes */
	uint8_t uuid[16];
	uint64_t first_seq;
	uint64_t number;
	int64_t created_us;
	uint32_t seed; /* of the records' CRCs, from uuid and first_seq */
	uint32_t crc;  /* of all before */
};

/* An encrypted segment has this instead, twice: damage to one copy must not
 * cost the records. crc is of all before; tag authenticates all before. */
#define PSM__SEALED_VERSION 2u
#define PSM__SEAL_TAG 16u
struct psm__sealed_header {
	struct psm__segment_header plain; /* version 2 */
	uint8_t key_id[PSM__KEY_ID];
	uint8_t salt[32];
	uint8_t tag[PSM__SEAL_TAG];
	uint8_t unused[4];
	uint32_t crc;
};

enum {
	PSM__REC_EVENT = 1,
	PSM__REC_HOLE = 2,
	PSM__REC_NO_KEY = 3,
	PSM__REC_SEALED = 4
};

/*
 * Topic with its NUL, key, value, headers and zeros up to the next multiple of
 * 8 follow. crc is stored last, so a record that was being written when the
 * process died still has 0 there. A hole stands for damaged bytes: seq is the
 * last one lost.
 *
 * In an encrypted segment all records have the kind SEALED, but for holes. Such
 * a record is this header with the lengths of topic, key and id 0; then,
 * encrypted, another record from its kind on; then the tag.
 */
struct psm__rec {
	uint32_t crc; /* of all that follows, never 0 */
	uint32_t len; /* with this header, without the zeros */
	uint64_t seq;
	int64_t time_us;
	uint16_t kind;
	uint16_t topic_len;
	uint32_t key_len;
	uint32_t value_len;
	uint16_t id_at, id_len; /* the event id within the value */
};

#define PSM__SEGMENT_HEADER 64u
#define PSM__REC_HEADER 40u
#define PSM__REC_MAX ((size_t)1 << 30)
#define PSM__SEALED_START ((uint32_t)(2 * sizeof(struct psm__sealed_header)))
/* What encryption adds to a record. */
#define PSM__SEAL_EXTRA                                                        \
	(PSM__REC_HEADER - offsetof(struct psm__rec, kind) + PSM__SEAL_TAG)
_Static_assert(sizeof(struct psm__segment_header) == PSM__SEGMENT_HEADER,
               "the segment header is part of the format");
_Static_assert(sizeof(struct psm__rec) == PSM__REC_HEADER,
               "the record header is part of the format");

_Static_assert(sizeof(struct psm__sealed_header) == 128,
               "the segment header is part of the format");

struct psm__cursor_slot {
	char magic[8];
	uint64_t generation; /* the valid slot with the higher one counts */
	uint64_t settled;    /* all records up to this seq */
	uint64_t next_number;
	uint8_t uuid[16];
	uint8_t unused[12];
	uint32_t crc;
};
_Static_assert(sizeof(struct psm__cursor_slot) == 64,
               "the cursor slot is part of the format");

static inline size_t
psm__rec_space(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

static inline const struct psm__rec *
psm__rec_at(const uint8_t *base, size_t at)
{
	return (const struct psm__rec *)(const void *)(base + at);
}

/* -- in memory -- */

/* A stream directory: our own, or an adopted one, of a dead process, which is
 * sent first. In memory mode one without files. */
struct psm__stream_dir {
	struct psm__stream_dir *next;
	char *path; /* for messages */
	int parentfd, dirfd;
	int lockfd;                        /* spool/lock.c */
	struct psm__stream_dir *next_held; /* spool/lock.c */
	int made;                          /* the directory was, by us */
	int undeleted;                     /* a file could not be deleted */
	char name[32];                     /* "stream.N" */
	uint8_t uuid[16];
	int known;  /* uuid has a value */
	int placed; /* settled comes from the cursor */
	struct psm__cursor_slot *cursor;
	int cursor_fd;   /* -1: the cursor is in plain memory */
	int cursor_shut; /* a store into it would be a signal; reader */
	uint64_t generation;
	uint64_t settled;  /* all up to this seq; reader */
	uint64_t saved;    /* the same, as the cursor says */
	uint64_t read_seq; /* the last seq read or known to be lost; reader */
	uint64_t next_number; /* __atomic */
	unsigned segments;    /* reader, and the opener */
	int dir_dirty; /* __atomic: a name was made or removed since dirsync */
	int64_t quarantined;   /* bytes; reader, and the opener */
	int64_t next_count_ms; /* when to count them again, if there are too
	                          many; the same */
};

struct psm__segment {
	struct psm__segment *next; /* lock; towards the newer */
	struct psm__stream_dir *stream;
	uint8_t *base; /* NULL: not mapped now */
	int fd;        /* -1: not open now */
	size_t size;
	uint64_t number, first_seq;
	uint8_t uuid[16];
	uint32_t seed;
	size_t start;           /* of the first record */
	int encrypted;          /* its records are encrypted */
	struct psm__seal *seal; /* its key; with secret, where it is known */
	int newest;             /* of what an earlier process left */
	int own;                /* we wrote it and it was mapped ever since */
	int failed;             /* lock: a datasync failed, never again */
	int own_memory;         /* base is allocated, not mapped */
	int pages_replaced;     /* has pages that are not the file's */
	int keep; /* has damage that there is no copy of; reader */
	uint64_t counted_up_to;  /* damage up to this seq was counted; reader */
	unsigned copies;         /* of damage, in the quarantine; reader */
	size_t used;             /* lock: end of the records, for appending */
	uint64_t last_seq;       /* lock: of the newest record */
	int sealed;              /* lock: gets no more records */
	int dirty;               /* lock: has records since the last datasync */
	int busy;                /* lock: a datasync runs on fd */
	size_t charged;          /* lock: what it adds to spool.bytes */
	uint64_t counted;        /* lock: what it adds to the waiting records */
	size_t released_bytes;   /* reader: of charged, already taken off */
	uint64_t released_count; /* reader: of counted, already taken off */
};

/* One who waits until so many records are let go, on its own stack. The target
 * moves when records are withdrawn, or when others come in front. */
struct psm__drainer {
	struct psm__drainer *next;
	uint64_t target;
};

/* One who waits for a commit, on its own stack. */
struct psm__waiter {
	struct psm__waiter *next;
	uint64_t seq;
	int done, rc;
};

/* A stream directory without a live owner, which no process has adopted. */
struct psm__abandoned {
	unsigned number;
	int64_t since_ms; /* seen so */
};
#define PSM__ABANDONED_MAX 16

struct psm__spool {
	pthread_mutex_t lock;
	pthread_cond_t synced;  /* commits */
	pthread_cond_t drained; /* records were let go */
	struct psm__spool_conf conf;
	char *dir;
	size_t segment_size;
	struct psm__keys *keys; /* NULL: nothing is encrypted */

	/* under lock */
	struct psm__stream_dir *streams, *own_stream; /* own_stream NULL: no
	                                        room on the disk yet */
	struct psm__segment *first, *last;
	struct psm__segment *active; /* takes appends: last, or NULL */
	struct psm__segment *spare;
	unsigned spares;
	uint64_t next_seq;
	size_t id_at;                /* where the last id stood in its value */
	uint64_t durable;            /* records up to here may be read */
	uint64_t appended, released; /* counts; the difference waits */
	int64_t bytes;
	int shut, resting, syncing;
	int fault, fault_errno; /* as in struct psm__spool_numbers */
	int too_old;            /* the oldest record waits for too long */
	struct psm__waiter *waiters;
	struct psm__drainer *drainers;
	int last_errno;
	char locked[512];         /* why a stream cannot be read: its key */
	struct psm__rec *scratch; /* of an event on its way to encryption */
	size_t scratch_size;

	/* counters that anyone may read (__atomic) */
	int64_t quarantined;
	uint64_t damaged, adopted, sync_errors;
	int quarantine_errno;
	int64_t oldest_us;
	int read_errno;
	unsigned awaited; /* 1 + the first of awaits, or 0 */
	long await_pid;
	int await_errno;

	/* the reader's */
	struct psm__abandoned abandoned[PSM__ABANDONED_MAX];
	size_t abandoned_count;
	unsigned to_adopt; /* 1 + number of a stream to take over, or 0 */
	int64_t adopt_until_ms, next_look_ms;
	/* Numbers of streams, rising. While there are any, nothing of our own
	 * is read. The first counts: it is sent before the others. */
	unsigned *awaits;
	size_t await_count, await_cap;
	int64_t next_await_ms;
	struct psm__segment *rseg; /* reading here */
	size_t rpos;
	int rend;        /* nothing more in rseg, which is not ours to append */
	uint64_t limit;  /* a copy of durable */
	uint64_t *slots; /* record address | 1 once settled */
	struct psm__rec **open; /* of slots: decrypted; NULL without keys */
	size_t open_bytes;      /* of all of these */
	const struct psm__rec *pending; /* read, and not decrypted yet */
	uint64_t head, pass, fill, mask;
	int frozen;
	struct psm__header headers[PSM__SPOOL_HEADERS]; /* of one message */
	uint64_t rested_at; /* durable, when it last found nothing */
	uint64_t asked_at;  /* appended, when the disk was last asked */
	int64_t next_watch_ms;
	int64_t next_map_ms, next_sync_ms, next_spare_ms;
};

/* Where the first record of a new segment is. */
static inline size_t
psm__spool_start(const struct psm__spool *s)
{
	return s->keys ? PSM__SEALED_START : PSM__SEGMENT_HEADER;
}

/* The low bits of a slot say what became of the record: it is 8-aligned. */
#define PSM__SETTLED UINT64_C(1)
#define PSM__DEFERRED UINT64_C(2)
#define PSM__SLOT_FLAGS UINT64_C(7)

static inline const struct psm__rec *
psm__slot_record(uint64_t slot)
{
	return (const struct psm__rec *)(uintptr_t)(slot & ~PSM__SLOT_FLAGS);
}

/* -- spool/file.c: files and segments -- */

/* A number for a segment that was never used before. */
uint64_t psm__stream_dir_number(struct psm__stream_dir *sd);
int psm__stream_dir_open_file(const struct psm__stream_dir *sd,
                              const char *name, int flags);
/* Sync the directory if a name in it changed; 0 or an errno. */
int psm__stream_dir_dirsync(struct psm__stream_dir *sd);
/* Make a segment ready for records from first_seq on; not in the list yet. 0 or
 * an errno. */
int psm__segment_make(struct psm__spool *s, size_t size, uint64_t first_seq,
                      struct psm__segment **out);
/* Map a segment that has a file; 0 or an errno. */
int psm__segment_map(struct psm__segment *g);
void psm__segment_unmap(struct psm__segment *g);
/* From now on [0, len) of a mapped segment can be read without a signal: what
 * the disk does not give, or the file does not have any more, becomes 0xff,
 * which is damage like any other. */
void psm__segment_probe(struct psm__segment *g, size_t len);
/* A segment that is read soon: the disk may begin. */
void psm__segment_prefetch(const struct psm__segment *g);
/* Its records are all settled: keep it as a spare or delete it. */
void psm__segment_retire(struct psm__spool *s, struct psm__segment *g);
void psm__segment_delete(struct psm__segment *g);
/* No later process finds it. 0 or an errno. */
int psm__segment_unname(struct psm__segment *g);
/* Its header, in its memory. 0 or an errno. */
int psm__segment_header(const struct psm__keys *keys, struct psm__segment *g);
/* Forget it, keep its file. */
void psm__segment_free(struct psm__segment *g);
/* Make a spare segment and write it to the disk; 0 or an errno. */
int psm__segment_try_disk(struct psm__spool *s);
/* A segment prepared ahead of its use, when there is none. */
void psm__spare_prepare(struct psm__spool *s);
void psm__spare_drop(struct psm__spool *s);

/* -- spool/commit.c -- */

/* Make everything up to seq durable, together with others who want it. On
 * failure the record is taken back. @locks s->lock held, and given up while
 * the disk works */
int psm__spool_commit(struct psm__spool *s, uint64_t seq, psm_error *err);
/* The same for durability interval, by the reader: what fails is counted. */
void psm__spool_sync(struct psm__spool *s);
void psm__spool_wake_reader(struct psm__spool *s);

/* -- spool/watch.c -- */

/* See whether the files are there and keep what is written. @thread reader */
void psm__spool_watch(struct psm__spool *s, int64_t now_ms);
/* There is one now, or, with PSM__FAULT_NONE, none any more. @locks s->lock
 * held */
void psm__spool_fault(struct psm__spool *s, int fault, int why);
/* 0, or PSM_ERR_IO. @locks s->lock held */
int psm__spool_faulty(const struct psm__spool *s, psm_error *err);
/* 0: the file of an own segment was removed: only memory has its records. */
int psm__segment_is_named(const struct psm__segment *g);

/* -- spool/seal.c: encrypted segments -- */

/* Give a new segment, whose plain header is written, a key and the header of an
 * encrypted one. 0 or an errno. */
int psm__seal_new(const struct psm__keys *keys, struct psm__segment *g);
/* A copy of the header, 0 or 1, if it is undamaged; else NULL. */
const struct psm__sealed_header *psm__seal_header(const struct psm__segment *g,
                                                  int copy);
/* Find the key of an encrypted segment, which is mapped. 0, ENOKEY, ENOMEM, or
 * EBADMSG: its header was not written by who has the key. keys may be NULL. */
int psm__seal_unlock(const struct psm__keys *keys, struct psm__segment *g);
void psm__seal_free(struct psm__seal *seal);
/* Encrypt plain, complete but for its crc, into the zeros at at. 0 or an
 * errno; then this segment must get no more records. @locks s->lock held */
int psm__seal_put(struct psm__segment *g, size_t at,
                  const struct psm__rec *plain);
/* Decrypt a record whose checksum is right: *out, psm__wipe(). ENOMEM, or
 * EBADMSG: it was not written so, or not for this place. */
int psm__seal_open(struct psm__segment *g, const struct psm__rec *rec,
                   struct psm__rec **out);
/* Sign a hole that is complete but for its crc; look at the signature. */
void psm__seal_hole(const struct psm__segment *g, struct psm__rec *hole);
int psm__seal_is_hole(const struct psm__segment *g,
                      const struct psm__rec *hole);
/* Free memory that had an event in the clear. */
void psm__wipe(void *bytes, size_t len);

/* -- spool/headers.c -- */

/* The bytes that the headers take in a record. */
size_t psm__headers_size(const struct psm__spool_entry *e);
void psm__headers_put(const struct psm__spool_entry *e, char *to);
/* 1: out[PSM__SPOOL_HEADERS] and *count are set, and point into the record. 0:
 * these are no headers. */
int psm__headers_read(const struct psm__rec *rec, struct psm__header *out,
                      size_t *count);

/* -- spool/read.c: the reader's -- */

/* 1: no more can be handed over before something is let go. */
int psm__spool_full(const struct psm__spool *s);
/* The slot's record is not needed in the clear any more. */
void psm__spool_forget(struct psm__spool *s, uint64_t token);

/* -- spool/stream_dir.c: streams -- */

/* Processes that may use one directory at a time. */
#define PSM__STREAMS_MAX 256u
/* Numbers of streams are below. */
#define PSM__STREAMS_END 1000000000u

/* Take a stream of conf.dir, adopt those of dead processes, and list their
 * segments. 0, or an errno (ENOSPC and EDQUOT: perhaps later). */
int psm__stream_dir_enter(struct psm__spool *s);
/* A stream without files, for memory mode. */
struct psm__stream_dir *psm__stream_dir_memory(void);
/* The valid one of two slots that counts, or NULL. */
const struct psm__cursor_slot *
psm__cursor_best(const struct psm__cursor_slot slots[2]);
/* Write down how far the stream is settled. */
void psm__stream_dir_save(struct psm__stream_dir *sd);
/* Give the stream up; an adopted one that is empty goes for good. */
void psm__stream_dir_leave(struct psm__stream_dir *sd, int remove);
/* 1: *out is locked. 0: a live process has it. Else an errno, negated. */
int psm__stream_dir_take(const struct psm__spool *s, int parentfd, unsigned n,
                         int make, struct psm__stream_dir **out);

/* -- spool/load.c: what an earlier process left -- */

struct psm__batch {
	struct psm__segment *first, *last;
	uint64_t records;
	int64_t bytes;
	int64_t quarantined; /* bytes, put aside before */
};
/* What segments a stream has: sorted, checked, not mapped. 0 or an errno. */
int psm__stream_dir_load(struct psm__spool *s, struct psm__stream_dir *sd,
                         struct psm__batch *b);
/* Bytes in the quarantine folder; segments there use up their numbers. */
int64_t psm__quarantine_count(struct psm__stream_dir *sd);
/* The spool has the stream from now on, behind what it took over before, in
 * front of its own. @locks s->lock held, or nobody else has the spool yet */
void psm__batch_enlist(struct psm__spool *s, struct psm__stream_dir *sd,
                       const struct psm__batch *b);

/* -- spool/release.c -- */

/* The segment of a record in the ring, at or after g. @thread the reader */
struct psm__segment *psm__segment_of(struct psm__segment *g,
                                     const struct psm__rec *rec);

/* -- spool/adopt.c: streams of dead processes -- */

/* At the start: all that nobody has but `own`. 0 or an errno. */
int psm__adopt_all(struct psm__spool *s, int parentfd, unsigned own);
/* From time to time, by the reader. */
void psm__adopt_tend(struct psm__spool *s, int64_t now_ms);
/* 1: our own events wait for a stream. @thread reader */
static inline int
psm__spool_awaits(const struct psm__spool *s)
{
	return s->await_count > 0 && !s->frozen;
}

/* -- spool/streams.c: what streams there are -- */

struct psm__streams {
	unsigned *list; /* rising */
	size_t count, cap;
};
/* All of the directory. 0 or an errno; psm__free(list) in any case. */
int psm__streams_list(int parentfd, struct psm__streams *found);
/* What a stream is that is not our own. */
enum psm__stream_is {
	PSM__STREAM_NOTHING,   /* no events, or not there, or its owner lives */
	PSM__STREAM_ABANDONED, /* events, and no live owner */
	PSM__STREAM_HELD       /* events of a dead process that another has */
};
/* *pid: of who holds it, 0 if that is not known. */
enum psm__stream_is psm__stream_look(int parentfd, unsigned n, long *pid);
/* The first number above all streams with events. 0 or an errno. */
int psm__streams_end(int parentfd, unsigned *end);

/* -- spool/inspect.c: a spool seen from outside -- */

/* 0: the directory has streams, or nothing in it. */
int psm__spool_is_one(const char *dir, psm_error *err);

/* -- spool/lock.c -- */

/* Take sd->lockfd of sd->dirfd; own: as the process that appends. 1: it is ours
 * and still has its name. 0: a live process has it. -1: errno. */
int psm__lock_take(struct psm__stream_dir *sd, int own);
void psm__lock_drop(struct psm__stream_dir *sd);
/* 1: a process works on the stream, as far as can be seen without trying. */
int psm__stream_locked(int dirfd);
/* 1: the process lives whose own stream it is. */
int psm__stream_owned(int dirfd);
/* The process that took its lock last, or 0. */
long psm__stream_holder(int dirfd);

/* -- spool/scan.c: reading what may be damaged -- */

uint32_t psm__spool_seed(const uint8_t uuid[16], uint64_t first_seq);
uint32_t psm__rec_crc(uint32_t seed, const struct psm__rec *rec);
/* 1: the parts of a record in the clear agree with its length. */
int psm__rec_sound(const struct psm__rec *rec, size_t room);
/* 1: there is a valid record at at. */
int psm__rec_valid(const struct psm__segment *g, size_t at);
/* The first place from at on with a valid record, or 0. */
size_t psm__rec_find(const struct psm__segment *g, size_t at);
/* How many records began in a range where none is valid: as many headers as
 * follow each other, and at least one. */
uint64_t psm__rec_torn(const struct psm__segment *g, size_t at);
/* What is behind the last valid record. */
enum psm__tail {
	PSM__TAIL_CLEAN,      /* zeros */
	PSM__TAIL_UNFINISHED, /* an append that never returned */
	PSM__TAIL_DAMAGED
};
enum psm__tail psm__segment_tail(const struct psm__segment *g, size_t at);
/* Check the header of a mapped segment and find its seed; 0: hopeless. */
int psm__segment_check(struct psm__segment *g);
/* 1: the record, whose checksum is right, is as it was written. */
int psm__rec_genuine(struct psm__segment *g, const struct psm__rec *rec);
/* 1: there is damage that was neither copied nor bridged. */
int psm__segment_is_damaged(struct psm__segment *g);
/* The valid record at *pos or after damage; NULL: no more. Damage is copied to
 * the quarantine and bridged by a hole, or left as it is in a segment to keep;
 * the records between after, which is the last one known, and the one found are
 * counted as damaged. */
const struct psm__rec *psm__segment_scan(struct psm__spool *s,
                                         struct psm__segment *g, size_t *pos,
                                         uint64_t after);
/* The segment was scanned up to at, and the last record found was after: count
 * what is missing before the next segment. */
void psm__segment_close(struct psm__spool *s, struct psm__segment *g, size_t at,
                        uint64_t after);
/* The record has a right checksum, and its segment's key does not open it: it
 * is damage. @thread reader */
void psm__segment_altered(struct psm__spool *s, struct psm__segment *g,
                          const struct psm__rec *rec);

/* -- spool/quarantine.c -- */

/* Copy bytes to quarantine/NAME of the stream; lasting: return only when the
 * copy is on the disk. -1: there is no copy, keep them where they are. */
int psm__quarantine(struct psm__spool *s, struct psm__stream_dir *sd,
                    const char *name, const void *bytes, size_t len,
                    int lasting);
/* The same with a record in the clear of an encrypted segment, as an encrypted
 * segment of its own. */
int psm__quarantine_sealed(struct psm__spool *s, const struct psm__segment *g,
                           const char *name, const struct psm__rec *plain,
                           int lasting);
/* Nothing in it can be read: move its file there. Takes g. */
void psm__quarantine_segment(struct psm__spool *s, struct psm__segment *g);
/* Its records are all dealt with: delete the file, or move it there if it has
 * damage that nothing else has. Takes g. */
void psm__segment_discard(struct psm__spool *s, struct psm__segment *g);

#endif
