# SPDX-License-Identifier: BSD-2-Clause
"""Objects that are kept, copied, pickled, dropped in any order, forked, left
to the end of the interpreter."""
import copy
import gc
import os
import pickle
import signal
import threading
import unittest
from typing import Any
import unittest.mock

import psymatch
from helping import Bus, event, run
from psymatch import errors
from psymatch._handle import Owner


class Events(Bus):
    def test_a_kept_event_shows_what_it_showed(self) -> None:
        self.send(*range(1, 31))
        kept, seen = [], []

        def handler(ev: Any) -> None:
            kept.append(ev)
            seen.append((ev.id, ev.key, ev.topic, ev.partition, ev.offset, ev.attempt, ev.payload, repr(ev)))

        with self.consumer() as c:
            c.on("*", handler)
            self.until(c, lambda: len(kept) == 30)
        del c
        gc.collect()
        self.assertEqual([(ev.id, ev.key, ev.topic, ev.partition, ev.offset, ev.attempt, ev.payload, repr(ev))
                          for ev in kept], seen)
        again = psymatch.Event.parse(kept[0].encode())
        self.assertEqual((again, again.payload), (kept[0], kept[0].payload))

    def test_an_event_that_nobody_keeps_is_not_copied(self) -> None:
        self.send(1)
        pointers = []
        with self.consumer() as c, unittest.mock.patch.object(psymatch.Event, "_keep") as copied:
            c.on("*", lambda ev: pointers.append(ev._pointer))
            self.until(c, lambda: pointers)
        copied.assert_not_called()

    def test_another_thread_may_read_it_while_the_handler_ends(self) -> None:
        self.send(*range(1, 201))
        read, wrong = [], []

        def reader(ev: Any, want: Any) -> None:
            for _ in range(20):
                if ev.id != want:
                    wrong.append(want)
            read.append(ev.payload["therapist_id"])

        threads = []

        def handler(ev: Any) -> None:
            threads.append(threading.Thread(target=reader, args=(ev, ev.id)))
            threads[-1].start()

        with self.consumer() as c:
            c.on("*", handler)
            self.until(c, lambda: len(threads) == 200)
        for thread in threads:
            thread.join(60)
        self.assertEqual((sorted(read), wrong), (list(range(1, 201)), []))

    def test_copies_and_pickles_are_values(self) -> None:
        ev = event(7)
        ev.set_trace(causation_id=ev.id, correlation_id=ev.id)
        for other in (copy.copy(ev), copy.deepcopy(ev), pickle.loads(pickle.dumps(ev))):
            self.assertIsNot(other, ev)
            self.assertEqual((other.id, other.payload, other.causation_id, other.topic, other.partition, other.key),
                             (ev.id, ev.payload, ev.id, "therapist-events", -1, "7"))
        self.assertEqual(len({ev, copy.copy(ev), event(7)}), 2)

    def test_what_is_no_event(self) -> None:
        wrong: Any
        for wrong in (10 ** 6, None, ["{}"], 1.5):
            with self.assertRaises(TypeError):
                psymatch.Event.parse(wrong)
        with self.assertRaises(TypeError):
            psymatch.Event()
        with self.assertRaises(errors.ParseError):
            psymatch.Event.parse("{\0}")
        args: Any
        for args in (("therapist.unblocked\0x", "a", {}), ("therapist.unblocked", "a\0", {}),
                     ("therapist.unblocked", "\ud800", {}), ("therapist.unblocked", "a", {"n": float("nan")})):
            with self.assertRaises(ValueError):
                psymatch.Event.new(*args)
        for args in ((b"therapist.unblocked", "a", {}), (None, "a", {}), ("therapist.unblocked", 1, {}),
                     ("therapist.unblocked", "a", []), ("therapist.unblocked", "a", {"x": object()})):
            with self.assertRaises(TypeError):
                psymatch.Event.new(*args)


