# SPDX-License-Identifier: BSD-2-Clause
"""Relay, Processor and Replay by parts."""
import threading
import unittest
from typing import Any

import psymatch
from helping import DEADLINE_MS, Bus, Database, event
from psymatch import errors


class Parts(Database, Bus):
    def setUp(self) -> None:
        Bus.setUp(self)
        self.store.execute("CREATE TABLE IF NOT EXISTS seen (id integer PRIMARY KEY)")
        self.store.execute("DELETE FROM seen")

    def emit(self, *numbers: Any) -> None:
        with self.store.transaction() as tx:
            for number in numbers:
                tx.emit(event(number))

    def test_outbox_to_effects(self) -> None:
        done = threading.Event()
        self.emit(1, 2)
        with psymatch.Relay(self.store, self.transport, self.config) as relay, \
                psymatch.Processor(self.store, "parts", self.transport, self.config) as processor:
            @processor.on("therapist.unblocked")
            def handle(ev: Any, tx: Any) -> None:
                tx.execute("INSERT INTO seen VALUES ($1::integer)", ev.key)
                with self.assertRaises(errors.StateError):
                    processor.close()
                if ev.key == "2":
                    done.set()

            processor.start()
            relay.start()
            self.assertTrue(done.wait(DEADLINE_MS / 1000))
            processor.stop()
            self.assertEqual((processor.stat("handled"), processor.health()[0]), (2, psymatch.RED))
        self.assertEqual(self.store.execute("SELECT id FROM seen ORDER BY id"), [(1,), (2,)])
        with self.assertRaises(errors.StateError):
            relay.stat("sent")

    def test_replay_into_a_schema(self) -> None:
        self.send(4, 5)
        self.store.shadow("again", ["public.seen"])
        with psymatch.Processor(self.store, "again", self.transport, self.config) as processor:
            processor.on("therapist.unblocked", lambda ev, tx: tx.execute("INSERT INTO seen VALUES ($1::integer)", ev.key))
            replay = psymatch.Replay(self.transport, "therapist-events")
            replay.into_schema("again")
            processor.replay(replay, DEADLINE_MS)
        self.assertEqual(replay.stat("handled"), 2)
        self.assertEqual(self.store.execute("SELECT id FROM again.seen ORDER BY id"), [(4,), (5,)])
        self.assertEqual(self.store.execute("SELECT id FROM seen"), [])
        self.store.shadow_drop("again")


class Replays(Bus):
    def setUp(self) -> None:
        super().setUp()
        self.send(1, 2, 3)
        self.replay = psymatch.Replay(self.transport, "therapist-events")

    def test_each_event(self) -> None:
        seen = []

        def handle(ev: Any) -> None:
            with self.assertRaises(errors.StateError):
                psymatch.guard("mail")
            seen.append((ev.key, ev.is_replay, psymatch.replaying()))

        self.assertEqual(self.replay.run(handle), 3)
        self.assertEqual(seen, [("1", True, True), ("2", True, True), ("3", True, True)])
        psymatch.guard("mail")
        self.assertFalse(psymatch.replaying())
        self.replay.only(key="2")
        found: list[psymatch.Event] = []
        self.assertEqual(self.replay.run(found.append), 1)
        self.assertEqual(found[0].key, "2")

    def test_a_part(self) -> None:
        seen: list[psymatch.Event] = []
        self.replay.on("therapist.unblocked", seen.append)
        self.replay.offsets(0, 1, 2)
        self.replay.run()
        self.assertEqual([ev.key for ev in seen], ["2"])
        self.replay.offsets(0)
        self.replay.between(psymatch.clock.now())
        self.assertEqual(self.replay.run(), 0)
        with self.assertRaises(TypeError):
            self.replay.between("yesterday")  # type: ignore[arg-type]

    def test_failures(self) -> None:
        def refuse(ev: Any) -> None:
            raise KeyError(ev.key)

        with self.assertRaises(errors.RetryError):
            self.replay.run(refuse)
        self.replay.max_failures(3)
        self.assertEqual((self.replay.run(refuse), self.replay.stat("failed")), (0, 3))

        def stop(ev: Any) -> None:
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            self.replay.run(stop)


if __name__ == "__main__":
    unittest.main()
