# SPDX-License-Identifier: BSD-2-Clause
"""Handling events."""
from __future__ import annotations

import contextlib
import ctypes
import logging
import sys
import threading
import time
from typing import Any, Callable, Generic, Iterable, Iterator, Type, TypeVar, overload

from . import log
from ._handle import Handle
from ._lib import callbacks, lib
from ._text import int32, milliseconds, utf8, utf8_list
from ._wait import pieces
from .config import Config
from .errors import BY_NAME, PsmError, Reject, Retry, check, check_code, code_of, make
from .event import Event, ended
from .health import RED, health
from .transport import Transport

Handler = Callable[[Event], object]
F = TypeVar("F", bound=Callable[..., object])

# What a callback returns is not looked at: ctypes gives whatever stands in a
# register for one that an exception has left, at whatever place. It confirms
# the event, or sets an error; else the event comes again.
UNSEEN = 0
_NOMEM, _REJECT, _RETRY = (code_of("PSM_ERR_" + name) for name in ("NOMEM", "REJECT", "RETRY"))
_ON_FAILURE = {"retry": 0, "park": 1, "reject": 2}
_EXIT_S = 10


class Options:
    """What becomes of the events of one handler, as psm_handler_options has it."""

    def __init__(self, attempts: int = 0, on_failure: str = "retry", deadline_ms: int = 30000,
                 versions: tuple[str | None, str | None] = (None, None), final: tuple[type[BaseException], ...] = ()) -> None:
        if on_failure not in _ON_FAILURE:
            raise ValueError("on_failure: want retry, park or reject, got %r" % (on_failure,))
        if not (isinstance(final, tuple) and all(isinstance(c, type) and issubclass(c, BaseException) for c in final)):
            raise TypeError("final: want a tuple of exception classes")
        self.attempts, self.on_failure, self.final = int32(attempts, "attempts"), on_failure, final
        self.deadline_ms = milliseconds(deadline_ms, "deadline_ms")
        self.versions = tuple(None if v is None else utf8(v, "versions") for v in versions)

    def make(self) -> Any:
        """A new psm_handler_options."""
        options = make(lib.psm_handler_options_new)
        try:
            check(lib.psm_handler_options_confirm, options, 1)
            check(lib.psm_handler_options_on_failure, options, _ON_FAILURE[self.on_failure], self.attempts)
            check(lib.psm_handler_options_deadline, options, self.deadline_ms)
            if any(self.versions):
                check(lib.psm_handler_options_versions, options, *self.versions)
        except BaseException:
            lib.psm_handler_options_free(options)
            raise
        return options

    def code(self, e: Any) -> Any:
        """What an exception of the handler means to the library."""
        if isinstance(e, MemoryError):
            return _NOMEM
        if isinstance(e, (Reject, BY_NAME["RejectError"]) + self.final):
            return _REJECT
        return _RETRY

    def is_last(self, code: Any, attempt: Any) -> Any:
        """The event is dead after this failure."""
        return code == _REJECT or code == _RETRY and (
            self.on_failure == "reject" or 0 < self.attempts <= attempt)


def place(e: Any) -> Any:
    """Where an exception came from: file, line, function; never its text, which
    may name a person."""
    at, found = e.__traceback__, "?"
    while at is not None:
        code = at.tb_frame.f_code
        if code.co_filename != __file__:
            found = "%s:%d %s" % (code.co_filename, at.tb_lineno, code.co_name)
        at = at.tb_next
    return found


def failed(e: Any, ev: Any, options: Any, err: Any) -> None:
    """Tell library and log of an exception of a handler."""
    code = options.code(e)
    dead = options.is_last(code, ev.attempt)
    if dead or not isinstance(e, (Retry, BY_NAME["RetryError"])):
        log.say(logging.ERROR if dead else logging.WARNING,
                "a handler failed, the event is dead" if dead else "a handler failed, the event comes again",
                {"event_id": ev.id, "type": ev.type, "attempt": str(ev.attempt),
                 "exception": type(e).__module__ + "." + type(e).__qualname__, "at": place(e)})
    lib.psm_error_set(err, code, ("handler raised %s" % type(e).__name__).encode(errors="replace"))


