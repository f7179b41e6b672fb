/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page of a mapped file that the disk cannot read kills the process with
 * SIGBUS. So pages are read into memory beforehand by a call that returns an
 * errno. They stay there, unless the kernel evicts them and fails to read them
 * again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "spool/disk/disk.h"

/* Bytes of this value are no header, no record, and no end of the records. */
#define UNREADABLE 0xff

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Replace a page in memory. The file is not changed: a repaired disk may
 * have the bytes again. */
static int
replace_page(uint8_t *page)
{
	void *at = mmap(page, page_size(), PROT_READ | PROT_WRITE,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (at == MAP_FAILED)
		return -1;
	memset(page, UNREADABLE, page_size());
	return 0;
}

/* For kernels without MADV_POPULATE_READ: read the file. */
static int
readable_by_file(int fd, size_t at)
{
	char byte;

	return fd < 0 || pread(fd, &byte, 1, (off_t)at) == 1;
}

static int
readable(struct psm__segment *g, int fd, size_t at)
{
	if (psm__file_ops.populate(g->base + at, page_size()) == 0)
		return 1;
	if (errno == EINVAL)
		return readable_by_file(fd, at);
	return errno != EFAULT && errno != EIO && errno != EHWPOISON;
}

static void
probe_pages(struct psm__segment *g, size_t len)
{
	size_t lost = 0, size = page_size();
	char name[32];
	int fd;

	(void)snprintf(name, sizeof(name), "%016llx.pms",
	               (unsigned long long)g->number);
	fd = psm__stream_dir_open_file(g->stream, name, O_RDONLY);
	for (size_t at = 0; at < len; at += size)
		if (!readable(g, fd, at) && replace_page(g->base + at) == 0)
			lost++;
	if (fd >= 0)
		close(fd);
	if (lost == 0)
		return;
	g->damage = PSM__DAMAGE_PAGES;
	psm__log(PSM_LOG_ERROR, "pages of a spool segment are unreadable",
	         "directory", g->stream->path, "file", name, NULL);
}

void
psm__segment_prefetch(const struct psm__segment *g)
{
	char name[32];
	int fd;

	if (g->own_memory || g->base)
		return;
	(void)snprintf(name, sizeof(name), "%016llx.pms",
	               (unsigned long long)g->number);
	fd = psm__stream_dir_open_file(g->stream, name, O_RDONLY);
	if (fd < 0)
		return;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
	close(fd);
}

void
psm__segment_probe(struct psm__segment *g, size_t len)
{
	if (g->own_memory || !g->base)
		return;
	if (len > g->size)
		len = g->size;
	if (psm__file_ops.populate(g->base, len) < 0)
		probe_pages(g, len);
}
