# SPDX-License-Identifier: BSD-2-Clause
"""Producer and Consumer for asyncio.

    async with psymatch.aio.Producer() as producer:
        await producer.send(event)

    async with psymatch.aio.Consumer("group", ["therapist-events"]) as consumer:
        async for event in consumer:
            ...

Settings, errors and what becomes of an event are those of psymatch.Producer and
psymatch.Consumer. A consumer has one thread, which reads; handlers and loops run
on the event loop.
"""
from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import threading
from typing import Any, AsyncIterator, Callable, Iterable, Mapping, TYPE_CHECKING

from . import consumer as _consumer
from . import producer as _producer
from .config import Config
from .errors import BY_NAME, Retry

if TYPE_CHECKING:
    from .event import Event
    from .transport import Transport

_QUICK = ("os", "none")  # durability that waits for no disk
_LOOK_S = 0.2  # how often a waiting thread looks whether the loop still runs


class Producer:
    """psymatch.Producer of an event loop; what send() accepted survives.

    >>> import asyncio
    >>> async def main():
    ...     config = psymatch.Config(PSYMATCH_TRANSPORT="memory", PSYMATCH_SPOOL_DIR="none")
    ...     async with psymatch.aio.Producer(config=config) as producer:
    ...         await producer.send(psymatch.Event.new("email.send", "example", {"email_id": 7}))
    ...         await producer.send_new("email.send", "example", {"email_id": 8})
    ...         await producer.sent(psymatch.Event.new("email.send", "example", {"email_id": 9}))
    ...         print(await producer.flush(), producer.stat("sent"), producer.health()[0] == psymatch.GREEN)
    ...     producer = psymatch.aio.Producer(config=config)
    ...     await producer.close()
    >>> asyncio.run(main())
    0 3 True
    """

    def __init__(self, transport: Transport | None = None, config: Config | None = None, delivered: Callable[[str, int, str], object] | None = None,
                 watermark: Callable[[str, bool, str], object] | None = None) -> None:
        config = config if config is not None else Config()
        self._producer = _producer.Producer(transport, config, delivered, watermark)
        # One thread writes to the disk, in the order of the calls.
        self._disk = concurrent.futures.ThreadPoolExecutor(1, "psymatch-producer")
        self._waits = (config["PSYMATCH_SPOOL_DURABILITY"] == "disk"
                       and config._given().get("PSYMATCH_SPOOL_DIR") != "none")

    async def _run(self, function: Any, *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._disk, function, *args)

    async def send(self, event: Event, topic: str | None = None) -> None:
        """Accept one event, durably; does not wait for a broker. An event whose
        send() is cancelled may be sent."""
        if self._waits:
            await self._run(self._producer.send, event, topic)
        else:
            self._producer.send(event, topic)

    async def send_new(self, type: str, producer: str, payload: Mapping[str, Any], topic: str | None = None) -> None:
        """As Producer.send_new()."""
        if self._waits:
            await self._run(self._producer.send_new, type, producer, payload, topic)
        else:
            self._producer.send_new(type, producer, payload, topic)

    async def sent(self, event: Event, topic: str | None = None, timeout_ms: int = 10000) -> None:
        """send(), and wait until the broker has it: TimeoutError, or why it has
        not. The event is sent in any case."""
        receipt = await self._run(self._producer.send_receipt, event, topic)
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_ms / 1000
        pause = 0.001
        while receipt.state in ("queued", "spooled") and loop.time() < end:
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.05)
        receipt.wait(0)

    async def flush(self, timeout_ms: int = 10000) -> int:
        """Wait until all is sent; the number of events that still wait."""
        return await asyncio.get_running_loop().run_in_executor(None, self._producer.flush, timeout_ms)

    async def close(self, timeout_ms: int = 10000) -> int:
        """As Producer.close()."""
        try:
            return int(await self._run(self._producer.close, timeout_ms))
        finally:
            self._disk.shutdown(wait=False)

    def stat(self, name: str) -> int:
        """As Producer.stat()."""
        return self._producer.stat(name)

    def health(self) -> tuple[int, str]:
        """As Producer.health()."""
        return self._producer.health()

    async def __aenter__(self) -> Producer:
        return self

    async def __aexit__(self, kind: Any, value: Any, traceback: Any) -> None:
        try:
            await self._run(self._producer.__exit__, kind, value, traceback)
        finally:
            self._disk.shutdown(wait=False)


