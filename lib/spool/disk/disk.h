/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a spool has on the disk: segments of records, stream directories with
 * cursor and lock, the quarantine. Nothing here knows the queue that is built
 * of them (lib/spool).
 *
 * DIR/stream.N/ is one stream: the events of one process, which appends to it
 * until it ends. Its successor begins a stream of its own, with a higher number
 * than any that has events; the events of an ended process are sent by the
 * process that adopts its stream directory, in the order of the numbers
 * (spool/adopt.c). In it are the segments %016x.pms (a number that is never
 * used twice), the cursor and quarantine/. Only the segments are authoritative:
 * the cursor says how far they are settled, and without it records are sent
 * twice, never lost.
 */
#ifndef PSM_SPOOL_DISK_H
#define PSM_SPOOL_DISK_H

#include <endian.h>
#include <pthread.h>

#include "base/base.h"
#include "event/message.h"
#include "spool/disk/file_ops.h"
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
	uint16_t id_at, id_len; /* the event id within the value; 0: none */
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

/* Headers of a record, at most. */
#define PSM__REC_HEADERS 16

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

/* What a segment is used for. */
enum psm__segment_state {
	/* Of an earlier process, or unmapped since: each record is checked. */
	PSM__SEGMENT_LEFT,
	/* The last one that an earlier process left: its end was looked for at
	 * the open. */
	PSM__SEGMENT_NEWEST,
	/* Empty and without a name: waits for its use. */
	PSM__SEGMENT_SPARE,
	/* Takes records; written by us and mapped ever since, as the next two.
	 */
	PSM__SEGMENT_ACTIVE,
	PSM__SEGMENT_FULL,
	/* A sync failed: it gets no more records and is never synced again. */
	PSM__SEGMENT_FAILED,
	PSM__N_SEGMENT_STATES
};

/* Damage that the quarantine has no copy of. */
enum psm__segment_damage {
	PSM__DAMAGE_NONE,
	PSM__DAMAGE_KEEP, /* the file is not deleted, but moved there */
	PSM__DAMAGE_PAGES /* and pages in memory are not the file's */
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
	int encrypted;          /* the format of its records */
	struct psm__seal *seal; /* if encrypted and the key is known */
	int own_memory;         /* base is allocated, not mapped */
	int state;  /* lock; __atomic for the reader: enum psm__segment_state */
	int damage; /* reader: enum psm__segment_damage */
	uint64_t counted_up_to;  /* reader: damage up to this seq was counted */
	unsigned copies;         /* reader: of damage, in the quarantine */
	size_t used;             /* lock: end of the records */
	size_t synced;           /* lock: a datasync has begun for all before */
	uint64_t last_seq;       /* lock: of the newest record */
	size_t charged;          /* lock: what it adds to the bytes that wait */
	uint64_t counted;        /* lock: what it adds to the waiting records */
	size_t released_bytes;   /* reader: of charged, already taken off */
	uint64_t released_count; /* reader: of counted, already taken off */
};

/* 1: written by this process and mapped ever since. */
static inline int
psm__segment_is_own(const struct psm__segment *g)
{
	return __atomic_load_n(&g->state, __ATOMIC_RELAXED) >=
	       PSM__SEGMENT_ACTIVE;
}

/* Damaged and refused records of a spool, and what the quarantine has of them.
 * Owned by disk/quarantine.c. */
struct psm__damage {
	pthread_mutex_t *lock; /* of the records, to overwrite one */
	const struct psm__keys *keys;
	int64_t max_bytes; /* of the quarantine */
	/* __atomic */
	int64_t quarantined;
	uint64_t damaged;
	int quarantine_errno;
};
uint64_t psm__damage_records(const struct psm__damage *d);
int64_t psm__damage_bytes(const struct psm__damage *d);
/* Why the last thing was not copied to the quarantine, or 0. */
int psm__damage_errno(const struct psm__damage *d);
void psm__damage_add(struct psm__damage *d, uint64_t records, int64_t bytes);

/* -- disk/record.c: leaf */

uint32_t psm__spool_seed(const uint8_t uuid[16], uint64_t first_seq);
uint32_t psm__rec_crc(uint32_t seed, const struct psm__rec *rec);
/* The lengths of a record's header agree with each other and with the room. */
int psm__rec_plausible(int encrypted, const struct psm__rec *rec, size_t room);
/* The parts behind the header agree with it. */
int psm__rec_has_parts(const struct psm__rec *rec);
/* 1: both, for a record in the clear. */
int psm__rec_sound(const struct psm__rec *rec, size_t room);
/* How many records began in a range where none is valid: as many headers as
 * follow each other, and at least one. */
uint64_t psm__rec_torn(const struct psm__segment *g, size_t at);

/* -- disk/headers.c: leaf */