class Registers(Generic[F]):
    """The part that Consumer, App and Processor share."""

    @overload
    def on(self, type: str, handler: F, *, attempts: int = 0, on_failure: str = "retry", deadline_ms: int = 30000,
           versions: tuple[str | None, str | None] = (None, None), final: tuple[type[BaseException], ...] = ()
           ) -> None: ...

    @overload
    def on(self, type: str, handler: None = None, *, attempts: int = 0, on_failure: str = "retry",
           deadline_ms: int = 30000, versions: tuple[str | None, str | None] = (None, None),
           final: tuple[type[BaseException], ...] = ()) -> Callable[[F], F]: ...

    def on(self, type: str, handler: F | None = None, *, attempts: int = 0, on_failure: str = "retry",
           deadline_ms: int = 30000, versions: tuple[str | None, str | None] = (None, None),
           final: tuple[Type[BaseException], ...] = ()) -> Callable[[F], F] | None:
        """handler(event), of an App or a Processor handler(event, tx), for a type,
        an alias, or "*" for the rest; without a handler, a decorator.

        attempts: so many tries, then the event is dead (0: no limit).
        on_failure: "retry", "reject" (never again), or with a tx "park": later
        events of the same key wait for this one, others do not. deadline_ms:
        what event.time_left_ms counts. versions: the oldest and the newest that
        the handler takes. final: exception classes that make the event dead.
        """
        options = Options(attempts, on_failure, deadline_ms, versions, final)
        if handler is None:
            def decorate(function: F) -> F:
                self._register(type, function, options)
                return function

            return decorate
        if not callable(handler):
            raise TypeError("handler: want a function, got %s" % handler.__class__.__name__)
        self._register(type, handler, options)
        return None

    def _register(self, type: str, handler: F, options: Options) -> None:
        raise NotImplementedError


class _State:
    """What callbacks see. They must not keep the consumer alive, which keeps
    them."""

    def __init__(self) -> None:
        self.raised = None  # by a handler: leaves poll() or ends the thread
        self.calls: list[Any] = []  # the functions behind the callbacks


def _event_call(state: Any, handler: Any, options: Any) -> Any:
    borrowed, confirm = Event._borrowed, lib.psm_event_confirm

    def call(pointer: Any, _user: Any, err: Any) -> Any:
        if state.raised is not None:
            return UNSEEN  # poll() is on its way out
        ev = borrowed(pointer)
        try:
            handler(ev)
            confirm(pointer)
        except Exception as e:
            failed(e, ev, options, err)
        except BaseException as e:
            state.raised = e
        finally:
            ended(ev)
        return UNSEEN

    return call


def upcaster(keep: Any, state: Any, type: str, from_version: str, to_version: str, function: Callable[..., Any]) -> Any:
    """The arguments of ..._upcast(). keep: keeps the callback; state.raised: what is no Exception, or None."""
    if not callable(function):
        raise TypeError("function: want a function, got %s" % function.__class__.__name__)

    def call(old: Any, out: Any, _user: Any, err: Any) -> Any:
        event = Event._borrowed(old)
        try:
            made = function(event)
            if isinstance(made, dict):
                made = event.upcast(to_version, made)
            if not isinstance(made, Event):
                raise TypeError("want a dict, got %s" % made.__class__.__name__)
            out[0] = made._give()
            return 0
        except BaseException as e:
            code = _REJECT if isinstance(e, Exception) else _NOMEM
            if code == _NOMEM and state is not None:
                state.raised = e
            log.say(logging.ERROR, "an upcaster failed", {
                "event_id": event.id, "type": event.type, "exception": e.__class__.__name__, "at": place(e)})
            lib.psm_error_set(err, code, ("the upcaster raised %s" % e.__class__.__name__).encode(errors="replace"))
            return code
        finally:
            ended(event)

    keep.append(callbacks["psm_upcast_fn"](call))
    return utf8(type, "type"), utf8(from_version, "from_version"), utf8(to_version, "to_version"), keep[-1], None


