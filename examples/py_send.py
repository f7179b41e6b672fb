#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Send one event: PSYMATCH_TRANSPORT and KAFKA_BOOTSTRAP_SERVERS say where to.
What send() has accepted is on disk, with or without a broker."""
import psymatch

with psymatch.Producer() as producer:
    event = psymatch.Event.new("search.status_changed", "example", {
        "search_id": 7, "patient_id": 3, "old_status": None, "new_status": "aktiv"})
    producer.send(event)
    print("accepted")