/* The bytes that the headers take in a record. */
size_t psm__headers_size(const struct psm__header *headers, size_t count);
void psm__headers_put(const struct psm__header *headers, size_t count,
                      char *to);
/* 1: out[PSM__REC_HEADERS] and *count are set, and point into the record. 0:
 * these are no headers. */
int psm__headers_read(const struct psm__rec *rec, struct psm__header *out,
                      size_t *count);
/* The event's id and its length: in the value, or of a CloudEvent in the binary
 * form, in a header. 0: there is none. */
size_t psm__rec_id(const struct psm__rec *rec, const char **id);

/* -- disk/seal.c: encrypted segments -- */

/* Give a new segment, whose plain header is written, a key and the header of an
 * encrypted one. 0 or an errno. */
int psm__seal_new(const struct psm__keys *keys, struct psm__segment *g);
/* A copy of the header, 0 or 1, if it is undamaged; else NULL. */
const struct psm__sealed_header *psm__seal_header(const struct psm__segment *g,
                                                  int copy);
/* Find the key of an encrypted segment, which is mapped. 0, ENOKEY, ENOMEM,
 * or EBADMSG: its header was not written with this key. keys may be NULL. */
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

/* -- disk/lock.c -- */

/* Take sd->lockfd of sd->dirfd; own: to append to it. 1: it is ours and
 * still has its name. 0: a live process has it. -1: errno. */
int psm__lock_take(struct psm__stream_dir *sd, int own);
void psm__lock_drop(struct psm__stream_dir *sd);
/* 1: a process works on the stream, as far as /proc/locks tells. */
int psm__stream_locked(int dirfd);
/* 1: the process that appends to the stream is alive. */
int psm__stream_owned(int dirfd);
/* The process that took its lock last, or 0. */
long psm__stream_holder(int dirfd);

/* -- disk/stream_dir.c -- */

/* A number for a segment that was never used before. */
uint64_t psm__stream_dir_number(struct psm__stream_dir *sd);
int psm__stream_dir_open_file(const struct psm__stream_dir *sd,
                              const char *name, int flags);
/* Sync the directory if a name in it changed; 0 or an errno. */
int psm__stream_dir_dirsync(struct psm__stream_dir *sd);
/* A stream without files, for memory mode. */
struct psm__stream_dir *psm__stream_dir_memory(void);
/* The valid one of two slots that counts, or NULL. */
const struct psm__cursor_slot *
psm__cursor_best(const struct psm__cursor_slot slots[2]);
/* Write down how far the stream is settled. */
void psm__stream_dir_save(struct psm__stream_dir *sd);
/* Give the stream up; remove: delete its directory, too, if it is empty. */
void psm__stream_dir_leave(struct psm__stream_dir *sd, int remove);
/* Lock stream.n of dir, which is open as parentfd. 1: *out is locked. 0: a live
 * process has it. Else an errno, negated. */
int psm__stream_dir_take(const char *dir, int parentfd, unsigned n, int make,
                         struct psm__stream_dir **out);

/* Processes that may use one directory at a time. */
#define PSM__STREAMS_MAX 256u
/* Numbers of streams are below. */
#define PSM__STREAMS_END 1000000000u

/* -- disk/streams.c: what streams there are -- */

struct psm__streams {
	unsigned *list; /* rising */
	size_t count, cap;
};
/* All of the directory. 0 or an errno; psm__free(list) in any case. */
int psm__streams_list(int parentfd, struct psm__streams *found);
/* What a stream is that is not our own. */
enum psm__stream_is {
	PSM__STREAM_NOTHING,   /* no events, no such stream, or its owner
	                        * lives */
	PSM__STREAM_ABANDONED, /* events, and no live owner */
	PSM__STREAM_HELD       /* events of an ended process; another one has
	                        * adopted it */
};
/* *pid: of the process that holds it, 0: unknown. */
enum psm__stream_is psm__stream_look(int parentfd, unsigned n, long *pid);
/* The first number above all streams with events. 0 or an errno. */
int psm__streams_end(int parentfd, unsigned *end);

/* -- disk/segment.c -- */

/* NULL: no such state. */
const char *psm__segment_state_name(int state);
int psm__segment_may_become(int from, int to);
/* @locks of state */
void psm__segment_set_state(struct psm__segment *g, enum psm__segment_state to);
/* Its file gets no more records and is never synced again. @locks of state */
void psm__segment_fail(struct psm__segment *g);
/* It has damage that the quarantine has no copy of. @thread reader */
void psm__segment_keep(struct psm__segment *g);
/* What is known of a new segment's use: how its pages are best made. */
enum psm__segment_use {
	PSM__USE_SYNCED,  /* record by record: as few pages as possible */
	PSM__USE_FIRST,   /* maybe a few records only */
	PSM__USE_NEXT,    /* soon all of it: it follows a full one */
	PSM__USE_PREPARED /* the same, and nobody waits for it */
};
/* A new spare segment of zeros. 0 or an errno. */
int psm__segment_new(struct psm__stream_dir *sd, size_t size,
                     enum psm__segment_use use, struct psm__segment **out);
