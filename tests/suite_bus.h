/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every transport must do, whatever it is made of: one suite, run once
 * per transport. Each test runs in its own process with its own broker.
 */
#ifndef PSM_SUITE_BUS_H
#define PSM_SUITE_BUS_H

#include <check.h>

#include "transport/transport.h"
#include "testing.h"

#define BUS_PARTITIONS 3

/* BUS_PARTITIONS, unless a test says otherwise before it opens the rig. */
extern int bus_partitions;

struct bus_rig {
	const char *name;
	/* A broker without messages where every topic has bus_partitions
	 * partitions. */
	psm_transport *(*open)(void);
	/* 1: nobody answers. 0: as before. */
	void (*set_down)(psm_transport *t, int down);
	void (*close)(psm_transport *t);
	int regroups; /* 1: an outage can make the group begin anew */
	/* The next count requests or messages are refused with rc, which is
	 * PSM_ERR_RETRY or PSM_ERR_TOO_LARGE. NULL: it cannot be made to. */
	void (*fail_next)(psm_transport *t, int count, int rc);
	int by_batch; /* it refuses requests with several messages */
	int slow;     /* an outage and its end take seconds */
	int outages;  /* so many in a test, 0: 1,000 */
};

Suite *suite_bus(const struct bus_rig *rig);
/* What the producer must do on it. */
Suite *suite_producer(const struct bus_rig *rig);
void suite_producer_limits(Suite *s, const struct bus_rig *rig);

#endif
