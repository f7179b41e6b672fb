# SPDX-License-Identifier: BSD-2-Clause
"""A small program in one object, psm_program(3): store, transport, relay and processor."""
from __future__ import annotations

import threading
from typing import Any, Callable

from ._handle import Handle
from ._lib import callbacks, lib
from ._text import utf8, utf8_or_none
from .consumer import UNSEEN, Options, Registers, failed, upcaster
from .errors import BY_NAME, check, make
from .event import Event, ended
from .health import health
from .store import Store, Transaction

TxHandler = Callable[[Event, Transaction], object]

_STOP_MS = 5000  # then a statement under way is given up
_running: set[Any] = set()  # a program that runs is not collected


class _Lent(Transaction):
    """That of a handler, which its processor commits."""

    def __init__(self, pointer: Any) -> None:
        self._own(pointer, _keep)

    def commit(self) -> None:
        raise ValueError("the processor commits it")

    rollback = close = commit

    def _end(self) -> None:
        self._owner.forget()

    @classmethod
    def _name_of(cls) -> Any:
        return "Transaction"


class _Borrowed(Store):
    """That of a program, which closes it."""

    def __init__(self, program: Any) -> None:
        self._own(lib.psm_program_store(program._handle), _keep, program)

    def _after_fork(self) -> None:
        Handle._after_fork(self)

    def close(self) -> None:
        raise ValueError("the program closes it")

    @classmethod
    def _name_of(cls) -> Any:
        return "Store"


def _keep(_pointer: Any) -> None:
    """It is not ours to free."""


class _State:
    """What callbacks see. They must not keep the program alive, which keeps
    them."""

    def __init__(self) -> None:
        self.runs = threading.Lock()  # held by run()
        self.raised = None  # by a handler, and no Exception: leaves run()
        self.threads: set[int] = set()  # that run a handler


def register(owner: Any, processor: Any, quit: Any, type: str, handler: Callable[..., Any], options: Any) -> None:
    """handler(event, tx) at a processor; owner: has _state, and _callbacks that
    live as long as the processor; quit: ends what run() calls."""
    function = callbacks["psm_tx_event_fn"](_call(owner._handle, quit, owner._state, handler, options))
    made = options.make()
    try:
        check(lib.psm_processor_on_with, processor, utf8(type, "type"), made, function, None)
    finally:
        lib.psm_handler_options_free(made)
    owner._callbacks.append(function)


SERVICES = {
    "communication": lib.psm_communication_handlers, "matching": lib.psm_matching_handlers,
    "patient": lib.psm_patient_handlers, "therapist": lib.psm_therapist_handlers,
}


def serve(processor: Any, service: str, topic: str | None) -> None:
    """Register the library's own handlers of a service at a processor."""
    try:
        add = SERVICES[service]
    except KeyError:
        raise ValueError("service: want one of %s, got %r" % (", ".join(sorted(SERVICES)), service)) from None
    handlers = make(lib.psm_handlers_new)
    try:
        check(add, handlers, utf8_or_none(topic, "topic"))
        check(lib.psm_processor_handlers, processor, handlers)
    finally:
        lib.psm_handlers_free(handlers)


def _call(pointer: Any, quit: Any, state: Any, handler: Any, options: Any) -> Any:
    def call(tx: Any, event: Any, _user: Any, err: Any) -> Any:
        lent, ev, me = _Lent(tx), Event._borrowed(event), threading.get_ident()
        state.threads.add(me)
        try:
            handler(ev, lent)
            lib.psm_event_confirm(event)
        except Exception as e:
            failed(e, ev, options, err)
        except BaseException as e:
            if state.runs.locked():
                state.raised = e
                quit(pointer)
            else:
                failed(e, ev, options, err)
        finally:
            state.threads.discard(me)
            lent._end()
            ended(ev)
        return UNSEEN

    return call


