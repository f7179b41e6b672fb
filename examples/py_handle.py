#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Handle events until Ctrl-C, each at least once, in order per search."""
import psymatch

with psymatch.Consumer("example", ["matching-events"]) as consumer:
    try:
        for event in consumer:
            print("search %s has another status" % event.key, flush=True)
    except KeyboardInterrupt:
        print("stopped")
