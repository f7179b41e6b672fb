/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How near the spool is to its limits of size and age. The sender checks
 * regularly; it reports once when a level reaches the high watermark, and once
 * when it is below the low watermark again.
 */
#include <stdio.h>

#include "client/producer/producer_int.h"

/* Often enough for operators and alarms. */
#define LOOK_MS 100

int64_t
psm__watermark_age_us(const struct psm__spool_numbers *n)
{
	int64_t age = n->oldest_us ? psm_now_us() - n->oldest_us : 0;

	return age > 0 ? age : 0;
}

/* Without a spool the limit is one of events. */
static int
size_percent(const struct psm_producer *p, const struct psm__spool_numbers *n)
{
	int64_t percent = n->bytes * 100 / n->max_bytes, events = 0;

	if (!p->dir[0])
		events = (int64_t)n->waiting * 100 / (int64_t)p->queue_max;
	return (int)(events > percent ? events : percent);
}

static int
age_percent(const struct psm_producer *p, const struct psm__spool_numbers *n)
{
	int64_t percent;

	if (p->max_age_us == 0)
		return 0;
	percent = psm__watermark_age_us(n) / (p->max_age_us / 100);
	return percent > 1000000 ? 1000000 : (int)percent;
}

int
psm__watermark_percent(const struct psm_producer *p, int what,
                       const struct psm__spool_numbers *n)
{
	return what == PSM__WATERMARK_SIZE ? size_percent(p, n)
	                                   : age_percent(p, n);
}

void
psm__watermark_text(const struct psm_producer *p, int what,
                    const struct psm__spool_numbers *n, char *text, size_t size)
{
	if (what == PSM__WATERMARK_SIZE)
		snprintf(text, size, "the %s is %d %% full",
		         p->dir[0] ? "spool" : "queue", size_percent(p, n));
	else
		snprintf(text, size,
		         "the oldest event waits for %lld s, the limit is "
		         "%lld s%s",
		         (long long)psm__watermark_age_us(n) / 1000000,
		         (long long)p->max_age_us / 1000000,
		         n->too_old ? ", and new ones are refused" : "");
}

static void
look(struct psm_producer *p, int what, const struct psm__spool_numbers *n)
{
	static const char *const names[] = {
	    [PSM__WATERMARK_SIZE] = "size", [PSM__WATERMARK_AGE] = "age"};
	int percent = psm__watermark_percent(p, what, n);
	char text[160];

	if (p->watermark_high[what] ? percent >= p->low_percent
	                            : percent < p->high_percent)
		return;
	p->watermark_high[what] = !p->watermark_high[what];
	psm__watermark_text(p, what, n, text, sizeof(text));
	psm__log(p->watermark_high[what] ? PSM_LOG_WARN : PSM_LOG_INFO,
	         p->watermark_high[what]
	             ? "events wait up to the high watermark"
	             : "events wait below the low watermark",
	         "what", names[what], "why", text, NULL);
	if (p->watermark_fn)
		p->watermark_fn(names[what], p->watermark_high[what], text,
		                p->watermark_user);
}

void
psm__watermark_look(struct psm_producer *p, int now)
{
	struct psm__spool_numbers n;
	int64_t now_ms = psm__mono_ms();

	if (!now && now_ms < p->watermark_at_ms)
		return;
	p->watermark_at_ms = now_ms + LOOK_MS;
	psm__spool_numbers(p->spool, &n);
	psm__metric_set(p->m_waiting, (int64_t)n.waiting);
	psm__metric_set(p->m_bytes, n.bytes);
	psm__metric_set(p->m_oldest, psm__watermark_age_us(&n) / 1000000);
	look(p, PSM__WATERMARK_SIZE, &n);
	look(p, PSM__WATERMARK_AGE, &n);
}
