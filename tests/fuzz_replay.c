/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_x FOLDER...: replay all files below the folders through a target. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

/* Longer files are replayed whole, and changed at every 16th byte only. */
#define SMALL 1024

static unsigned long inputs;

/* A copy of exact size, so that a sanitizer sees the first byte read too far.
 */
static void
feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size); /* always 0, by contract */
	free(copy);
	inputs++;
}

static void
feed_changed(uint8_t *data, size_t size)
{
	static const uint8_t bytes[] = {0, '"', '{', '}', '9', 0xc3, 0xff};
	size_t step = size > SMALL ? 16 : 1, i, n;
	uint8_t was;

	for (i = 0; i < size; i += step) {
		feed(data, i);
		was = data[i];
		for (n = 0; n < sizeof bytes; n++) {
			data[i] = bytes[n];
			feed(data, size);
		}
		data[i] = was;
	}
}

static int
replay(const char *path, const struct stat *st, int type, struct FTW *where)
{
	uint8_t *data;
	size_t size = (size_t)st->st_size;
	FILE *in;

	(void)where; /* nftw wants the parameter */
	if (type != FTW_F)
		return 0;
	in = fopen(path, "rb");
	data = malloc(size + 1);
	if (!in || !data || fread(data, 1, size, in) != size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(99);
	}
	fclose(in);
	feed(data, size);
	feed_changed(data, size);
	free(data);
	return 0;
}

static void
replay_folder(const char *path)
{
	unsigned long before = inputs;

	if (nftw(path, replay, 16, FTW_PHYS) != 0 || inputs == before) {
		fprintf(stderr, "%s: nothing to replay\n", path);
		exit(99);
	}
}

int
main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir");
	char path[1024];
	int i;

	for (i = 1; i < argc; i++)
		replay_folder(argv[i]);
	if (argc < 2) {
		snprintf(path, sizeof path, "%s/tests/data/%s", top ? top : ".",
		         FUZZ_DATA);
		replay_folder(path);
	}
	printf("%lu inputs\n", inputs);
	return 0;
}
