/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target over files instead of under a fuzzer: every file below the
 * directories given, or below the corpus of the target, which is named like the
 * program: fuzz_json reads tests/data/fuzz/json.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int files;

static int
run_file(const char *path, size_t size)
{
	/* Exactly as long as the file, so that a read behind it is seen. */
	uint8_t *data = malloc(size ? size : 1);
	FILE *f = fopen(path, "rb");
	int rc = 1;

	if (data && f && fread(data, 1, size, f) == size) {
		rc = LLVMFuzzerTestOneInput(data, size);
		files++;
	}
	if (rc != 0)
		fprintf(stderr, "%s: failed\n", path);
	if (f)
		(void)fclose(f);
	free(data);
	return rc;
}

static int
run(const char *path)
{
	struct dirent **names = NULL;
	struct stat st;
	int count, rc = 0;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return 1;
	}
	if (!S_ISDIR(st.st_mode))
		return run_file(path, (size_t)st.st_size);
	count = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char below[4096];

		(void)snprintf(below, sizeof(below), "%s/%s", path,
		               names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			rc |= run(below);
		free(names[i]);
	}
	free(names);
	return rc;
}

int
main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir"), *name;
	char corpus[4096];
	int rc = 0;

	for (int i = 1; i < argc; i++)
		rc |= run(argv[i]);
	if (argc == 1) {
		name = strrchr(argv[0], '/');
		name = strstr(name ? name : argv[0], "fuzz_");
		(void)snprintf(corpus, sizeof(corpus), "%s/tests/data/fuzz/%s",
		               top ? top : ".", name ? name + 5 : "");
		rc = run(corpus);
	}
	if (files == 0)
		fprintf(stderr, "no input\n");
	return rc != 0 || files == 0;
}