class Others(Bus):
    def test_the_others_are_neither_copied_nor_pickled(self) -> None:
        with psymatch.Producer(self.transport, self.config) as p, self.consumer() as c:
            for thing in (p, c, self.transport):
                way: Any
                for way in (copy.copy, copy.deepcopy, pickle.dumps):
                    with self.subTest(thing=type(thing).__name__, way=way.__name__), self.assertRaises(TypeError):
                        way(thing)
        other = copy.copy(self.config)
        other["PSYMATCH_QUEUE_MAX"] = 77
        self.assertNotEqual(self.config["PSYMATCH_QUEUE_MAX"], "77")
        self.assertEqual(other["PSYMATCH_SPOOL_DIR"], self.dir.name)

    def test_errors_pickle_with_all_they_say(self) -> None:
        with self.assertRaises(psymatch.ParseError) as caught:
            psymatch.Event.parse('{"event_id": 1')
        again = pickle.loads(pickle.dumps(caught.exception))
        self.assertIs(type(again), psymatch.ParseError)
        for name in ("code", "message", "line", "column", "offset", "retriable", "fatal", "faults", "args"):
            self.assertEqual(getattr(again, name), getattr(caught.exception, name))
        self.assertGreater(again.line, 0)
        for cls in errors.BY_CODE.values():
            self.assertIs(getattr(psymatch, cls.__name__), cls)
        for cls in (psymatch.Retry, psymatch.Reject):
            self.assertIs(type(pickle.loads(pickle.dumps(cls("x")))), cls)

    def test_owners_are_freed_in_order_whatever_is_dropped_first(self) -> None:
        freed = []
        parent = Owner(1, lambda _: freed.append("parent"))
        child = Owner(2, lambda _: freed.append("child"), parent)
        grandchild = Owner(3, lambda _: freed.append("grandchild"), child, parent)
        parent.drop()
        child.drop()
        self.assertEqual(freed, [])
        grandchild.drop()
        grandchild.drop()
        self.assertEqual(freed, ["grandchild", "child", "parent"])

    def test_a_list_of_topics_is_not_a_text(self) -> None:
        wrong: Any
        for wrong in ("therapist-events", b"therapist-events", ["therapist-events", 1], None):
            with self.assertRaises(TypeError):
                psymatch.Consumer("g", wrong, self.transport, self.config)

    def test_a_consumer_dropped_in_its_own_handler_ends(self) -> None:
        self.send(1, 2, 3)
        box, handled = [self.consumer()], []
        thread = []

        def handler(ev: Any) -> None:
            handled.append(ev.key)
            thread.append(threading.current_thread())
            box.clear()

        c = box[0]
        c.on("*", handler)
        c.start()
        del c
        for _ in range(6000):
            if thread and not thread[0].is_alive():
                break
            threading.Event().wait(0.01)
        self.assertFalse(thread[0].is_alive())
        self.assertIn("1", handled)

    def test_after_close(self) -> None:
        p = psymatch.Producer(self.transport, self.config)
        p.close()
        with self.assertRaises(psymatch.StateError):
            p.send(event(1))
        c = self.consumer()
        c.close()
        with self.assertRaises(psymatch.StateError):
            c.poll(0)


PRELUDE = """
import os, signal, sys, tempfile, threading, time
import psymatch
config = psymatch.Config(from_env=False, PSYMATCH_SPOOL_DIR=sys.argv[1], PSYMATCH_SPOOL_DURABILITY="os")
t = psymatch.Transport.memory(3)
def event(n):
    return psymatch.Event.new("therapist.unblocked", "therapist-service",
                              {"therapist_id": n, "therapist_data": {"id": n}})
"""

LEFT = PRELUDE + """
n = []
p = psymatch.Producer(t, config, delivered=lambda *a: n.append(a))
c = psymatch.Consumer("g", ["therapist-events"], t, config)
c.on("*", lambda ev: sum(range(1000)))
c.start()
for i in range(1, 500):
    p.send(event(i))
sys.exit(int(sys.argv[2]))
"""

