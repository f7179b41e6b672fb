#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Print what is on a topic from its beginning: one line "KEY EVENT_ID TYPE".

usage: read_events.py TOPIC GROUP QUIET_SECONDS

Ends when nothing came for QUIET_SECONDS.
"""
import sys
import time

import psymatch


def main(topic: str, group: str, quiet: str) -> int:
    with psymatch.Consumer(group, [topic]) as consumer:
        consumer.on("*", lambda ev: print(ev.key, ev.id, ev.type))
        last = time.monotonic()
        while time.monotonic() - last < float(quiet):
            if consumer.poll(500):
                last = time.monotonic()
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
