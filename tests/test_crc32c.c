/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing.h"

#include "base/crc32c.h"

/* The first is the check value of the catalogue of CRCs, the others are the
 * iSCSI standard's examples (RFC 3720, appendix B.4). */
static const struct {
	const char *text;
	int from, step; /* text NULL: 32 bytes from, from + step, ... */
	uint32_t crc;
} vectors[] = {
    {"123456789", 0, 0, 0xe3069283u}, {NULL, 0, 0, 0x8a9136aau},
    {NULL, 0xff, 0, 0x62a8ab43u},     {NULL, 0, 1, 0x46dd794eu},
    {NULL, 31, -1, 0x113fdb5cu},      {"", 0, 0, 0},
};

START_TEST(known_vectors)
{
	uint8_t bytes[32];
	size_t len = 32;

	if (vectors[_i].text) {
		len = strlen(vectors[_i].text);
		memcpy(bytes, vectors[_i].text, len);
	} else {
		for (int i = 0; i < 32; i++)
			bytes[i] =
			    (uint8_t)(vectors[_i].from + i * vectors[_i].step);
	}
	ck_assert_uint_eq(psm__crc32c_table(0, bytes, len), vectors[_i].crc);
	ck_assert_uint_eq(psm__crc32c(0, bytes, len), vectors[_i].crc);
	if (psm__crc32c_has_cpu())
		ck_assert_uint_eq(psm__crc32c_cpu(0, bytes, len),
		                  vectors[_i].crc);
}
END_TEST

/* Both ways agree at every length, alignment and cut. */
START_TEST(pieces_and_alignments)
{
	uint8_t bytes[2000];
	uint32_t seed = 12345;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		seed = seed * 1103515245u + 12345u;
		bytes[i] = (uint8_t)(seed >> 16);
	}
	for (size_t from = 0; from < 9; from++) {
		for (size_t len = 0; from + len <= sizeof(bytes); len += 7) {
			uint32_t whole =
			    psm__crc32c_table(7, bytes + from, len);
			uint32_t half =
			    psm__crc32c_table(7, bytes + from, len / 2);

			ck_assert_uint_eq(psm__crc32c(7, bytes + from, len),
			                  whole);
			ck_assert_uint_eq(psm__crc32c(half,
			                              bytes + from + len / 2,
			                              len - len / 2),
			                  whole);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("crc32c");
	TCase *tc = tcase_create("crc32c");

	tcase_add_loop_test(tc, known_vectors, 0,
	                    sizeof(vectors) / sizeof(vectors[0]));
	tcase_add_test(tc, pieces_and_alignments);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
