/* SPDX-License-Identifier: BSD-2-Clause */
/* A record by itself: its checksum, and whether its parts fit together. */
#include "base/crc32c.h"
#include "spool/disk/disk.h"

uint32_t
psm__spool_seed(const uint8_t uuid[16], uint64_t first_seq)
{
	uint64_t le = htole64(first_seq);

	return psm__crc32c(psm__crc32c(0, uuid, 16), &le, sizeof(le));
}

/* 0 means "not written yet", so no record may have it. */
uint32_t
psm__rec_crc(uint32_t seed, const struct psm__rec *rec)
{
	uint32_t crc =
	    psm__crc32c(seed, (const uint8_t *)rec + 4, le32toh(rec->len) - 4);

	return crc ? crc : 1;
}

/* The lengths of a header agree with each other and with the room for them. */
int
psm__rec_plausible(int encrypted, const struct psm__rec *rec, size_t room)
{
	uint64_t len = PSM__REC_HEADER + (uint64_t)le16toh(rec->topic_len) + 1 +
	               le32toh(rec->key_len) + le32toh(rec->value_len);
	uint16_t kind = le16toh(rec->kind);

	if (encrypted) {
		if (kind != PSM__REC_SEALED && kind != PSM__REC_HOLE)
			return 0;
		len += PSM__SEAL_TAG - 1;
	}
	return kind >= PSM__REC_EVENT &&
	       kind <= (encrypted ? PSM__REC_SEALED : PSM__REC_NO_KEY) &&
	       le32toh(rec->len) >= len && le32toh(rec->len) <= room &&
	       (uint32_t)le16toh(rec->id_at) + le16toh(rec->id_len) <=
	           le32toh(rec->value_len);
}

int
psm__rec_has_parts(const struct psm__rec *rec)
{
	const char *topic = (const char *)(rec + 1);
	struct psm__header headers[PSM__REC_HEADERS];
	size_t count;

	return topic[le16toh(rec->topic_len)] == '\0' &&
	       psm__headers_read(rec, headers, &count);
}

int
psm__rec_sound(const struct psm__rec *rec, size_t room)
{
	return psm__rec_plausible(0, rec, room) && psm__rec_has_parts(rec);
}

/* How many records began in a range where none is valid: as many headers as
 * follow each other, and at least one. */
uint64_t
psm__rec_torn(const struct psm__segment *g, size_t at)
{
	uint64_t count = 0;

	while (at + PSM__REC_HEADER <= g->size) {
		const struct psm__rec *rec = psm__rec_at(g->base, at);

		if (!psm__rec_plausible(g->encrypted, rec, g->size - at))
			break;
		count++;
		at += psm__rec_space(le32toh(rec->len));
	}
	return count ? count : 1;
}
