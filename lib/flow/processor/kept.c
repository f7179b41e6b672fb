/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages that were read and are not handled yet: what stood behind one that
 * is to be tried again, and what was in a batch that was rolled back. They are
 * kept, because to read them again the source would throw away all that it has
 * read ahead. At most a batch of them is kept.
 */
#include "flow/processor/processor_int.h"

#include <string.h>

int
psm__kept_any(const struct psm__part *p)
{
	return p->kept_at < p->kept_end;
}

static void
count(psm_processor *pr, int64_t n)
{
	(void)__atomic_add_fetch(&pr->kept, n, __ATOMIC_RELAXED);
}

void
psm__kept_drop(psm_processor *pr, struct psm__part *p)
{
	count(pr, (int64_t)p->kept_at - (int64_t)p->kept_end);
	while (psm__kept_any(p))
		pr->source->ops->release(pr->source, &p->kept[p->kept_at++]);
	p->kept_at = p->kept_end = 0;
}

/* Out of memory: the source has to read it again, with all that is behind it. */
static void
read_again(psm_processor *pr, struct psm__part *p, struct psm__record *rec)
{
	if (p->reread == PSM__NOT_AGAIN || rec->offset < p->reread)
		p->reread = rec->offset;
	pr->source->ops->release(pr->source, rec);
}

/* Room for one more in front of the others. */
static int
make_room(struct psm__part *p)
{
	size_t count = p->kept_end - p->kept_at;
	int rc;

	if (p->kept_at > 0)
		return 0;
	rc = psm__grow(&p->kept, &p->kept_cap, 2 * count + 1, sizeof *p->kept);
	if (rc < 0)
		return rc;
	memmove(&p->kept[count + 1], p->kept, count * sizeof *p->kept);
	p->kept_at = count + 1;
	p->kept_end = 2 * count + 1;
	return 0;
}

void
psm__kept_first(psm_processor *pr, struct psm__part *p, struct psm__record *rec)
{
	if (p->reread != PSM__NOT_AGAIN || make_room(p) < 0) {
		psm__kept_drop(pr, p);
		read_again(pr, p, rec);
		return;
	}
	p->kept[--p->kept_at] = *rec;
	count(pr, 1);
}

void
psm__kept_last(psm_processor *pr, struct psm__part *p, struct psm__record *rec)
{
	if (p->reread != PSM__NOT_AGAIN ||
	    psm__grow(&p->kept, &p->kept_cap, p->kept_end + 1,
	              sizeof *p->kept) < 0) {
		read_again(pr, p, rec);
		return;
	}
	p->kept[p->kept_end++] = *rec;
	count(pr, 1);
}

void
psm__kept_take(psm_processor *pr, struct psm__part *p, struct psm__record *rec)
{
	*rec = p->kept[p->kept_at++];
	if (!psm__kept_any(p))
		p->kept_at = p->kept_end = 0;
	count(pr, -1);
}