class App(Registers[TxHandler], Handle):
    """What the environment says, opened by name: handlers are called with a
    transaction and an event, each event once, and commit with its effects.

    What a handler raises decides as for a Consumer. Use it in a with block, or
    call close(); one that runs until the end of the interpreter is closed there.
    Threads: one at a time; quit() and health() any.

    >>> with psymatch.App("greeter") as app:
    ...     @app.on("email.sent")
    ...     def greet(event, tx):
    ...         print("sent", event.key, len(tx.execute("SELECT 1")))
    ...         app.quit()
    ...     app.upcast("email.sent", "0.9", "1.0", lambda event: {**event.payload, "email_data": {}})
    ...     app.emit(psymatch.Event.new("email.sent", "communication-service", {"email_id": 7, "email_data": {}}))
    ...     app.run()
    sent 7 1

    Or beside other work of the program, with what the library itself handles:

    >>> app = psymatch.App("example")
    >>> app.serve("therapist", topic="patient-events")
    >>> app.start()
    >>> app.health()[0] in (psymatch.GREEN, psymatch.AMBER)
    True
    >>> app.close()
    """

    def __init__(self, name: str) -> None:
        self._callbacks: list[Any] = []
        self._state = _State()
        self._asking, self._closed = threading.RLock(), False
        self._own(make(lib.psm_program_open, utf8(name, "name")), _freeing(self._callbacks))
        self.store = _Borrowed(self)

    def _register(self, type: str, handler: TxHandler, options: Options) -> None:
        register(self, lib.psm_program_processor(self._handle), lib.psm_program_quit, type, handler, options)

    def upcast(self, type: str, from_version: str, to_version: str, function: Callable[[Event], dict[str, Any] | Event]) -> None:
        """As Consumer.upcast()."""
        processor = lib.psm_program_processor(self._handle)
        check(lib.psm_processor_upcast, processor,
              *upcaster(self._callbacks, None, type, from_version, to_version, function))

    def serve(self, service: str, topic: str | None = None) -> None:
        """Handle what the library itself handles for a service: "communication",
        "matching", "patient" or "therapist", of one topic or of all."""
        serve(lib.psm_program_processor(self._handle), service, topic)

    def emit(self, event: Event) -> None:
        """Publish an event by itself, in a transaction of its own."""
        with self.store.transaction() as tx:
            tx.emit(event)

    def _starts(self) -> Any:
        pointer = self._handle
        if self not in _running:
            self._close_at_exit()
            _running.add(self)
        return pointer

    @property
    def _handle(self) -> Any:
        if self._closed:
            raise BY_NAME["StateError"]("App: already closed")
        return super()._handle

    def start(self) -> None:
        """Begin to publish and to handle, and return. What a handler raises
        that is no Exception counts as one."""
        check(lib.psm_program_start, self._starts())

    def run(self) -> None:
        """Until SIGINT, SIGTERM, quit(), close() by another thread, or a handler
        that raises what is no Exception, which run() then raises."""
        state = self._state
        if not state.runs.acquire(blocking=False):
            raise BY_NAME["StateError"]("another thread runs this program")
        try:
            check(lib.psm_program_run, self._starts())
        finally:
            state.runs.release()
            raised, state.raised = state.raised, None
            if raised is not None:
                raise raised

    def quit(self) -> None:
        """Let run() end."""
        with self._asking:
            lib.psm_program_quit(self._handle)

    def health(self) -> tuple[int, str]:
        """(GREEN, AMBER or RED, one sentence)"""
        with self._asking:
            return health(lib.psm_program_health, self._handle)

    def close(self) -> None:
        """Stop and free it, with its store, once the handlers that run have
        ended. Twice is once."""
        if threading.get_ident() in self._state.threads:
            raise BY_NAME["StateError"]("called by a handler of this program")
        if not self._is_inherited():
            if not self._closed:
                self._stop()
            with self._asking:
                self._closed = True
        _running.discard(self)
        self.store._owner.drop()
        self._owner.drop()

    def _stop(self) -> None:
        """The handlers end here: who frees last may be a transaction of the
        store, on any thread."""
        runs = self._state.runs
        while not runs.acquire(timeout=0.1):
            self.quit()
        runs.release()
        processor = lib.psm_program_processor(self._handle)
        while True:
            try:
                check(lib.psm_processor_stop, processor, _STOP_MS)
                return
            except BY_NAME["TimeoutError"]:
                pass  # a handler still runs

    def _at_exit(self) -> None:
        self.close()


def _freeing(kept: Any) -> Any:
    """Frees a program whose callbacks stay until then."""

    def free(pointer: Any) -> None:
        lib.psm_program_free(pointer)
        kept.clear()

    return free
