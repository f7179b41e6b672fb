#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""No broker, no database: topics in memory, for tests."""
import psymatch

config = psymatch.Config(from_env=False, PSYMATCH_SPOOL_DIR="none")
transport = psymatch.Transport.memory()
seen: "list[int]" = []

with psymatch.Producer(transport, config) as producer:
    for number in (1, 2, 3):
        producer.send(psymatch.Event.new("search.status_changed", "example", {
            "search_id": number, "patient_id": 3, "old_status": None, "new_status": "aktiv"}))

with psymatch.Consumer("example", ["matching-events"], transport, config) as consumer:
    consumer.on("search.status_changed", lambda event: seen.append(event.payload["search_id"]))
    while len(seen) < 3:
        consumer.poll()
print("handled", sorted(seen))
