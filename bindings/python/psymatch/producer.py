# SPDX-License-Identifier: BSD-2-Clause
"""Sending events."""
from __future__ import annotations

import ctypes
import logging
from typing import Any, Callable, Mapping

from . import log
from ._handle import Handle
from ._lib import callbacks, lib
from ._text import milliseconds, payload_text, utf8, utf8_or_none, word
from ._wait import pieces
from .config import Config
from .errors import BY_NAME, PsmError, check, make
from .event import Event
from .health import health
from .transport import Transport

EXIT_MS = 10000  # how long the end of the interpreter waits for what was accepted

_NO_DELIVERY = callbacks["psm_delivery_fn"]()
_NO_WATERMARK = callbacks["psm_watermark_fn"]()


def _event(event: Any) -> Any:
    if not isinstance(event, Event):
        raise TypeError("event: want a psymatch.Event, got %s" % type(event).__name__)
    return event._handle


def _told(what: Any, e: Any) -> None:
    """A callback of the program failed on a thread of the library: nobody can
    catch it."""
    log.say(logging.ERROR, "a callback raised", {"callback": what, "exception": type(e).__name__})


class Receipt(Handle):
    """Follows one event: state is "queued", "spooled", "sent" or "failed".

    >>> with psymatch.Producer(psymatch.Transport.memory(), psymatch.Config(PSYMATCH_SPOOL_DIR="none")) as producer:
    ...     receipt = producer.send_receipt(psymatch.Event.new("email.send", "example", {"email_id": 7}))
    ...     receipt.wait(10000)
    ...     isinstance(receipt, psymatch.Receipt), receipt.state
    (True, 'sent')
    """

    def __init__(self, pointer: Any, producer: Producer) -> None:
        self._own(pointer, lib.psm_receipt_free, producer)

    @property
    def state(self) -> str:
        """"queued", "spooled", "sent" or "failed"."""
        return str(lib.psm_delivery_state_name(lib.psm_receipt_state(self._handle)).decode())

    def wait(self, timeout_ms: int = 10000) -> None:
        """Return once it is sent; TimeoutError, or why it is not."""
        for piece in pieces(milliseconds(timeout_ms, "timeout_ms")):
            try:
                check(lib.psm_receipt_wait, self._handle, piece)
                return
            except BY_NAME["TimeoutError"] as e:
                late = e
        raise late


