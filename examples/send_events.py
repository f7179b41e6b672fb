#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Send numbered therapist events without a database, safe against outages.

usage: send_events.py ACCEPTED FIRST LAST [PAUSE_MS]

PSYMATCH_SPOOL_DIR is where accepted events wait for the broker. For every
event that send() accepted a line "NUMBER KEY EVENT_ID" is appended to the file
ACCEPTED. Killed at any moment and started again with the same spool, it
delivers what was accepted before.
"""
import os
import sys
import time

import psymatch

KEYS = 20


def numbered_event(number: int) -> psymatch.Event:
    therapist = 900001 + number % KEYS
    return psymatch.Event.new(
        "therapist.blocked", "therapist-service",
        {"therapist_id": therapist, "therapist_data": {"id": therapist}, "reason": "number %d" % number})


def main(accepted: str, first: str, last: str, pause_ms: str = "0") -> int:
    log = os.open(accepted, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    with psymatch.Producer() as producer:
        for number in range(int(first), int(last) + 1):
            event = numbered_event(number)
            producer.send(event)
            os.write(log, b"%d %s %s\n" % (number, str(event.key).encode(), event.id.encode()))
            time.sleep(int(pause_ms) / 1000)
        left = producer.flush(60000)
    print("%d events wait in the spool" % left)
    return 1 if left else 0


if __name__ == "__main__":
    if not 4 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
