# SPDX-License-Identifier: BSD-2-Clause
import os
import unittest

import psymatch
from psymatch import errors
from test_store import SETTINGS, Store, new_event


class Program(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        Store.setUpClass.__func__(cls)  # a cluster of its own
        cls.before = dict(os.environ)
        os.environ.update(zip(SETTINGS, cls.values), PSYMATCH_TRANSPORT="memory")

    @classmethod
    def tearDownClass(cls):
        if hasattr(cls, "before"):
            os.environ.clear()
            os.environ.update(cls.before)
        Store.tearDownClass.__func__(cls)

    def setUp(self):
        self.store.execute("DELETE FROM note")
        self.seen = []

    def run_program(self, name, handle):
        """handle(program, tx, event) gets one event."""
        with psymatch.Program(name) as program:
            program.on("communication.send_email", lambda tx, event: handle(program, tx, event))
            with program.store.transaction() as tx:
                tx.emit(new_event(42))
            program.run()

    def test_handles_what_it_emits(self):
        def handle(program, tx, event):
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

    def test_an_exception_brings_the_event_again_without_its_effects(self):
        def handle(program, tx, event):
            self.seen.append(tx.execute("INSERT INTO note VALUES (1)"))
            if len(self.seen) == 1:
                raise KeyError("first")
            program.quit()

        self.run_program("again", handle)
        self.assertEqual(self.seen, [1, 1])
        self.assertEqual(self.store.execute("SELECT id FROM note"), [(1,)])

    def test_what_is_no_exception_leaves_run(self):
        def handle(program, tx, event):
            tx.execute("INSERT INTO note VALUES (1)")
            raise SystemExit(3)

        with self.assertRaises(SystemExit):
            self.run_program("exit", handle)
        self.assertEqual(self.store.execute("SELECT id FROM note"), [])

    def test_says_what_is_wrong(self):
        with psymatch.Program("wrong") as program:
            program.on("communication.send_email", lambda tx, event: None)
            with self.assertRaises(errors.ConflictError):
                program.on("communication.send_email", lambda tx, event: None)
            with self.assertRaises(TypeError):
                program.on("communication.send_email", "no function")
            self.assertEqual(program.health()[0], psymatch.RED)
            program.start()
            with self.assertRaises(errors.StateError):
                program.start()
        program.close()
        with self.assertRaises(errors.StateError):
            program.health()


if __name__ == "__main__":
    unittest.main()