class Producer(Handle):
    """Sends events; what send() accepted survives outages and kill -9.

    It is on disk in PSYMATCH_SPOOL_DIR (unset: the user's state directory; "none":
    in memory only) when send() returns. Use it in a with block, or call close();
    a producer that is left to the end of the interpreter is closed there.

    delivered(event_id, code, reason) runs once per accepted event on a thread
    of the library: code 0 is sent. watermark(what, high, reason) runs when the
    spool's "size" or "age" reaches its high watermark, and with high False when it
    is below the low one again.

    Threads: any. After a fork it is the parent's alone: the child makes one of
    its own (StateError says so), in gunicorn's post_fork for example. librdkafka
    does not work in the child of a process that has used it; make producers only
    there.

    >>> config = psymatch.Config(PSYMATCH_TRANSPORT="memory", PSYMATCH_SPOOL_DIR="none")
    >>> with psymatch.Producer(config=config, delivered=lambda event_id, code, reason: None) as producer:
    ...     producer.send(psymatch.Event.new("email.send", "example", {"email_id": 7}))
    ...     producer.send_new("email.send", "example", {"email_id": 8})
    ...     producer.send_receipt(psymatch.Event.new("email.send", "example", {"email_id": 9})).wait()
    ...     producer.flush(), producer.stat("sent"), producer.health()[0] == psymatch.GREEN
    (0, 3, True)
    >>> producer = psymatch.Producer.open("example")  # as the environment says
    >>> producer.close()
    0
    """

    def __init__(self, transport: Transport | None = None, config: Config | None = None, delivered: Callable[[str, int, str], object] | None = None,
                 watermark: Callable[[str, bool, str], object] | None = None) -> None:
        self._config = config if config is not None else Config()
        self._transport = transport if transport is not None else Transport(self._config)
        self._delivered, self._watermark = delivered, watermark
        self._open()

    @classmethod
    def open(cls, name: str | None = None) -> Producer:
        """As Producer(): settings and transport of the environment.

        name is the client's name at the broker.
        """
        self = cls.__new__(cls)
        self._name = utf8_or_none(name, "name")
        self._open()
        return self

    _name: bytes | None = None
    _transport: Any = None  # made by open()

    def _open(self) -> None:
        self._closed = False
        if self._transport is None:
            self._own(make(lib.psm_producer_open, self._name), lib.psm_producer_free)
        else:
            self._open_with_callbacks()
        self._close_at_exit()

    def _open_with_callbacks(self) -> None:
        self._callbacks = (
            callbacks["psm_delivery_fn"](self._tell_delivered(self._delivered)) if self._delivered else _NO_DELIVERY,
            callbacks["psm_watermark_fn"](self._tell_watermark(self._watermark)) if self._watermark else _NO_WATERMARK)
        self._own(make(lib.psm_producer_new, self._transport._handle, self._config._handle),
                  _freeing(self._callbacks), self._transport)
        lib.psm_producer_set_delivery(self._handle, self._callbacks[0], None)
        lib.psm_producer_set_watermark(self._handle, self._callbacks[1], None)
        check(lib.psm_producer_start, self._handle)

    @staticmethod
    def _tell_watermark(watermark: Any) -> Any:
        def call(what: Any, high: Any, reason: Any, _user: Any) -> None:
            try:
                watermark(what.decode(), bool(high), (reason or b"").decode(errors="replace"))
            except BaseException as e:
                _told("watermark", e)

        return call

    @staticmethod
    def _tell_delivered(delivered: Any) -> Any:
        def call(event_id: Any, code: Any, reason: Any, _user: Any) -> None:
            try:
                delivered((event_id or b"").decode(), code, (reason or b"").decode(errors="replace"))
            except BaseException as e:
                _told("delivered", e)

        return call

    def send(self, event: Event, topic: str | None = None) -> None:
        """Accept one event, durably; never waits for a broker."""
        check(lib.psm_producer_send, self._handle, utf8_or_none(topic, "topic"), _event(event))

    def send_new(self, type: str, producer: str, payload: Mapping[str, Any], topic: str | None = None) -> None:
        """Event.new() and send() in one, where nobody needs the event."""
        text = payload_text(payload)
        check(lib.psm_producer_send_json, self._handle, None if topic is None else word(topic, "topic"), word(type, "type"),
              word(producer, "producer"), text, len(text))

    def send_receipt(self, event: Event, topic: str | None = None) -> Receipt:
        """As send(); the Receipt tells what becomes of the event."""
        return Receipt(make(lib.psm_producer_send_receipt, self._handle, utf8_or_none(topic, "topic"), _event(event)),
                       self)

    def flush(self, timeout_ms: int = 10000) -> int:
        """Wait until all is sent; the number of events that still wait."""
        left = ctypes.c_size_t()
        for piece in pieces(milliseconds(timeout_ms, "timeout_ms")):
            try:
                check(lib.psm_producer_flush, self._handle, piece, ctypes.byref(left))
                break
            except BY_NAME["TimeoutError"]:
                pass
        return left.value

    def close(self, timeout_ms: int = 10000) -> int:
        """Stop; the number of events that stay in the spool for the next start.

        TimeoutError: events were given up, because nothing but memory had them.
        """
        milliseconds(timeout_ms, "timeout_ms")
        left = ctypes.c_size_t()
        if not self._closed:
            try:
                timeout_ms = 0 if self.flush(timeout_ms) else timeout_ms
            except PsmError:
                pass  # close says it better
        check(lib.psm_producer_close, self._handle, timeout_ms, ctypes.byref(left))
        self._closed = True
        return left.value

    def _close_and_tell(self, timeout_ms: Any) -> None:
        left = self.close(timeout_ms)
        if left:
            log.say(logging.WARNING, "%d event%s not sent yet, kept in the spool for the next start" % (
                left, " is" if left == 1 else "s are"), {"left": str(left)})

    def _at_exit(self) -> None:
        try:
            if not self._closed:
                self._close_and_tell(EXIT_MS)
        except PsmError as e:
            log.say(logging.ERROR, str(e), {})

    def stat(self, name: str) -> int:
        """A number of this producer, as psm_producer_stat(3) names them."""
        number: int = lib.psm_producer_stat(self._handle, utf8(name, "name"))
        return number

    def health(self) -> tuple[int, str]:
        """(GREEN | AMBER | RED, a sentence)"""
        return health(lib.psm_producer_health, self._handle)

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        try:
            self._close_and_tell(EXIT_MS)
        except PsmError as e:
            if kind is None:
                raise
            log.say(logging.ERROR, str(e), {})  # the block's own exception goes on


def _freeing(kept: Any) -> Any:
    """Frees a producer whose callbacks stay until then."""

    def free(pointer: Any) -> None:
        lib.psm_producer_free(pointer)
        kept  # pylint: disable=pointless-statement

    return free
