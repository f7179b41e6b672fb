# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of the package share."""
import atexit
import os
import subprocess
import sys
import tempfile
import unittest

import psymatch

DEADLINE_MS = 60000


def event(therapist_id, kind="therapist.unblocked"):
    return psymatch.Event.new(
        kind, "therapist-service", {"therapist_id": therapist_id, "therapist_data": {"id": therapist_id}})


def run(program, *args, timeout=DEADLINE_MS / 1000, **env):
    """A program of its own; (exit status, standard output, standard error)."""
    done = subprocess.run([sys.executable, "-c", program, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, env={**os.environ, **env}, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Database(unittest.TestCase):
    """cls.store, on a database that all test classes of this process share. It
    ends with this process."""

    _settings = None

    @classmethod
    def setUpClass(cls):
        if Database._settings is None:
            Database._settings = _start_cluster()
        if not Database._settings["DB_PASSWORD"]:
            raise unittest.SkipTest("no PostgreSQL")
        cls.store = psymatch.Store(psymatch.Config(from_env=False, **Database._settings))
        cls.store.migrate()

    @classmethod
    def tearDownClass(cls):
        cls.store = None


def _start_cluster():
    names = ("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD")
    script = os.path.join(os.environ.get("top_srcdir", "."), "build-aux", "with-postgres")
    shell = "printf '%%s\\n' %s; read -r end" % " ".join('"$%s"' % name for name in names)
    # A library preloaded for Python is nothing for the server.
    env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    server = subprocess.Popen([script, "--private", "sh", "-c", shell],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True)

    def stop():
        server.stdin.close()
        server.wait()
        server.stdout.close()

    atexit.register(stop)
    return dict(zip(names, (server.stdout.readline().strip() for _ in names)))


class Bus(unittest.TestCase):
    """A transport in memory and a spool that goes away with the test."""

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.config = psymatch.Config(from_env=False, PSYMATCH_SPOOL_DIR=self.dir.name, PSYMATCH_SPOOL_DURABILITY="os")
        self.transport = psymatch.Transport.memory(1)

    def send(self, *numbers):
        with psymatch.Producer(self.transport, self.config) as p:
            for number in numbers:
                p.send(event(number))
            self.assertEqual(p.flush(DEADLINE_MS), 0)

    def consumer(self):
        return psymatch.Consumer("test", ["therapist-events"], self.transport, self.config)

    def until(self, consumer, condition):
        for _ in range(DEADLINE_MS // 100):
            if condition():
                return
            consumer.poll(100)
        self.fail("it never came")