class Consumer(_consumer.Registers[_consumer.Handler]):
    """psymatch.Consumer of an event loop: handlers are functions or coroutines,
    called one at a time on the loop; one that is cancelled gets its event again.

    A loop, async for event in consumer, has the events without a handler. Its
    event is handled when it asks for the next one, or the async with block ends
    without an exception; else it comes again.

    >>> import asyncio
    >>> async def main():
    ...     transport, config = psymatch.Transport.memory(), psymatch.Config(PSYMATCH_SPOOL_DIR="none")
    ...     async with psymatch.aio.Producer(transport, config) as producer:
    ...         await producer.send_new("email.send", "example", {"email_id": 7})
    ...         await producer.flush()
    ...     async with psymatch.aio.Consumer("group", ["email-commands"], transport, config) as consumer:
    ...         consumer.dead_letters(False)
    ...         consumer.on_dead(lambda topic, partition, offset, raw, code, reason: None)
    ...         consumer.upcast("email.send", "0.9", "1.0", lambda event: event.payload)
    ...         async for event in consumer:  # or: consumer.events()
    ...             print(event.key, consumer.health()[0] == psymatch.GREEN, consumer.stat("dead"))
    ...             break
    ...     other = psymatch.aio.Consumer("other", ["email-commands"], transport, config)
    ...     @other.on("email.send")
    ...     async def handle(event):
    ...         await asyncio.sleep(0)
    ...         print("handled", event.key)
    ...         done.set()
    ...     done = asyncio.Event()
    ...     await other.start()  # or await other.run(), until another task calls close()
    ...     await done.wait()
    ...     await other.close()
    >>> asyncio.run(main())
    7 True 0
    handled 7
    """

    def __init__(self, group: str, topics: Iterable[str], transport: Transport | None = None,
                 config: Config | None = None) -> None:
        self._consumer = _consumer.Consumer(group, topics, transport, config)
        self._loop: Any = None
        self._feed: Any = None
        self._tasks: set[Any] = set()

    def _register(self, type: str, handler: _consumer.Handler, options: _consumer.Options) -> None:
        self._consumer._register(type, lambda event: self._call(handler, event), options)

    def on_dead(self, handler: Callable[[str, int, int, bytes | None, int, str], object]) -> None:
        """As Consumer.on_dead(); the handler is a function, called on the thread
        that reads."""
        self._consumer.on_dead(handler)

    def upcast(self, type: str, from_version: str, to_version: str, function: Callable[[Event], dict[str, Any] | Event]) -> None:
        """As Consumer.upcast(); on the thread that reads."""
        self._consumer.upcast(type, from_version, to_version, function)

    def dead_letters(self, on: bool = True) -> None:
        """As Consumer.dead_letters()."""
        self._consumer.dead_letters(on)

    def _call(self, handler: Any, event: Any) -> None:
        """On the thread that reads, which waits for the loop."""
        loop, stop = self._loop, self._consumer._core.stop
        event._lend(None)

        async def run() -> None:
            task = asyncio.current_task()
            self._tasks.add(task)
            try:
                event._lend(threading.get_ident())
                made = handler(event)
                if inspect.isawaitable(made):
                    await made
            finally:
                self._tasks.discard(task)

        coroutine = run()
        try:
            done = asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError:  # the loop is closed
            coroutine.close()
            raise Retry("no event loop") from None
        while not concurrent.futures.wait([done], _LOOK_S).done:
            if loop.is_closed() or (stop.is_set() and not loop.is_running()):
                raise Retry("no event loop")
        event._lend(threading.get_ident())
        try:
            done.result()
        except concurrent.futures.CancelledError:
            raise Retry("cancelled") from None

    def _begin(self) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()

    async def start(self) -> None:
        """Begin to read; handlers are called from now on."""
        self._begin()
        self._consumer.start()

    async def run(self) -> None:
        """start(), and wait until close() is called by another task."""
        await self.start()
        while not self._consumer._core.stop.is_set():
            if self._consumer._core.ended:
                raise BY_NAME["StateError"](self._consumer._core.ended)
            await asyncio.sleep(_LOOK_S)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self.events()

    async def events(self) -> AsyncIterator[Event]:
        """As psymatch.Consumer.events(), without an end of its own."""
        self._begin()
        if self._feed is None:
            self._feed = _Feed(self._loop)
            self._consumer.on("*", lambda event: self._call(self._feed.handler, event))
            self._consumer.start()
        feed = self._feed
        feed.settle(False)  # a loop before this one was left with it
        while True:
            event = await feed.take(self._consumer._core)
            if event is None:
                return
            yield event
            feed.settle(True)

    async def close(self, timeout_ms: int = 10000) -> None:
        """Let the running handler end, commit what is finished, leave the
        group."""
        if asyncio.current_task() in self._tasks:
            raise BY_NAME["StateError"]("called by a handler of this consumer")
        self._consumer._core.stop.set()
        if self._feed is not None:
            self._feed.end()
        await asyncio.get_running_loop().run_in_executor(None, self._consumer.close, timeout_ms)

    def stat(self, name: str) -> int:
        """As Consumer.stat()."""
        return self._consumer.stat(name)

    def health(self) -> tuple[int, str]:
        """As Consumer.health()."""
        return self._consumer.health()

    async def __aenter__(self) -> Consumer:
        return self

    async def __aexit__(self, kind: Any, value: Any, traceback: Any) -> None:
        if self._feed is not None:
            self._feed.settle(kind is None)
        await self.close()


class _Feed:
    """Hands events to a loop that asks for them; everything on the event
    loop."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._changed = asyncio.Event()
        self._event: Any = None
        self._answer: Any = None
        self._ended = False

    async def handler(self, event: Any) -> None:
        """Of each event; it waits for the loop."""
        if self._ended:
            raise Retry("closed")
        self._event, self._answer = event, self._loop.create_future()
        self._changed.set()
        try:
            if not await self._answer:
                raise Retry("the loop was left")
        finally:
            self._event = None

    def settle(self, handled: Any) -> None:
        """What became of the event that the loop had."""
        taken, self._taken = self._taken, None
        if taken is not None and not taken.done():
            self._answer = None
            taken.set_result(handled)

    _taken: Any = None  # its answer

    async def take(self, core: Any) -> Any:
        """The next event; None: closed."""
        while self._event is None or self._answer is None or self._answer.done():
            if self._ended:
                return None
            if core.ended:
                raise BY_NAME["StateError"](core.ended)
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), 1)
            except asyncio.TimeoutError:
                pass
        self._taken = self._answer
        return self._event

    def end(self) -> None:
        """The consumer closes."""
        self._ended = True
        self._changed.set()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(False)
