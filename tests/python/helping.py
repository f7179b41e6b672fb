# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of the package share."""
import atexit
import os
import subprocess
import sys
import tempfile
import unittest
from typing import Any, ClassVar

import psymatch

DEADLINE_MS = 60000
# A sanitizer looks at the library alone: what has little to do with it is left to the run without one.
SANITIZED = os.environ.get("PSM_SANITIZE", "no") != "no"


def event(therapist_id: int, kind: str = "therapist.unblocked") -> Any:
    return psymatch.Event.new(
        kind, "therapist-service", {"therapist_id": therapist_id, "therapist_data": {"id": therapist_id}})


def run(program: Any, *args: Any, timeout: Any = DEADLINE_MS / 1000, **env: Any) -> Any:
    """A program of its own; (exit status, standard output, standard error)."""
    done = subprocess.run([sys.executable, "-c", program, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, env={**os.environ, **env}, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Database(unittest.TestCase):
    """cls.store, on a database that all test classes of this process share. It
    ends with this process."""

    store: ClassVar[psymatch.Store]
    _settings: ClassVar[Any] = None

    @classmethod
    def setUpClass(cls) -> None:
        if Database._settings is None:
            Database._settings = _start_cluster()
        if not Database._settings["DB_PASSWORD"]:
            raise unittest.SkipTest("no PostgreSQL")
        cls.store = psymatch.Store(psymatch.Config(from_env=False, **Database._settings))
        cls.store.migrate()

    @classmethod
    def tearDownClass(cls) -> None:
        del cls.store


class OwnDatabase(Database):
    """cls.store, on a database of the class's own in that cluster; its settings."""

    settings: ClassVar[dict[str, str]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        name = "own_%s" % cls.__name__.lower()
        cls.store.execute("CREATE DATABASE " + name)
        cls.settings = {**Database._settings, "DB_NAME": name}
        cls.store = psymatch.Store(psymatch.Config(from_env=False, **cls.settings))
        cls.store.migrate()
        cls.store.execute("CREATE TABLE note (id integer PRIMARY KEY)")


def _start_cluster() -> Any:
    names = ("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD")
    script = os.path.join(os.environ.get("top_srcdir", "."), "build-aux", "with-postgres")
    shell = "printf '%%s\\n' %s; read -r end" % " ".join('"$%s"' % name for name in names)
    # A library preloaded for Python is nothing for the server.
    env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    server = subprocess.Popen([script, "--private", "sh", "-c", shell],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True)
    assert server.stdin is not None and server.stdout is not None
    to_server, from_server = server.stdin, server.stdout

    def stop() -> None:
        to_server.close()
        server.wait()
        from_server.close()

    atexit.register(stop)
    return dict(zip(names, (from_server.readline().strip() for _ in names)))


class Bus(unittest.TestCase):
    """A transport in memory and a spool that goes away with the test."""

    def setUp(self) -> None:
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.config = psymatch.Config(from_env=False, PSYMATCH_SPOOL_DIR=self.dir.name, PSYMATCH_SPOOL_DURABILITY="os")
        self.transport = psymatch.Transport.memory(1)

    def send(self, *numbers: Any) -> None:
        with psymatch.Producer(self.transport, self.config) as p:
            for number in numbers:
                p.send(event(number))
            self.assertEqual(p.flush(DEADLINE_MS), 0)

    def consumer(self) -> psymatch.Consumer:
        return psymatch.Consumer("test", ["therapist-events"], self.transport, self.config)

    def until(self, consumer: Any, condition: Any) -> None:
        for _ in range(DEADLINE_MS // 100):
            if condition():
                return
            consumer.poll(100)
        self.fail("it never came")
