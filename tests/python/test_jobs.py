# SPDX-License-Identifier: BSD-2-Clause
import datetime
import unittest
from typing import Any, ClassVar

import psymatch
from helping import OwnDatabase
from psymatch import errors, jobs


class Jobs(OwnDatabase):
    config: ClassVar[psymatch.Config]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.config = psymatch.Config(from_env=False, **cls.settings)

    def setUp(self) -> None:
        self.store.execute("DELETE FROM psymatch.job")
        self.store.execute("DELETE FROM note")

    def add(self, key: Any, payload: Any = None, run_at: Any = None, kind: Any = "test.work") -> Any:
        with self.store.transaction() as tx:
            return jobs.add(tx, kind, key, payload, run_at)

    def test_does_a_job_once(self) -> None:
        seen = []
        self.assertTrue(self.add("7", {"id": 7}))
        self.assertFalse(self.add("7"))
        self.add("8", run_at=datetime.datetime(2999, 1, 1, tzinfo=datetime.timezone.utc))
        with self.assertRaises(ValueError):
            self.add("9", run_at=datetime.datetime(2999, 1, 1))
        with jobs.Jobs(self.store, self.config) as work:
            @work.on("test.work")
            def do(tx: Any, key: Any, payload: Any) -> None:
                tx.execute("INSERT INTO note VALUES ($1::integer)", key)
                with self.assertRaises(errors.StateError):
                    work.close()
                seen.append((key, payload))

            self.assertEqual((work.run_once(), work.run_once()), (1, 0))
        self.assertEqual(seen, [("7", {"id": 7})])
        self.assertEqual(self.store.execute("SELECT id FROM note"), [(7,)])
        self.assertEqual([(j["key"], j["state"]) for j in jobs.list(self.store)], [("8", "waiting"), ("7", "done")])

    def test_an_exception_brings_it_again_and_reject_does_not(self) -> None:
        def fail(tx: Any, key: Any, payload: Any) -> None:
            tx.execute("INSERT INTO note VALUES (1)")
            raise psymatch.Reject("no") if key == "bad" else KeyError("later")

        gone = []
        self.add("bad")
        self.add("later")
        with jobs.Jobs(self.store, self.config) as work:
            work.on("test.work", fail)
            work.on_failure("test.work", lambda tx, key, payload: gone.append(key))
            with self.assertRaises(errors.NotFoundError):
                work.on_failure("test.other", fail)
            self.assertEqual(work.run_once(), 2)
        self.assertEqual(gone, ["bad"])
        self.assertEqual(self.store.execute("SELECT count(*) FROM note"), [(0,)])
        rows = {j["key"]: j for j in jobs.list(self.store, kind="test.work")}
        self.assertEqual((rows["bad"]["state"], rows["bad"]["error_code"]), ("failed", "PSM_ERR_REJECT"))
        self.assertEqual((rows["later"]["state"], rows["later"]["error_code"]), ("waiting", "PSM_ERR_RETRY"))
        jobs.retry(self.store, rows["bad"]["id"])
        self.assertEqual(jobs.list(self.store, state="failed"), [])
        jobs.remove(self.store, rows["bad"]["id"])
        with self.assertRaises(errors.NotFoundError):
            jobs.remove(self.store, rows["bad"]["id"])

    def test_an_interrupt_goes_on_and_brings_it_again(self) -> None:
        def stop(tx: Any, key: Any, payload: Any) -> None:
            raise KeyboardInterrupt

        self.add("7")
        with jobs.Jobs(self.store, self.config) as work:
            work.on("test.work", stop)
            with self.assertLogs("psymatch"), self.assertRaises(KeyboardInterrupt):
                work.run_once()
        job, = jobs.list(self.store)
        self.assertEqual((job["state"], job["error_code"]), ("waiting", "PSM_ERR_RETRY"))

    def test_each_day(self) -> None:
        noon = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)
        with psymatch.clock.at(noon), jobs.Jobs(self.store, self.config) as work:
            work.daily("test.daily", "09:00", lambda tx, key, payload: None, late=True)
            with self.assertRaises(errors.InvalError):
                work.daily("test.other", "9 Uhr", lambda tx, key, payload: None)
            self.assertEqual(work.run_once(), 0)
        kind, = jobs.status(self.store)
        self.assertEqual((kind["kind"], kind["daily_at"], kind["when_missed"], kind["waiting"]),
                         ("test.daily", "09:00", "late", 1))

    def test_on_a_thread(self) -> None:
        self.add("7")
        with jobs.Jobs(self.store, self.config) as work:
            work.on("test.work", lambda tx, key, payload: tx.execute("INSERT INTO note VALUES (7)"))
            self.assertEqual(work.health()[0], psymatch.RED)
            work.start()
            work.wake()
            for _ in range(6000):
                if (self.store.execute("SELECT count(*) FROM note, pg_sleep(0.01)") == [(1,)]
                        and work.health()[0] == psymatch.GREEN):
                    break
            self.assertEqual(work.health()[0], psymatch.GREEN)
            work.stop()
        self.assertEqual(self.store.execute("SELECT id FROM note"), [(7,)])
