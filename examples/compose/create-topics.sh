#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The topics of the catalogue on the brokers of KAFKA_BOOTSTRAP_SERVERS: creates
# what is missing and ends with 0 when all exist. PARTITIONS, REPLICATION and
# RETENTION_DAYS override what is usual.
set -eu
exec psymatch-topics --wait "${WAIT_SECONDS:-120}" \
	${PARTITIONS:+--partitions "$PARTITIONS"} \
	${REPLICATION:+--replication "$REPLICATION"} \
	${RETENTION_DAYS:+--retention-days "$RETENTION_DAYS"} apply