/* Make a spare segment the active one, for records from first_seq on. 0 or an
 * errno: then its file is gone. keys NULL: not encrypted. */
int psm__segment_begin(const struct psm__keys *keys, struct psm__segment *g,
                       uint64_t first_seq);
/* Make a spare segment of one whose records are all settled; lasting: before a
 * crash can mix old records with new ones. 1: done. 0: nothing was done. -1:
 * its file is gone. */
int psm__segment_clear(struct psm__segment *g, int lasting);
/* Delete a spare segment. Takes g. */
void psm__segment_drop_spare(struct psm__segment *g);
/* Write a file of that size and delete it; 0 or an errno. */
int psm__segment_try_disk(struct psm__stream_dir *sd, size_t size);
/* Map a segment that has a file; 0 or an errno. */
int psm__segment_map(struct psm__segment *g);
void psm__segment_unmap(struct psm__segment *g);
/* Its header, in its memory. 0 or an errno. */
int psm__segment_header(const struct psm__keys *keys, struct psm__segment *g);
/* Forget it, keep its file. */
void psm__segment_free(struct psm__segment *g);
void psm__segment_delete(struct psm__segment *g);
/* Remove its name, so that no later process finds it. 0 or an errno. */
int psm__segment_unname(struct psm__segment *g);
/* 0: the file of an own segment was removed: only memory has its records. */
int psm__segment_is_named(const struct psm__segment *g);

/* -- disk/probe.c -- */

/* From now on [0, len) of a mapped segment can be read without SIGBUS: bytes
 * that cannot be read become 0xff, which is damage. */
void psm__segment_probe(struct psm__segment *g, size_t len);
/* The segment is read soon: start reading its file. */
void psm__segment_prefetch(const struct psm__segment *g);

/* -- disk/quarantine.c -- */

/* Bytes in the quarantine folder; segments there use up their numbers. */
int64_t psm__quarantine_count(struct psm__stream_dir *sd);
/* Copy bytes to quarantine/NAME of the stream; lasting: return only when the
 * copy is on the disk. -1: there is no copy, keep them where they are. */
int psm__quarantine(struct psm__damage *d, struct psm__stream_dir *sd,
                    const char *name, const void *bytes, size_t len,
                    int lasting);
/* The same with a record in the clear of an encrypted segment, as an encrypted
 * segment of its own. */
int psm__quarantine_sealed(struct psm__damage *d, const struct psm__segment *g,
                           const char *name, const struct psm__rec *plain,
                           int lasting);
/* It cannot be read: move its file to the quarantine. Takes g. */
void psm__quarantine_segment(struct psm__damage *d, struct psm__segment *g);
/* Its records are all settled: delete the file, or move it to the quarantine
 * if it has damage without a copy. Takes g. */
void psm__segment_discard(struct psm__damage *d, struct psm__segment *g);

/* -- disk/scan.c: reading what may be damaged -- */

/* 1: there is a valid record at at. */
int psm__rec_valid(const struct psm__segment *g, size_t at);
/* The first place from at on with a valid record, or 0. */
size_t psm__rec_find(const struct psm__segment *g, size_t at);
/* The bytes after the last valid record. */
enum psm__tail {
	PSM__TAIL_CLEAN,      /* zeros */
	PSM__TAIL_UNFINISHED, /* an append that did not return */
	PSM__TAIL_DAMAGED
};
enum psm__tail psm__segment_tail(const struct psm__segment *g, size_t at);
/* Check the header of a mapped segment and find its seed; 0: it cannot be
 * read. */
int psm__segment_check(struct psm__segment *g);
/* 1: the record, whose checksum is right, is as it was written. */
int psm__rec_genuine(struct psm__segment *g, const struct psm__rec *rec);
/* 1: there is damage that was neither copied nor replaced by a hole. */
int psm__segment_is_damaged(struct psm__segment *g);
/* The valid record at *pos or after damage; NULL: no more. Damage is copied
 * to the quarantine and replaced by a hole, or left as it is if it cannot be
 * copied; the records between after, which is the last one known, and the
 * one found are counted as damaged. */
const struct psm__rec *psm__segment_scan(struct psm__damage *d,
                                         struct psm__segment *g, size_t *pos,
                                         uint64_t after);
/* The segment was scanned up to at, and the last record found was after: count
 * what is missing before the next segment. */
void psm__segment_close(struct psm__damage *d, struct psm__segment *g,
                        size_t at, uint64_t after);
/* The record's checksum is right, but its segment's key does not decrypt it:
 * it is damage. @thread reader */
void psm__segment_altered(struct psm__damage *d, struct psm__segment *g,
                          const struct psm__rec *rec);

#endif
