# SPDX-License-Identifier: BSD-2-Clause
import os
import threading
import unittest
import unittest.mock
from typing import Any, ClassVar

import psymatch
from helping import DEADLINE_MS, OwnDatabase
from psymatch import errors
from test_store import new_event


class App(OwnDatabase):
    before: ClassVar[dict[str, str]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.before = dict(os.environ)
        os.environ.update(cls.settings, PSYMATCH_TRANSPORT="memory")

    @classmethod
    def tearDownClass(cls) -> None:
        os.environ.clear()
        os.environ.update(cls.before)
        super().tearDownClass()

    def setUp(self) -> None:
        self.store.execute("DELETE FROM note")
        self.seen: list[Any] = []

    def run_program(self, name: Any, handle: Any) -> None:
        """handle(program, tx, event) gets one event."""
        with psymatch.App(name) as program:
            program.on("communication.send_email", lambda event, tx: handle(program, tx, event))
            with program.store.transaction() as tx:
                tx.emit(new_event(42))
            program.run()

    def test_handles_what_it_emits(self) -> None:
        def handle(program: Any, tx: Any, event: Any) -> None:
            self.seen.append((event.key, tx.execute("INSERT INTO note VALUES ($1::integer)", event.key), tx, event))
            with self.assertRaises(ValueError):
                tx.commit()
            with self.assertRaises(errors.StateError):
                program.close()
            program.quit()

        self.run_program("small", handle)
        self.assertEqual([seen[:2] for seen in self.seen], [("42", 1)])
        self.assertEqual(self.store.execute("SELECT id FROM note"), [(42,)])
        with self.assertRaises(ValueError):
            self.seen[0][2].execute("SELECT 1")  # the call is over
        self.assertEqual(self.seen[0][3].key, "42")

    def test_an_exception_brings_the_event_again_without_its_effects(self) -> None:
        def handle(program: Any, tx: Any, event: Any) -> None:
            self.seen.append(tx.execute("INSERT INTO note VALUES (1)"))
            if len(self.seen) == 1:
                raise KeyError("first")
            program.quit()

        self.run_program("again", handle)
        self.assertEqual(self.seen, [1, 1])
        self.assertEqual(self.store.execute("SELECT id FROM note"), [(1,)])

    def test_what_is_no_exception_leaves_run(self) -> None:
        def handle(program: Any, tx: Any, event: Any) -> None:
            tx.execute("INSERT INTO note VALUES (1)")
            raise SystemExit(3)

        with self.assertRaises(SystemExit):
            self.run_program("exit", handle)
        self.assertEqual(self.store.execute("SELECT id FROM note"), [])

    def test_after_start_what_is_no_exception_is_a_failure_as_any(self) -> None:
        called = threading.Event()

        def handle(event: Any, tx: Any) -> None:
            self.seen.append(tx.execute("INSERT INTO note VALUES (1)"))
            if len(self.seen) == 1:
                raise SystemExit(3)
            called.set()

        with psymatch.App("started") as program, self.assertLogs("psymatch", "WARNING") as logs:
            program.on("communication.send_email", handle)
            program.start()
            with program.store.transaction() as tx:
                tx.emit(new_event())
            self.assertTrue(called.wait(DEADLINE_MS / 1000))
        self.assertIn("SystemExit", "".join(logs.output))
        self.assertEqual(self.store.execute("SELECT id FROM note"), [(1,)])

    def test_close_waits_for_a_handler_with_a_transaction_of_the_store(self) -> None:
        began, go = threading.Event(), threading.Event()

        def handle(event: Any, tx: Any) -> None:
            with program.store.transaction() as other:
                began.set()
                go.wait(DEADLINE_MS / 1000)
                self.seen.append(other.execute("SELECT 1"))

        program = psymatch.App("slow")
        program.on("communication.send_email", handle)
        program.start()
        with program.store.transaction() as tx:
            tx.emit(new_event())
        self.assertTrue(began.wait(DEADLINE_MS / 1000))
        closer = threading.Thread(target=program.close)
        closer.start()
        go.set()
        closer.join(DEADLINE_MS / 1000)
        self.assertFalse(closer.is_alive())
        self.assertEqual(self.seen, [[(1,)]])

    def test_a_transaction_may_be_committed_after_close(self) -> None:
        freed = []
        program = psymatch.App("short")
        program._owner._free = lambda pointer, free=program._owner._free: freed.append(free(pointer))
        tx = program.store.transaction()
        tx.execute("INSERT INTO note VALUES (1)")
        program.close()
        commit = psymatch.lib.psm_tx_commit

        def committing(*args: Any) -> Any:
            self.seen.append(list(freed))
            return commit(*args)

        with unittest.mock.patch.object(psymatch.lib, "psm_tx_commit", committing):
            tx.commit()
        self.assertEqual((self.seen, freed), ([[]], [None]))
        self.assertEqual(self.store.execute("SELECT id FROM note"), [(1,)])

    def test_close_ends_run_of_another_thread(self) -> None:
        program = psymatch.App("other")
        runner = threading.Thread(target=program.run)
        runner.start()
        while program.health()[0] == psymatch.RED:
            runner.join(0.01)
        with self.assertRaises(errors.StateError):
            program.run()
        program.close()
        runner.join(DEADLINE_MS / 1000)
        self.assertFalse(runner.is_alive())
        for call in (program.quit, program.health, program.start):
            with self.assertRaises(errors.StateError):
                call()

    def test_emit_and_upcast(self) -> None:
        with psymatch.App("events") as app:
            app.upcast("communication.send_email", "1.0", "1.1", lambda event: dict(event.payload, seen=event.version))

            @app.on("communication.send_email", versions=("1.1", None))
            def handle(event: Any, tx: Any) -> None:
                self.seen.append((event.version, event.payload["seen"]))
                app.quit()

            app.emit(new_event())
            app.run()
        self.assertEqual(self.seen, [("1.1", "1.0")])

    def test_serve(self) -> None:
        with psymatch.App("served") as app:
            app.serve("therapist")
            with self.assertRaises(errors.ConflictError):
                app.serve("therapist")
            with self.assertRaises(ValueError):
                app.serve("weather")
            with self.assertRaises(errors.InvalError):
                app.serve("patient", "no-topic")

    def test_says_what_is_wrong(self) -> None:
        with psymatch.App("wrong") as program:
            program.on("communication.send_email", lambda event, tx: None)
            with self.assertRaises(errors.ConflictError):
                program.on("communication.send_email", lambda event, tx: None)
            with self.assertRaises(TypeError):
                program.on("communication.send_email", "no function")  # type: ignore[call-overload]
            self.assertEqual(program.health()[0], psymatch.RED)
            program.start()
            with self.assertRaises(errors.StateError):
                program.start()
        program.close()
        with self.assertRaises(errors.StateError):
            program.health()


if __name__ == "__main__":
    unittest.main()
