# SPDX-License-Identifier: BSD-2-Clause
"""for event in consumer."""
import itertools
import unittest
from typing import Any

import psymatch
from helping import DEADLINE_MS, Bus, event


class Loop(Bus):
    def test_send_new(self) -> None:
        payload = {"therapist_id": 7, "therapist_data": {"id": 7}}
        with psymatch.Producer(self.transport, self.config) as producer:
            producer.send_new("therapist.unblocked", "test", payload)
            wrong: Any
            for wrong in (("nothing.happened", "test", payload), ("therapist.unblocked", "test", {}),
                          ("therapist.unblocked", "", payload)):
                with self.assertRaises(psymatch.PsmError):
                    producer.send_new(*wrong)
            self.assertEqual(producer.stat("accepted"), 1)
        with self.consumer() as consumer:
            ev = next(iter(consumer))
            self.assertEqual((ev.payload, ev.producer, ev.version), (payload, "test", "1.0"))

    def test_every_event_once(self) -> None:
        self.send(*range(1, 6))
        kept = []
        with self.consumer() as consumer:
            for ev in consumer:
                kept.append(ev)
                if len(kept) == 5:
                    break
        self.assertEqual([ev.payload["therapist_id"] for ev in kept], [1, 2, 3, 4, 5])
        self.assertEqual(consumer.stat("handled"), 5)

    def test_what_the_loop_was_left_with_comes_again(self) -> None:
        self.send(1, 2, 3)
        with self.assertRaises(KeyError), self.consumer() as consumer:
            for ev in consumer:
                if ev.key == "2":
                    raise KeyError("2")
        with self.consumer() as consumer:
            for ev in consumer:
                self.assertEqual(ev.key, "2")
                break
            found = next(iter(consumer))  # the loop before was left, nobody knows why
            self.assertEqual((found.key, found.attempt), ("2", 2))
        with self.consumer() as consumer:
            self.assertEqual(next(consumer.events(DEADLINE_MS)).key, "3")

    def test_ends_when_nothing_comes(self) -> None:
        self.send(1)
        with self.consumer() as consumer:
            self.assertEqual(next(consumer.events(DEADLINE_MS)).key, "1")
            self.assertEqual(list(consumer.events(0)), [])
            with self.assertRaises(psymatch.StateError):
                consumer.poll(0)

    def test_handlers_of_types_are_called_meanwhile(self) -> None:
        handled: list[Any] = []
        with psymatch.Producer(self.transport, self.config) as producer:
            producer.send(event(1))
            producer.send(event(2, "therapist.updated"))
            producer.send(event(3))
        with self.consumer() as consumer:
            consumer.on("therapist.updated", handled.append)
            self.assertEqual([ev.key for ev in itertools.islice(consumer, 2)], ["1", "3"])
        self.assertEqual([ev.key for ev in handled], ["2"])

    def test_upcasters(self) -> None:
        self.send(1)
        seen: list[Any] = []
        with self.consumer() as consumer:
            consumer.upcast("therapist.unblocked", "1.0", "1.1", lambda ev: dict(ev.payload, more=ev.version))
            consumer.on("therapist.unblocked", seen.append, versions=("1.1", None))
            self.until(consumer, lambda: seen)
        self.assertEqual((seen[0].version, seen[0].payload["more"]), ("1.1", "1.0"))

    def test_an_upcaster_that_fails_makes_the_event_dead(self) -> None:
        self.send(1)
        dead: list[Any] = []
        with self.consumer() as consumer:
            wrong: Any = lambda ev: "no payload"
            consumer.upcast("therapist.unblocked", "1.0", "1.1", wrong)
            consumer.on("therapist.unblocked", dead.append, versions=("1.1", None))
            consumer.on_dead(lambda *told: dead.append(told))
            self.until(consumer, lambda: dead)
        self.assertEqual(dead[0][5], "the upcaster raised TypeError")

    def test_dead_letters(self) -> None:
        self.send(1)
        with self.consumer() as consumer:
            consumer.dead_letters()
            consumer.on("*", self.refuse)
            self.until(consumer, lambda: consumer.stat("dead"))
        with psymatch.Consumer("look", ["therapist-events.dlq"], self.transport, self.config) as consumer:
            self.assertEqual(next(consumer.events(DEADLINE_MS)).key, "1")

    def refuse(self, ev: Any) -> None:
        raise psymatch.Reject("no")


if __name__ == "__main__":
    unittest.main()
