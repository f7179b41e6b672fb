# SPDX-License-Identifier: BSD-2-Clause
"""Nothing grows with the number of events; the interpreter ends at any moment.
PSYMATCH_TEST_LONG=1: a million events, and 200 ends."""
import gc
import os
import random
import subprocess
import sys
import unittest
from typing import Any

from helping import DEADLINE_MS, Bus

LONG = os.environ.get("PSYMATCH_TEST_LONG") == "1"
EVENTS, ENDS = (1000000, 200) if LONG else (2000, 3)
ROUNDS = 10
GROWTH_KB = 8192  # of a million events: 8 bytes each would be seen


def resident_kb() -> int:
    with open("/proc/self/status", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


PROGRAM = """
import random, sys, threading, psymatch
from helping import event
config = psymatch.Config(from_env=False, PSYMATCH_SPOOL_DIR="none")
transport = psymatch.Transport.memory(1)
producer = psymatch.Producer(transport, config, delivered=lambda *told: None)
consumer = psymatch.Consumer("g", ["therapist-events"], transport, config)
consumer.on("*", lambda ev: ev.payload)
consumer.start()
random.seed(int(sys.argv[1]))
for number in range(1, random.randrange(1, 3000)):
    producer.send(event(number))
"""


class Leaks(Bus):
    def test_events(self) -> None:
        self.config["PSYMATCH_SPOOL_DIR"] = "none"
        seen = [0]

        def handle(ev: Any) -> None:
            seen[0] += len(ev.payload) > 0

        sizes, resident = [], []
        with self.consumer() as consumer:
            consumer.on("*", handle)
            for _ in range(ROUNDS):
                before = seen[0]
                self.send(*range(1, EVENTS // ROUNDS + 1))
                self.until(consumer, lambda: seen[0] == before + EVENTS // ROUNDS)
                gc.collect()
                sizes.append(sys.getallocatedblocks())
                resident.append(resident_kb())
        self.assertLess(sizes[-1] - sizes[1], max(200, EVENTS // ROUNDS // 10), sizes)
        if LONG:
            print("KB at each tenth:", resident)
        # A few events are less than what an allocator keeps, and the address sanitizer keeps all that was freed.
        if LONG and "libasan" not in os.environ.get("LD_PRELOAD", ""):
            self.assertLess(resident[-1] - resident[1], GROWTH_KB, resident)

    def test_ends(self) -> None:
        for _ in range(ENDS):
            seed = str(random.randrange(10 ** 6))
            done = subprocess.run([sys.executable, "-c", PROGRAM, seed], timeout=DEADLINE_MS / 1000, check=False,
                                  cwd=os.path.dirname(os.path.abspath(__file__)))
            self.assertEqual(done.returncode, 0, "seed " + seed)


if __name__ == "__main__":
    unittest.main()
