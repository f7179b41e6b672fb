#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A change and its event in one transaction, and a handler whose effects happen
once. Needs PostgreSQL, DB_* says where; ends with a signal."""
import psymatch

with psymatch.App("example") as app:
    app.store.execute("CREATE TABLE IF NOT EXISTS search (id integer PRIMARY KEY, status text)")
    app.store.execute("CREATE TABLE IF NOT EXISTS seen (id integer)")

    @app.on("search.status_changed")
    def handle(event: psymatch.Event, tx: psymatch.Transaction) -> None:
        tx.execute("INSERT INTO seen VALUES ($1)", event.payload["search_id"])
        print("search %s has another status" % event.key, flush=True)

    with app.store.transaction() as tx:
        tx.execute("INSERT INTO search VALUES (7, 'aktiv') ON CONFLICT DO NOTHING")
        tx.emit(psymatch.Event.new("search.status_changed", "example", {
            "search_id": 7, "patient_id": 3, "old_status": None, "new_status": "aktiv"}))
    app.run()