AWAY = PRELUDE + """
config["KAFKA_BOOTSTRAP_SERVERS"] = "127.0.0.1:1"
config["PSYMATCH_SPOOL_DIR"] = sys.argv[2]
psymatch.producer.EXIT_MS = 100
p = psymatch.Producer(config=config)
p.send(event(1))
if sys.argv[3] == "with":
    with p:
        pass
    print("after the block", flush=True)
"""

FORKED = PRELUDE + """
p = psymatch.Producer(config=config)
m = psymatch.Producer(t, config)
c = psymatch.Consumer("g", ["therapist-events"], t, config)
c.on("*", lambda ev: None)
c.poll(0)
st = psymatch.Store(config)
psymatch.producer.EXIT_MS = 0
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    said = ""
    for use in (lambda: m.send(event(1)), lambda: p.send(event(1)), lambda: c.poll(0)):
        try:
            use()
            said += "done"
        except psymatch.StateError as e:
            said += str(e) + "; "
    said += "store" if st._handle else ""  # a pool of its own
    os.write(w, said.encode())
    sys.exit(7)
print(os.read(r, 1000).decode(), os.WEXITSTATUS(os.waitpid(pid, 0)[1]), flush=True)
p.send(event(3))
"""

INTERRUPTED = PRELUDE + """
config["KAFKA_BOOTSTRAP_SERVERS"] = "127.0.0.1:1"
p = psymatch.Producer(config=config)
p.send(event(1))
psymatch.producer.EXIT_MS = 0
c = psymatch.Consumer("g", ["therapist-events"], t, config)
c.on("*", lambda ev: None)
c.poll(0)
what = {"poll": lambda: c.poll(600000), "flush": lambda: p.flush(600000)}[sys.argv[2]]
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
ready = threading.Event()
threading.Thread(target=lambda: (ready.wait(), os.kill(os.getpid(), signal.SIGINT)), daemon=True).start()
try:
    ready.set()
    what()
except KeyboardInterrupt:
    print("interrupted")
"""


class Ends(Bus):
    def test_an_interpreter_ends_with_all_of_it_alive(self) -> None:
        for status in (0, 5):
            code, _, said = run(LEFT, self.dir.name, str(status))
            self.assertEqual(code, status, said)
        with psymatch.Producer(self.transport, self.config) as p:
            self.assertEqual(p.flush(0), 0)  # nothing of it is left behind

    def test_what_is_left_behind_is_told(self) -> None:
        for spool in (self.dir.name, "none"):
            for way in ("with", "exit"):
                code, out, said = run(AWAY, self.dir.name, spool, way, PSYMATCH_KAFKA_LOG="none")
                with self.subTest(spool=spool, way=way):
                    if spool != "none":
                        self.assertRegex(said, "1 event is not sent yet|2 events are not sent yet")
                        self.assertEqual((code, out), (0, "after the block\n" if way == "with" else ""))
                    elif way == "with":
                        self.assertIn("1 event given up", said)
                        self.assertEqual((code, out), (1, ""))
                    else:
                        self.assertIn("1 event given up", said)

    @unittest.skipIf("asan" in os.environ.get("LD_PRELOAD", ""),
                     "the sanitizer's allocator does not survive a fork of a program with threads")
    def test_the_child_of_a_fork_is_told(self) -> None:
        code, out, said = run(FORKED, self.dir.name, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
        self.assertEqual(code, 0, said)
        self.assertEqual(out, "Producer: made before the process forked; make it in the child; Producer: made before the "
                              "process forked; make it in the child; Consumer: made before the process forked; make it in "
                              "the child; store 7\n")

    def test_ctrl_c_ends_a_wait(self) -> None:
        for way in ("poll", "flush"):
            code, out, said = run(INTERRUPTED, self.dir.name, way)
            self.assertEqual((code, out), (0, "interrupted\n"), said)


if __name__ == "__main__":
    unittest.main()
