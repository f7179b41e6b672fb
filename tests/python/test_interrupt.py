# SPDX-License-Identifier: BSD-2-Clause
"""Ctrl-C ends what waits. The bounds are for hangs only."""
import os
import signal
import threading
import time
import unittest
from typing import Any

import psymatch
from helping import Database, event

LONG_MS = 60000


class Interrupts(Database):
    def setUp(self) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.config = psymatch.Config(from_env=False, PSYMATCH_SPOOL_DIR="none", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")

    def soon(self, seconds: Any = 0.2) -> threading.Timer:
        timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        self.addCleanup(timer.join)
        return timer

    def interrupted(self, call: Any, *args: Any) -> None:
        begin = time.monotonic()
        with self.assertRaises(KeyboardInterrupt):
            self.soon()
            call(*args)
        self.assertLess(time.monotonic() - begin, LONG_MS / 2000)

    def test_statements(self) -> None:
        self.interrupted(self.store.execute, "SELECT pg_sleep(60)")
        self.assertEqual(self.store.execute("SELECT 1"), [(1,)])
        with self.assertRaises(KeyboardInterrupt), self.store.transaction() as tx:
            self.soon()
            tx.execute("SELECT pg_sleep(60)")
        with self.store.transaction() as tx:
            self.assertEqual(tx.execute("SELECT 2"), [(2,)])

    def test_a_signal_that_raises_nothing_ends_nothing(self) -> None:
        seen = []
        before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
        self.addCleanup(signal.signal, signal.SIGINT, before)
        timer = self.soon(0.1)
        self.assertEqual(self.store.execute("SELECT 3 FROM pg_sleep(1)"), [(3,)])
        timer.join()  # on a busy machine it may be late
        self.assertEqual(seen, [1])

    def test_waits(self) -> None:
        self.interrupted(self.store.wait_handled, event(1).id, "nobody", LONG_MS)
        consumer = psymatch.Consumer("g", ["therapist-events"], psymatch.Transport.memory(1), self.config)
        consumer.on("*", print)
        self.interrupted(consumer.poll, LONG_MS)
        self.interrupted(consumer.run)
        consumer.close()

    def test_sending(self) -> None:
        producer = psymatch.Producer(psymatch.Transport(self.config), self.config)
        self.addCleanup(self.given_up, producer)
        receipt = producer.send_receipt(event(1))
        self.interrupted(producer.flush, LONG_MS)
        self.interrupted(receipt.wait, LONG_MS)
        self.interrupted(producer.close, LONG_MS)

    def given_up(self, producer: Any) -> None:
        with self.assertRaises(psymatch.TimeoutError):
            producer.close(0)


if __name__ == "__main__":
    unittest.main()
