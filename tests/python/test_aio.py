# SPDX-License-Identifier: BSD-2-Clause
"""asyncio: await producer.send(), async for, handlers that are coroutines."""
import asyncio
import threading
import unittest
from typing import Any

import psymatch
from helping import DEADLINE_MS, Bus, event
from psymatch import aio, errors


class Loop(Bus):
    def consumer(self) -> psymatch.aio.Consumer:  # type: ignore[override]
        return aio.Consumer("test", ["therapist-events"], self.transport, self.config)

    def run_async(self, coroutine: Any) -> Any:
        return asyncio.run(asyncio.wait_for(coroutine, DEADLINE_MS / 1000))

    def test_send(self) -> None:
        async def main() -> None:
            for durability in ("disk", "os"):
                self.config["PSYMATCH_SPOOL_DURABILITY"] = durability
                async with aio.Producer(self.transport, self.config) as producer:
                    await asyncio.gather(*(producer.send(event(n)) for n in range(1, 11)))
                    await producer.sent(event(10))
                    self.assertEqual((await producer.flush(DEADLINE_MS), producer.stat("sent")), (0, 11))
                    with self.assertRaises(TypeError):
                        await producer.send("no event")  # type: ignore[arg-type]
            with self.assertRaises(errors.StateError):
                await producer.send(event(1))

        self.run_async(main())

    def test_every_event_once(self) -> None:
        self.send(*range(1, 6))

        async def main() -> Any:
            kept, threads = [], threading.active_count()
            async with self.consumer() as consumer:
                async for ev in consumer:
                    kept.append(ev)
                    self.assertEqual(threading.active_count(), threads + 1)
                    if len(kept) == 5:
                        break
            return [ev.payload["therapist_id"] for ev in kept], consumer.stat("handled")

        self.assertEqual(self.run_async(main()), ([1, 2, 3, 4, 5], 5))

    def test_what_the_loop_was_left_with_comes_again(self) -> None:
        self.send(1, 2, 3)

        async def main() -> Any:
            with self.assertRaises(KeyError):
                async with self.consumer() as consumer:
                    async for ev in consumer:
                        if ev.key == "2":
                            raise KeyError("2")
            async with self.consumer() as consumer:
                async for ev in consumer:
                    self.assertEqual(ev.key, "2")
                    break
                async for ev in consumer:  # nobody knows why the loop before was left
                    self.assertEqual((ev.key, ev.attempt), ("2", 2))
                    break
            async with self.consumer() as consumer:
                async for ev in consumer:
                    return ev.key

        self.assertEqual(self.run_async(main()), "3")

    def test_handlers(self) -> None:
        self.send(1, 2, 3)
        seen = []

        async def main() -> None:
            done = asyncio.Event()
            async with self.consumer() as consumer:
                @consumer.on("therapist.unblocked")
                async def handle(ev: Any) -> None:
                    await asyncio.get_running_loop().run_in_executor(None, int)
                    with self.assertRaises(errors.StateError):
                        await consumer.close()
                    seen.append((ev.key, ev.attempt))
                    if ev.attempt == 1 and ev.key == "1":
                        raise OSError("not now")
                    if ev.attempt == 1 and ev.key == "2":
                        task = asyncio.current_task()
                        assert task is not None
                        task.cancel()
                        await asyncio.Event().wait()
                    if ev.key == "3":
                        done.set()

                runner = asyncio.ensure_future(consumer.run())
                await done.wait()
                await consumer.close()
                await runner

        self.run_async(main())
        self.assertEqual(seen, [("1", 1), ("1", 2), ("2", 1), ("2", 2), ("3", 1)])

    def test_handlers_that_are_functions_run_on_the_loop(self) -> None:
        self.send(1)

        async def main() -> Any:
            found = asyncio.get_running_loop().create_future()
            async with self.consumer() as consumer:
                consumer.on("*", lambda ev: found.set_result((ev.key, threading.current_thread())))
                await consumer.start()
                return await found

        self.assertEqual(self.run_async(main()), ("1", threading.main_thread()))

    def test_a_loop_that_ends_leaves_its_event(self) -> None:
        self.send(1)

        async def main() -> Any:
            began, consumer = asyncio.Event(), self.consumer()

            @consumer.on("*")
            async def handle(ev: Any) -> None:
                began.set()
                await asyncio.Event().wait()  # for ever

            await consumer.start()
            await began.wait()
            return consumer

        consumer = asyncio.run(main())
        consumer._consumer.close()
        self.assertEqual(consumer.stat("handled"), 0)
        with psymatch.Consumer("test", ["therapist-events"], self.transport, self.config) as again:
            self.assertEqual(next(iter(again)).key, "1")


if __name__ == "__main__":
    unittest.main()
