# SPDX-License-Identifier: BSD-2-Clause
"""What becomes of an event whose handler raises."""
import asyncio
import sys
import threading
import unittest
from typing import Any

import psymatch
from helping import Bus, event
from psymatch import errors


class Failures(Bus):
    def failing(self, exception: Any, times: Any = 1, **options: Any) -> Any:
        """(keys of the calls, dead messages, consumer): the first calls raise."""
        calls, dead = [], []

        def handler(ev: Any) -> None:
            calls.append(ev.key)
            if len(calls) <= times:
                raise exception

        c = self.consumer()
        c.on("*", handler, **options)
        c.on_dead(lambda *d: dead.append(d))
        return calls, dead, c

    def test_what_is_no_exception_leaves_poll_and_the_event_comes_again(self) -> None:
        for raised in (KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit):
            with self.subTest(raised.__name__):
                self.setUp()
                self.send(1, 2)
                calls, dead, c = self.failing(raised("now"))
                with c:
                    with self.assertRaises(raised):
                        self.until(c, lambda: False)
                    self.assertEqual(calls, ["1"])
                    self.until(c, lambda: len(calls) >= 3)
                self.assertEqual((calls, dead), (["1", "1", "2"], []))

    def test_threads_that_poll_leave_the_hook_of_the_program_alone(self) -> None:
        before, seen = sys.unraisablehook, set()
        self.send(*range(1, 50))
        consumers = [self.consumer() for _ in range(2)]
        done = threading.Event()

        def handler(ev: Any) -> None:
            seen.add(sys.unraisablehook)
            if ev.key == "49":
                done.set()

        for c in consumers:
            c.on("*", handler)
            c.start()
        self.assertTrue(done.wait(60))
        for c in consumers:
            c.close()
        self.assertEqual((seen, sys.unraisablehook), ({before}, before))

    def test_an_interrupt_before_the_first_line_of_a_callback_is_no_success(self) -> None:
        """What ctypes does when the function of a callback cannot even begin."""
        self.send(1)
        calls, tries = [], []
        with self.consumer() as c:
            options = psymatch.consumer.Options()
            inner = psymatch.consumer._event_call(c._core._state, lambda ev: calls.append(ev.key), options)

            def interrupted(*args: Any) -> Any:
                tries.append(args)
                if len(tries) == 1:
                    raise KeyboardInterrupt
                return inner(*args)

            made = options.make()
            errors.check(psymatch.lib.psm_consumer_on_with, c._core._handle, b"*", made,
                         c._core.callback("psm_event_fn", interrupted), None)
            psymatch.lib.psm_handler_options_free(made)
            with self.assertRaises(KeyboardInterrupt):
                self.until(c, lambda: False)
            self.assertEqual(calls, [])
            self.until(c, lambda: calls)
        self.assertEqual(calls, ["1"])

    def test_an_unknown_exception_is_a_retry(self) -> None:
        self.send(1, 2)
        calls, dead, c = self.failing(ConnectionError("Frau Muster"), times=3)
        with self.assertLogs("psymatch", "WARNING") as logged, c:
            self.until(c, lambda: len(calls) == 5)
        self.assertEqual((calls, dead), (["1", "1", "1", "1", "2"], []))
        self.assertEqual(len(logged.output), 3)
        fields = vars(logged.records[0])["fields"]
        self.assertEqual((fields["type"], fields["attempt"], fields["exception"]),
                         ("therapist.unblocked", "1", "builtins.ConnectionError"))
        self.assertIn("test_failures.py", fields["at"])
        self.assertNotIn("Muster", "".join(logged.output))

    def test_final_classes_and_reject_are_dead_and_are_told(self) -> None:
        options: Any
        for raised, options in ((ValueError("Frau Muster"), {"final": (LookupError, ValueError)}),
                                (psymatch.Reject("Frau Muster"), {}),
                                (ValueError("Frau Muster"), {"on_failure": "reject"}),
                                (ValueError("Frau Muster"), {"attempts": 1})):
            with self.subTest(options):
                self.setUp()
                self.send(1, 2)
                calls, dead, c = self.failing(raised, **options)
                with self.assertLogs("psymatch", "ERROR") as logged, c:
                    self.until(c, lambda: len(calls) == 2)
                self.assertEqual((calls, len(dead)), (["1", "2"], 1))
                self.assertEqual(psymatch.Event.parse(dead[0][3]).key, "1")
                self.assertNotIn("Muster", str(dead[0][5:]) + "".join(logged.output))
                self.assertEqual(vars(logged.records[0])["fields"]["event_id"], psymatch.Event.parse(dead[0][3]).id)

    def test_options_that_are_none_are_refused(self) -> None:
        with self.consumer() as c:
            wrong: Any
            for wrong in ({"on_failure": "ignore"}, {"on_failure": "park"}, {"attempts": -1}, {"final": ValueError},
                          {"deadline_ms": 1.5}, {"versions": (b"1.0", None)}, {"versions": ("2.0", "1.0")}):
                with self.subTest(wrong), self.assertRaises((ValueError, TypeError, errors.PsmError)):
                    c.on("therapist.blocked", lambda ev: None, **wrong)
            with self.assertRaises(TypeError):
                c.on("therapist.blocked", "no function")  # type: ignore[call-overload]
            c.on("therapist.blocked", lambda ev: None)  # nothing of it was kept

    def test_a_decorator_keeps_the_function(self) -> None:
        self.send(1)
        got = []
        with self.consumer() as c:
            @c.on("therapist.unblocked")
            def handler(ev: Any) -> None:
                got.append(ev.key)

            self.until(c, lambda: got)
        handler(event(2))
        self.assertEqual(got, ["1", "2"])

    def test_the_handler_of_dead_messages_may_fail(self) -> None:
        self.send(1, 2)
        calls, _, c = self.failing(psymatch.Reject(), times=2)

        def dead(*_: Any) -> None:
            raise OSError("Frau Muster")

        c.on_dead(dead)
        with self.assertLogs("psymatch", "ERROR") as logged, c:
            self.until(c, lambda: len(calls) == 2)
        self.assertEqual(c.stat("dead"), 2)
        self.assertTrue(any("handler of dead messages" in line for line in logged.output))
        self.assertNotIn("Muster", "".join(logged.output))

    def test_a_thread_that_a_handler_ends_is_told(self) -> None:
        self.send(1)
        done = threading.Event()

        def handler(ev: Any) -> None:
            done.set()
            raise SystemExit(3)

        c = self.consumer()
        c.on("*", handler)
        with self.assertLogs("psymatch", "ERROR") as logged:
            c.start()
            self.assertTrue(done.wait(60))
            thread = c._core.thread
            assert thread is not None
            thread.join(60)
        self.assertIn("a consumer has stopped", logged.output[-1])
        self.assertEqual(c.health(), (psymatch.RED, "stopped: SystemExit"))
        c.close()
        again = []
        with self.consumer() as c:
            c.on("*", lambda ev: again.append(ev.key))
            self.until(c, lambda: again)
        self.assertEqual(again, ["1"])


if __name__ == "__main__":
    unittest.main()