def _dead_call(state: Any, handler: Any) -> Any:
    def call(topic: Any, partition: Any, offset: Any, raw: Any, size: Any, code: Any, reason: Any, _user: Any) -> None:
        try:
            data = None if raw is None else ctypes.string_at(raw, size)
            handler(topic.decode(), partition, offset, data, code, (reason or b"").decode(errors="replace"))
        except Exception as e:
            log.say(logging.ERROR, "the handler of dead messages failed", {
                "topic": topic.decode(), "partition": str(partition), "offset": str(offset),
                "exception": type(e).__name__, "at": place(e)})
        except BaseException as e:
            state.raised = e

    return call


@contextlib.contextmanager
def _interrupts(state: Any) -> Iterator[Any]:
    """Sees an interrupt between a callback's begin and its try. Only the main
    thread is interrupted; others would not restore the hook in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = sys.unraisablehook

    def unraisable(told: Any) -> None:
        # Python 3.13 names the function in the text only.
        ours = told.object in state.calls or any(repr(call) in (told.err_msg or "") for call in state.calls)
        if ours and not isinstance(told.exc_value, Exception):
            state.raised = told.exc_value
        else:
            before(told)

    sys.unraisablehook = unraisable
    try:
        yield
    finally:
        sys.unraisablehook = before


class _Core(Handle):
    """What a Consumer and its thread share; the thread lives on when the
    Consumer is dropped in its own handler."""

    def __init__(self, transport: Transport, config: Config, group: Any) -> None:
        self._keep: list[Any] = []  # callbacks, as long as the library may call them
        self._own(make(lib.psm_consumer_new, transport._handle, config._handle, group), self._freeing(self._keep),
                  transport)
        self._state = _State()
        self.stop = threading.Event()
        self.thread: threading.Thread | None = None
        self.ended: str | None = None  # why the thread ended by itself
        self.polled = self.closed = False

    @staticmethod
    def _freeing(kept: Any) -> Any:
        def free(pointer: Any) -> None:
            lib.psm_consumer_free(pointer)
            kept.clear()

        return free

    def callback(self, kind: str, call: Any) -> Any:
        self._state.calls.append(call)
        self._keep.append(callbacks[kind](call))
        return self._keep[-1]

    def on(self, type: str, options: Any, handler: Callable[..., Any]) -> None:
        made = options.make()
        try:
            check(lib.psm_consumer_on_with, self._handle, utf8(type, "type"), made,
                  self.callback("psm_event_fn", _event_call(self._state, handler, options)), None)
        finally:
            lib.psm_handler_options_free(made)

    def upcast(self, type: str, from_version: str, to_version: str, function: Callable[..., Any]) -> None:
        check(lib.psm_consumer_upcast, self._handle, *upcaster(self._keep, self._state, type, from_version, to_version,
        function))

    def on_dead(self, handler: Callable[[str, int, int, bytes | None, int, str], object]) -> None:
        lib.psm_consumer_on_dead(self._handle, self.callback("psm_dead_fn", _dead_call(self._state, handler)), None)

    def poll(self, timeout_ms: int) -> int:
        """As Consumer.poll()."""
        if not self.polled:
            self.polled = True
            self._close_at_exit()
        state = self._state
        for piece in pieces(timeout_ms):
            with _interrupts(state):
                count = check(lib.psm_consumer_poll, self._handle, piece)
            if state.raised is not None:
                raised, state.raised = state.raised, None
                raise raised
            if count > 0 or self.stop.is_set():
                return count
        return 0

    def run(self) -> None:
        """Poll until stop is set."""
        while not self.stop.is_set():
            self.poll(200)

    def run_thread(self) -> None:
        try:
            self.run()
        except BaseException as e:
            self.ended = "stopped: %s" % type(e).__name__
            log.say(logging.ERROR, "a consumer has stopped", {"exception": type(e).__name__, "at": place(e)})
            raise
        finally:
            if not self.closed and self._dropped:
                self.close(3000)

    _dropped = False

    @classmethod
    def _name_of(cls) -> Any:
        return "Consumer"

    def close(self, timeout_ms: int = 10000) -> None:
        self.stop.set()
        thread = self.thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_ms / 1000)
            if thread.is_alive():
                raise BY_NAME["TimeoutError"]("a handler still runs")
        check(lib.psm_consumer_close, self._handle, timeout_ms)
        self.closed = True

    def dropped(self) -> None:
        """The Consumer is gone."""
        self._dropped = True
        self.stop.set()

    def _at_exit(self) -> None:
        if self.closed:
            return
        try:
            self.close(_EXIT_S * 1000)
        except PsmError as e:
            log.say(logging.WARNING, "a consumer was not closed: %s" % e, {})
            if self.thread is not None and self.thread.is_alive():
                self._owner.pointer = None  # a handler still runs: leave it alone


class _Feed:
    """Hands the events of the thread that polls to the one that iterates, and
    its answer back."""

    def __init__(self, stop: Any) -> None:
        self._changed = threading.Condition()
        self._stop = stop  # an Event: the consumer closes
        self._event = None  # offered, or taken and not answered
        self._taken = False
        self._answer = None

    def handler(self, event: Any) -> None:
        """Of each event; it waits for the loop."""
        with self._changed:
            self._event, self._taken, self._answer = event, False, None
            event._lend(None)
            self._changed.notify_all()
            while self._answer is None and not self._stop.is_set():
                self._changed.wait(0.2)
            answer, self._event, self._taken = self._answer, None, False
            event._lend(threading.get_ident())
            self._changed.notify_all()
        if not answer:
            raise Retry("the loop was left")

    def settle(self, handled: Any) -> None:
        """What became of the event that the loop had."""
        with self._changed:
            if self._taken and self._answer is None:
                self._answer = handled
                self._changed.notify_all()
                while self._taken:  # the answer is on its way to the library
                    self._changed.wait()

    def take(self, timeout_ms: int | None) -> Any:
        """The next event; None: closed, or nothing came in time."""
        end = None if timeout_ms is None else time.monotonic() + timeout_ms / 1000
        with self._changed:
            while self._event is None or self._taken:
                left = 0.2 if end is None else min(0.2, end - time.monotonic())
                if self._stop.is_set() or left <= 0:
                    return None
                self._changed.wait(left)
            self._taken = True
            self._event._lend(threading.get_ident())
            return self._event


class Consumer(Registers[Handler]):
    """Calls handlers by event type, in order per key, at least once.

    What a handler raises decides: Reject, and the classes that on() calls final,
    make the event dead; any other exception brings it again, as on() says. An
    exception that is no Exception (KeyboardInterrupt, SystemExit, ...) leaves
    poll() or run(), and the event comes again. Each failure is logged with the
    event's id and type, the exception's class and place, never with its text.

    Or a loop has the events that no handler of on() is for, one by one:

        with Consumer("group", ["therapist-events"]) as consumer:
            for event in consumer:
                ...

    An event is handled when the loop asks for the next one, or the with block
    ends without an exception; else it comes again.

    >>> t = Transport.memory()
    >>> with Consumer("group", ["therapist-events"], t) as c:
    ...     @c.on("therapist.unblocked")
    ...     def greet(event):
    ...         print(event.key)
    ...     c.poll(0)
    0

    Threads: one at a time; handlers run on the thread that polls.

    Beside handlers and loops:

    >>> with Consumer("group", ["therapist-events"], t) as c:
    ...     c.on_dead(lambda topic, partition, offset, raw, code, reason: None)
    ...     c.upcast("therapist.unblocked", "0.9", "1.0", lambda event: {**event.payload, "therapist_data": {}})
    ...     c.dead_letters(False)
    ...     found = [event.key for event in c.events(timeout_ms=10)]
    ...     found, c.stat("handled"), c.health()[0] == psymatch.GREEN
    ([], 0, True)
    >>> c = Consumer("other", ["therapist-events"], t)
    >>> c.on("*", print)
    >>> c.start()  # a thread polls; c.run() polls on this one, until c.close()
    >>> c.close()
    """

    def __init__(self, group: str, topics: Iterable[str], transport: Transport | None = None,
                 config: Config | None = None) -> None:
        topics = utf8_list(topics, "topics")
        config = config if config is not None else Config()
        self._transport = transport if transport is not None else Transport(config)
        self._core = _Core(self._transport, config, utf8(group, "group"))
        for topic in topics:
            check(lib.psm_consumer_subscribe, self._core._handle, topic)

    def _register(self, type: str, handler: Handler, options: Options) -> None:
        self._core.on(type, options, handler)

    def on_dead(self, handler: Callable[[str, int, int, bytes | None, int, str], object]) -> None:
        """handler(topic, partition, offset, raw or None, code, reason)"""
        self._core.on_dead(handler)

    def upcast(self, type: str, from_version: str, to_version: str, function: Callable[[Event], dict[str, Any] | Event]) -> None:
        """function(event) makes the payload (a dict) of to_version from an event
        of from_version, before it is handled."""
        self._core.upcast(type, from_version, to_version, function)

    def dead_letters(self, on: bool = True) -> None:
        """Whether dead messages go to a topic of their own, "<topic>.dlq"."""
        check_code(lib.psm_consumer_dead_letters(self._core._handle, int(bool(on))))

    def events(self, timeout_ms: int | None = None) -> Iterator[Event]:
        """An iterator over events without a handler of on(); it ends at close(),
        or when nothing came for timeout_ms. A thread reads; handlers of on() run
        on it."""
        if timeout_ms is not None:
            milliseconds(timeout_ms, "timeout_ms")
        self._begin_feed()
        feed = self._feed
        feed.settle(False)  # a loop before this one was left with it
        while True:
            event = feed.take(timeout_ms)
            if event is None:
                if self._core.ended:
                    raise BY_NAME["StateError"](self._core.ended)
                return
            yield event
            feed.settle(True)

    def __iter__(self) -> Iterator[Event]:
        return self.events()

    _feed: Any = None

    def _begin_feed(self) -> None:
        if self._feed is None:
            feed = _Feed(self._core.stop)
            self.on("*", feed.handler)
            self.start()
            self._feed = feed

    def poll(self, timeout_ms: int = 1000) -> int:
        """Handle what is there on this thread; the number of events."""
        milliseconds(timeout_ms, "timeout_ms")
        if self._core.thread is not None:
            raise BY_NAME["StateError"]("started: its thread polls")
        return self._core.poll(timeout_ms)

    def run(self) -> None:
        """poll() until close() is called by another thread, or a handler raises
        what is no Exception."""
        if self._core.thread is not None:
            raise BY_NAME["StateError"]("started: its thread polls")
        self._core.run()

    def start(self) -> None:
        """Let a thread of its own poll, until close()."""
        core = self._core
        if core.thread is not None or core.polled or core.closed:
            raise BY_NAME["StateError"]("already started, polled or closed")
        core._handle
        core._close_at_exit()
        core.polled = True
        # A daemon: the interpreter closes it at its end.
        core.thread = thread = threading.Thread(target=core.run_thread, name="psymatch-consumer", daemon=True)
        thread.start()

    def close(self, timeout_ms: int = 10000) -> None:
        """Let the running handler end, commit what is finished, leave the group."""
        milliseconds(timeout_ms, "timeout_ms")
        if self._core.thread is threading.current_thread():
            raise BY_NAME["StateError"]("called by a handler of this consumer")
        self._core.close(timeout_ms)

    def stat(self, name: str) -> int:
        """A number of this consumer, as psm_consumer_stat(3) names them."""
        number: int = lib.psm_consumer_stat(self._core._handle, utf8(name, "name"))
        return number

    def health(self) -> tuple[int, str]:
        """(GREEN | AMBER | RED, a sentence)"""
        if self._core.ended:
            return RED, self._core.ended
        return health(lib.psm_consumer_health, self._core._handle)

    def __enter__(self) -> Consumer:
        return self

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        if self._feed is not None:
            self._feed.settle(kind is None)
        self.close()

    def __del__(self) -> None:
        core = getattr(self, "_core", None)
        if core is not None:
            core.dropped()

    def __copy__(self) -> None:
        raise TypeError("a psymatch.Consumer cannot be copied")

    def __deepcopy__(self, memo: Any) -> None:
        raise TypeError("a psymatch.Consumer cannot be copied")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a psymatch.Consumer cannot be pickled")
