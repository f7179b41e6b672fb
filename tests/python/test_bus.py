# SPDX-License-Identifier: BSD-2-Clause
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from typing import Any
import unittest.mock

import psymatch
from psymatch import errors, transport
from psymatch._lib import callbacks, lib
from psymatch.errors import check, code_of, make

DEADLINE_MS = 60000


def event(therapist_id: Any, kind: Any = "therapist.unblocked") -> Any:
    return psymatch.Event.new(
        kind, "therapist-service", {"therapist_id": therapist_id, "therapist_data": {"id": therapist_id}})


class Topics(unittest.TestCase):
    def test_without_a_broker(self) -> None:
        config = psymatch.Config(from_env=False, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
        for function in transport.plan_topics, transport.apply_topics:
            with self.assertRaises(errors.TimeoutError):
                function(config, timeout_ms=200)
            with self.assertRaises(errors.InvalError):
                function(config, partitions=-1)
            with self.assertRaises(errors.ConfigError):
                function(psymatch.Config(from_env=False, PSYMATCH_TRANSPORT="memory"))


class Bus(unittest.TestCase):
    def setUp(self) -> None:
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.config = psymatch.Config(from_env=False, PSYMATCH_SPOOL_DIR=self.dir.name, PSYMATCH_SPOOL_DURABILITY="os")
        self.transport = psymatch.Transport.memory(3)

    def consume(self, consumer: Any, got: Any, count: Any) -> None:
        for _ in range(100):
            if len(got) >= count:
                return
            consumer.poll(DEADLINE_MS // 100)
        self.fail("%d of %d events came" % (len(got), count))

    def test_sent_events_arrive_once_and_in_order_per_key(self) -> None:
        outcomes = []
        with psymatch.Producer(self.transport, self.config, lambda *o: outcomes.append(o)) as p:
            sent = [event(1 + i % 5) for i in range(100)]
            for ev in sent:
                p.send(ev)
            self.assertEqual(p.flush(DEADLINE_MS), 0)
            self.assertEqual(p.stat("sent"), 100)
            self.assertEqual(p.health()[0], psymatch.GREEN)
        self.assertEqual(sorted(o[0] for o in outcomes), sorted(ev.id for ev in sent))
        self.assertEqual({o[1] for o in outcomes}, {0})
        got = []
        with psymatch.Consumer("test", ["therapist-events"], self.transport, self.config) as c:
            c.on("therapist.unblocked", lambda ev: got.append((ev.key, ev.id)))
            self.consume(c, got, 100)
        for key in "12345":
            self.assertEqual([i for k, i in got if k == key], [ev.id for ev in sent if ev.key == key])
        self.assertEqual(self.transport.lag("test"), 0)
        with psymatch.Producer(self.transport, self.config) as p:
            p.send(event(1))
            p.flush(DEADLINE_MS)
        self.assertEqual(self.transport.lag("test"), 1)
        with self.assertRaises(psymatch.NotFoundError):
            self.transport.lag("nobody")

    def test_one_call_opens_a_producer(self) -> None:
        settings = {"PSYMATCH_TRANSPORT": "memory", "PSYMATCH_SPOOL_DIR": self.dir.name}
        with unittest.mock.patch.dict(os.environ, settings):
            with psymatch.Producer.open("a-program") as p:
                p.send(event(1))
                self.assertEqual(p.flush(DEADLINE_MS), 0)
                self.assertEqual(p.stat("sent"), 1)
            with self.assertRaises(psymatch.PsmError):
                psymatch.Producer.open("")

    def test_close_tells_what_stays_and_what_is_given_up(self) -> None:
        dead = psymatch.Transport(psymatch.Config(from_env=False, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1"))
        p = psymatch.Producer(dead, self.config)
        p.send(event(1))
        self.assertEqual((p.close(0), p.close(0)), (1, 1))
        p = psymatch.Producer(dead, psymatch.Config(from_env=False, PSYMATCH_SPOOL_DIR="none"))
        p.send(event(2))
        with self.assertRaisesRegex(errors.TimeoutError, "1 event given up"):
            p.close(0)

    def test_what_no_setting_places_is_in_the_state_directory(self) -> None:
        with unittest.mock.patch.dict(os.environ, {"XDG_STATE_HOME": self.dir.name}):
            os.environ.pop("STATE_DIRECTORY", None)
            with psymatch.Producer(self.transport, psymatch.Config(from_env=False)) as p:
                p.send(event(1))
            self.assertFalse(os.path.exists(os.path.join(self.dir.name, "psymatch")))
            dead = psymatch.Transport(psymatch.Config(from_env=False, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1"))
            p = psymatch.Producer(dead, psymatch.Config(from_env=False))
            p.send(event(2))
            self.assertEqual(p.close(0), 1)
        self.assertTrue(os.path.isdir(os.path.join(self.dir.name, "psymatch", "spool")))

    def test_a_receipt_follows_one_event(self) -> None:
        with psymatch.Producer(self.transport, self.config) as p:
            receipt = p.send_receipt(event(3))
            self.assertIn(receipt.state, ("spooled", "sent"))
            receipt.wait(DEADLINE_MS)
            self.assertEqual(receipt.state, "sent")
            self.assertEqual(p.flush(DEADLINE_MS), 0)
            self.assertEqual((p.stat("left_spool"), p.stat("left_memory")), (0, 0))
            with self.assertRaises(ValueError):
                receipt.wait(-1)

    def test_a_queue_that_fills_up_is_heard_of(self) -> None:
        config = psymatch.Config(from_env=False, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1", PSYMATCH_QUEUE_MAX="10",
                                 PSYMATCH_SPOOL_DIR="none")
        heard, came = [], threading.Event()

        def watermark(*what: Any) -> None:
            heard.append(what)
            came.set()

        p = psymatch.Producer(config=config, watermark=watermark)
        for i in range(9):
            p.send(event(1 + i))
        self.assertTrue(came.wait(DEADLINE_MS / 1000))
        self.assertEqual(heard, [("size", True, "the queue is 90 % full")])
        self.assertEqual(p.health()[0], psymatch.RED)
        with self.assertRaises(errors.TimeoutError):
            p.close(0)

    def test_a_handler_sees_where_the_event_came_from(self) -> None:
        with psymatch.Producer(self.transport, self.config) as p:
            p.send(event(7))
            self.assertEqual(p.flush(DEADLINE_MS), 0)
        got = []
        with psymatch.Consumer("test", ["therapist-events"], self.transport, self.config) as c:
            c.on("*", lambda ev: got.append((ev.topic, ev.partition, ev.offset, ev.attempt, ev.is_replay)))
            self.consume(c, got, 1)
        topic, partition, offset, attempt, is_replay = got[0]
        self.assertEqual((topic, offset, attempt, is_replay), ("therapist-events", 0, 1, False))
        self.assertIn(partition, (0, 1, 2))

    def test_no_memory_is_not_the_fault_of_the_event(self) -> None:
        calls, dead = [], []
        with psymatch.Producer(self.transport, self.config) as p:
            p.send(event(1))
            self.assertEqual(p.flush(DEADLINE_MS), 0)

        def handler(ev: Any) -> None:
            calls.append(ev.attempt)
            if len(calls) == 1:
                raise MemoryError

        with psymatch.Consumer("test", ["therapist-events"], self.transport, self.config) as c:
            c.on("*", handler)
            c.on_dead(lambda *d: dead.append(d))
            self.consume(c, calls, 2)
        self.assertEqual((calls, dead), ([1, 2], []))

    def send_some(self, count: Any) -> None:
        with psymatch.Producer(self.transport, self.config) as p:
            for i in range(1, count + 1):
                p.send(event(i))
            self.assertEqual(p.flush(DEADLINE_MS), 0)

    def test_handler_options(self) -> None:
        self.send_some(2)
        calls: list[Any] = []
        dead: list[Any] = []

        def call(handle: Any, _user: Any, err: Any) -> Any:
            calls.append(psymatch.Event._borrowed(handle).time_left_ms)
            return lib.psm_error_set(err, code_of("PSM_ERR_RETRY"), b"not now")

        function = callbacks["psm_event_fn"](call)
        options = make(lib.psm_handler_options_new)
        check(lib.psm_handler_options_versions, options, b"1.0", b"1.5")
        check(lib.psm_handler_options_on_failure, options, 2, 0)  # reject
        check(lib.psm_handler_options_deadline, options, 60000)
        for wrong in (lambda: check(lib.psm_handler_options_versions, options, b"2.0", b"1.0"),
                      lambda: check(lib.psm_handler_options_on_failure, options, 9, 0),
                      lambda: check(lib.psm_handler_options_deadline, options, -1)):
            self.assertRaises(errors.InvalError, wrong)
        with psymatch.Consumer("test", ["therapist-events"], self.transport, self.config) as c:
            check(lib.psm_consumer_on_with, c._core._handle, b"therapist.unblocked", options, function, None)
            lib.psm_handler_options_free(options)  # copied
            c.on_dead(lambda *d: dead.append(d[4]))
            self.consume(c, dead, 2)
        self.assertEqual(dead, [code_of("PSM_ERR_RETRY")] * 2)
        self.assertEqual(len(calls), 2)
        self.assertTrue(all(30000 < left <= 60000 for left in calls))

    def test_a_replay_from_its_options_to_its_numbers(self) -> None:
        self.send_some(6)
        seen, state = [], []

        def upcast(old: Any, out: Any, _user: Any, err: Any) -> Any:
            payload = json.dumps(psymatch.Event._borrowed(old).payload).encode()
            return lib.psm_event_upcast(old, b"1.1", payload, len(payload), out, err)

        def call(handle: Any, _user: Any, err: Any) -> Any:
            ev = psymatch.Event._borrowed(handle)
            seen.append((ev.key, ev.version, ev.is_replay))
            state.append((lib.psm_replay_active(), lib.psm_replay_guard(b"a mail", None)))
            return code_of("PSM_ERR_REJECT") if ev.key == "3" else 0

        kept = callbacks["psm_event_fn"](call), callbacks["psm_upcast_fn"](upcast)
        replay = make(lib.psm_replay_new, self.transport._handle, b"therapist-events")
        check(lib.psm_replay_between, replay, 0, 2 ** 62)
        check(lib.psm_replay_only, replay, b"therapist.unblocked", None, 0)
        check(lib.psm_replay_on, replay, b"therapist.unblocked", None, kept[0], None)
        check(lib.psm_replay_upcast, replay, b"therapist.unblocked", b"1.0", b"1.1", kept[1], None)
        check(lib.psm_replay_may_send, replay)
        nobody = callbacks["psm_event_fn"]()  # NULL: those of psm_replay_on
        with self.assertRaises(errors.RejectError) as caught:
            check(lib.psm_replay_run, replay, nobody, None, DEADLINE_MS)
        self.assertIn("therapist-events[", str(caught.exception))
        check(lib.psm_replay_max_failures, replay, 1)
        del seen[:]
        check(lib.psm_replay_run, replay, nobody, None, DEADLINE_MS)
        self.assertEqual(sorted(seen), [(str(i), "1.1", True) for i in range(1, 7)])
        self.assertEqual([lib.psm_replay_stat(replay, n) for n in (b"read", b"handled", b"failed")], [6, 5, 1])
        self.assertEqual(set(state), {(1, code_of("PSM_ERR_STATE"))})
        self.assertEqual((lib.psm_replay_active(), lib.psm_replay_guard(b"a mail", None)), (0, 0))
        # One partition, one offset, a handler of the run's own, one key.
        del seen[:]
        for partition in range(3):
            check(lib.psm_replay_offsets, replay, partition, 0, 1)
            check(lib.psm_replay_run, replay, kept[0], None, DEADLINE_MS)
        self.assertLessEqual(len(seen), 3)
        with self.assertRaises(errors.InvalError):
            check(lib.psm_replay_offsets, replay, 0, 5, 1)
        lib.psm_replay_free(replay)

    def test_retry_comes_again_and_reject_is_dead(self) -> None:
        calls, dead = [], []
        with psymatch.Producer(self.transport, self.config) as p:
            for i in (1, 2):
                p.send(event(i))
            self.assertEqual(p.flush(DEADLINE_MS), 0)

        def handler(ev: Any) -> None:
            calls.append(ev.key)
            if ev.key == "1" and calls.count("1") < 3:
                raise psymatch.Retry("not now")
            if ev.key == "2":
                raise psymatch.Reject("Frau Muster is not welcome here")

        with psymatch.Consumer("test", ["therapist-events"], self.transport, self.config) as c:
            c.on("*", handler)
            c.on_dead(lambda *d: dead.append(d))
            for _ in range(200):
                if calls.count("1") == 3 and dead:
                    break
                c.poll(100)
        self.assertEqual((calls.count("1"), calls.count("2")), (3, 1))
        topic, _, _, raw, code, reason = dead[0]
        self.assertEqual((topic, code), ("therapist-events", -19))
        self.assertEqual(psymatch.Event.parse(raw).key, "2")
        self.assertNotIn("Muster", reason)

    def test_an_unknown_setting_is_named(self) -> None:
        with self.assertRaises(errors.ConfigError) as e:
            psymatch.Config(from_env=False, PSYMATCH_SPOOL_DURABILITY="sometimes")
        self.assertIn("PSYMATCH_SPOOL_DURABILITY", str(e.exception))

    def test_the_same_handler_type_twice_is_refused(self) -> None:
        c = psymatch.Consumer("test", ["therapist-events"], self.transport, self.config)
        c.on("email.sent", lambda ev: None)
        with self.assertRaises(errors.ConflictError):
            c.on("communication.email_sent", lambda ev: None)


KILLED = """
import os, signal, sys
import psymatch
config = psymatch.Config(from_env=False, PSYMATCH_SPOOL_DIR=sys.argv[1], PSYMATCH_SPOOL_DURABILITY="os",
                         KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
p = psymatch.Producer(psymatch.Transport(config), config)
for i in range(1, 51):
    ev = psymatch.Event.new("therapist.unblocked", "therapist-service",
                            {"therapist_id": i, "therapist_data": {"id": i}})
    p.send(ev)
    print(ev.id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


class Killed(unittest.TestCase):
    def test_what_send_accepted_survives_kill_9(self) -> None:
        with tempfile.TemporaryDirectory() as spool:
            run = subprocess.run([sys.executable, "-c", KILLED, spool], stdout=subprocess.PIPE, check=False)
            self.assertEqual(run.returncode, -signal.SIGKILL)
            ids = run.stdout.decode().split()
            self.assertEqual(len(ids), 50)
            config = psymatch.Config(from_env=False, PSYMATCH_SPOOL_DIR=spool)
            transport, got = psymatch.Transport.memory(1), []
            with psymatch.Producer(transport, config) as p:
                self.assertEqual(p.flush(DEADLINE_MS), 0)
            with psymatch.Consumer("test", ["therapist-events"], transport, config) as c:
                c.on("*", lambda ev: got.append(ev.id))
                for _ in range(200):
                    if len(got) >= 50:
                        break
                    c.poll(100)
            self.assertEqual(got, ids)


if __name__ == "__main__":
    unittest.main()
