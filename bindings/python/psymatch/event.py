# SPDX-License-Identifier: BSD-2-Clause
"""Events and the catalogue of their types."""
from __future__ import annotations

import ctypes
import datetime
import json
import sys
import threading
from typing import Any, Callable, Mapping, TypeVar, cast

from ._lib import lib
from ._text import int32, payload_text, utf8, utf8_or_none
from .errors import check, make

SNAKE, CAMEL, CLOUDEVENTS = 0, 1, 2

_NO_DEADLINE = 2 ** 31 - 1  # INT_MAX

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

_decoder: Any = json.JSONDecoder()
_read = _decoder.scan_once  # of JSON that was checked; what follows it is not looked at
_payload_text = lib.psm_event_payload_text

_new_object, _ident = object.__new__, threading.get_ident
_lock = threading.RLock()  # while another thread than the handler's makes an event its own
_TRACE = ("causation_id", "correlation_id", "traceparent", "tracestate")
# What only a received event has, and no envelope tells.
_ORIGIN = ("topic", "partition", "offset", "attempt", "is_replay", "key")

P = TypeVar("P")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _word(value: bytes) -> str:
    return value.decode()


def _bytes_of(function: Any, *args: Any) -> bytes:
    """What function(*args, &text, &len, err) makes; an empty one for NULL."""
    text, size = ctypes.c_void_p(), ctypes.c_size_t()
    check(function, *args, ctypes.byref(text), ctypes.byref(size))
    try:
        return ctypes.string_at(text, size.value) if text else b""
    finally:
        lib.psm_free(text)


class Event:
    """One event, read-only but for its trace: id, type, version, time, producer, payload.

    An event that a handler gets may be kept: what it shows stays. It is copied
    and pickled by value.

    >>> ev = Event.new("therapist.unblocked", "therapist-service",
    ...                {"therapist_id": 7, "therapist_data": {"id": 7}})
    >>> ev.key, ev.topic, ev.payload["therapist_data"]
    ('7', 'therapist-events', {'id': 7})

    >>> ev.set_trace(causation_id=ev.id, correlation_id=ev.id,
    ...              traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate="a=b")
    >>> (ev.causation_id, ev.correlation_id, ev.tracestate) == (ev.id, ev.id, "a=b"), len(ev.traceparent)
    (True, 55)
    >>> again = Event.parse(ev.encode(psymatch.CAMEL))
    >>> Event.parse(ev.encode(psymatch.CLOUDEVENTS)).correlation_id == ev.id
    True
    >>> again == ev, again.type, again.type_as_sent, again.version, again.producer
    (True, 'therapist.unblocked', 'therapist.unblocked', '1.0', 'therapist-service')
    >>> again.timestamp_us == ev.timestamp_us, again.timestamp.tzinfo
    (True, datetime.timezone.utc)
    >>> ev.partition, ev.offset, ev.attempt, ev.is_replay, ev.time_left_ms  # it was not received
    (-1, -1, 0, False, None)
    >>> ev.payload_as(psymatch.payloads.TherapistUnblocked)["therapist_id"]
    7
    >>> ev.upcast("1.1", {"therapist_id": 7, "therapist_data": {"id": 7, "titel": "Dr."}}).version
    '1.1'
    """

    # _pointer: the C object; _owned: ours to free, else the library's until the
    # handler ends, which runs on _thread; _origin: of one that was kept or copied.
    _owned: bool
    _pointer: Any
    _origin: Any
    _thread: Any
    __slots__ = ("_pointer", "_owned", "_thread", "_origin", "__weakref__")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("Event: use Event.new() or Event.parse()")

    @classmethod
    def _of(cls, pointer: Any, owned: Any) -> Event:
        self = object.__new__(cls)
        self._pointer, self._owned, self._origin = pointer, owned, None
        self._thread = threading.get_ident()
        return self

    @classmethod
    def new(cls, type: str, producer: str, payload: Mapping[str, Any]) -> Event:
        """A new event of a known type; payload is a dict, checked now: SchemaError
        tells what was wanted. Dates and times become texts."""
        text = payload_text(payload)
        return cls._of(make(lib.psm_event_new, utf8(type, "type"), utf8(producer, "producer"), text, len(text)), True)

    @classmethod
    def parse(cls, text: str | bytes | bytearray | memoryview) -> Event:
        """Read an envelope (str or bytes), event_id or eventId style."""
        if isinstance(text, (bytes, bytearray, memoryview)):
            data = bytes(text)
        elif isinstance(text, str):
            data = text.encode(errors="surrogatepass")
        else:
            raise TypeError("text: want str or bytes, got %s" % text.__class__.__name__)
        return cls._of(make(lib.psm_event_parse, data, len(data)), True)

    # -- of a handler: borrowed, then kept or gone

    @classmethod
    def _borrowed(cls, pointer: Any) -> Event:
        """For the length of a handler's call; ended() ends it."""
        self = _new_object(cls)
        self._pointer, self._owned, self._origin, self._thread = pointer, False, None, _ident()
        return self

    def _end(self) -> None:
        """The handler's call is over, and somebody else has the event, too: it is
        copied, unless it is its own already."""
        with _lock:
            if not self._owned:
                self._keep()

    def _lend(self, thread: Any) -> None:
        """Another thread may use it meanwhile without a copy: the handler waits."""
        with _lock:
            if not self._owned:
                self._thread = thread

    def _give(self) -> Any:
        """Its C object, which is not ours any more."""
        if not self._owned:
            return self.__copy__()._give()
        pointer, self._pointer, self._owned = self._handle, None, False
        return pointer

    def _keep(self) -> None:
        """Make it its own while the library still has it."""
        self._thread = threading.get_ident()
        state = self._state()
        self._set_state(state)

    def _state(self) -> Any:
        origin = self._origin
        if origin is None:
            origin = {name: getattr(self, name) for name in _ORIGIN}
        return self.encode(), {name: getattr(self, name) for name in _TRACE}, origin

    def _set_state(self, state: Any) -> None:
        data, trace, origin = state
        self._pointer, self._owned = make(lib.psm_event_parse, data, len(data)), True
        self._origin = origin
        self.set_trace(**trace)

    @classmethod
    def _from_state(cls, *state: Any) -> Any:
        self = cls._of(None, True)
        self._set_state(state)
        return self

    def __reduce__(self) -> Any:
        return _from_state, self._state()

    def __copy__(self) -> Any:
        return self._from_state(*self._state())

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__copy__()

    def __eq__(self, other: Any) -> Any:
        """Events with one id are one event."""
        return self.id == other.id if isinstance(other, Event) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __del__(self) -> None:
        if getattr(self, "_owned", False) and self._pointer:
            lib.psm_event_free(self._pointer)
            self._pointer = None

    @property
    def _handle(self) -> Any:
        if not self._owned and self._thread != threading.get_ident():
            with _lock:
                if not self._owned and self._pointer:
                    self._keep()
        if not self._pointer:
            raise ReferenceError("the event is gone: its handler has ended")
        return self._pointer

    def _from_origin(self, name: Any, function: Any) -> Any:
        return self._origin[name] if self._origin is not None else function(self._handle)

    # -- what it says

    def encode(self, wire: int = SNAKE) -> bytes:
        """The envelope as bytes; with CLOUDEVENTS a CloudEvent in JSON, the trace with it."""
        return _bytes_of(lib.psm_event_encode, self._handle, int32(wire, "wire"))

    @property
    def id(self) -> str:
        """A UUID, new for each event that is made."""
        return str(lib.psm_event_id(self._handle).decode())

    @property
    def type(self) -> str:
        """The canonical name, also when the event came under an alias."""
        return str(lib.psm_event_type(self._handle).decode())

    @property
    def type_as_sent(self) -> str:
        """The type as the envelope has it: the canonical name or an alias."""
        return str(lib.psm_event_type_as_sent(self._handle).decode())

    @property
    def version(self) -> str:
        """Of the payload, e.g. "1.0"."""
        return str(lib.psm_event_version(self._handle).decode())

    @property
    def timestamp_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        value: int = lib.psm_event_timestamp_us(self._handle)
        return value

    @property
    def timestamp(self) -> datetime.datetime:
        """timestamp_us as a datetime in UTC."""
        return _EPOCH + datetime.timedelta(microseconds=self.timestamp_us)

    @property
    def producer(self) -> str:
        """The service that sent it."""
        return str(lib.psm_event_producer(self._handle).decode())

    @property
    def payload(self) -> dict[str, Any]:
        """A dict, made anew each time."""
        value: dict[str, Any] = _read(_payload_text(self._handle, None).decode(), 0)[0]
        return value

    def payload_as(self, kind: Callable[..., P]) -> P:
        """The payload for a type checker: kind is a class of psymatch.payloads,
        that of the event's type; TypeError for another one."""
        if getattr(kind, "__event_type__", None) != self.type:
            raise TypeError("kind: want the class of %s in psymatch.payloads, got %s" % (
                self.type, getattr(kind, "__name__", kind)))
        return cast(P, self.payload)

    def upcast(self, version: str, payload: Mapping[str, Any]) -> Event:
        """The same event with a payload (a dict) of another version."""
        text = payload_text(payload)
        return Event._of(make(lib.psm_event_upcast, self._handle, utf8(version, "version"), text, len(text)), True)

    # -- its trace

    def set_trace(self, causation_id: str | None = None, correlation_id: str | None = None,
                  traceparent: str | None = None, tracestate: str | None = None) -> None:
        """What caused the event; travels beside it. Replaces all four."""
        check(lib.psm_event_set_trace, self._handle, utf8_or_none(causation_id, "causation_id"),
              utf8_or_none(correlation_id, "correlation_id"), utf8_or_none(traceparent, "traceparent"))
        if tracestate:
            check(lib.psm_event_set_tracestate, self._handle, utf8(tracestate, "tracestate"))

    @property
    def causation_id(self) -> str | None:
        """Id of the event that this one answers, or None."""
        return _text(lib.psm_event_causation_id(self._handle))

    @property
    def correlation_id(self) -> str | None:
        """Id that all events of one story share, or None."""
        return _text(lib.psm_event_correlation_id(self._handle))

    @property
    def traceparent(self) -> str | None:
        """W3C Trace Context, or None."""
        return _text(lib.psm_event_traceparent(self._handle))

    @property
    def tracestate(self) -> str | None:
        """What travels beside the traceparent, or None."""
        return _text(lib.psm_event_tracestate(self._handle))

    # -- where it came from

    @property
    def topic(self) -> str | None:
        """Where a received event came from, else the catalogue's topic or None."""
        found: str | None = self._from_origin("topic", lambda h: _text(lib.psm_event_topic(h)))
        return found

    @property
    def partition(self) -> int:
        """Of a received event; else -1, as is the offset."""
        value: int = self._from_origin("partition", lib.psm_event_partition)
        return value

    @property
    def offset(self) -> int:
        """Of a received event, within its partition; else -1."""
        value: int = self._from_origin("offset", lib.psm_event_offset)
        return value

    @property
    def attempt(self) -> int:
        """1 when the handler gets it for the first time; 0 if not received."""
        value: int = self._from_origin("attempt", lib.psm_event_attempt)
        return value

    @property
    def time_left_ms(self) -> int | None:
        """What the handler may still take; None without a deadline."""
        left = lib.psm_event_time_left_ms(self._handle)
        return None if left == _NO_DEADLINE else int(left)

    @property
    def is_replay(self) -> bool:
        """True: leave out what cannot be taken back, as a mail."""
        value: bool = self._from_origin("is_replay", lambda h: bool(lib.psm_event_is_replay(h)))
        return value

    @property
    def key(self) -> str | None:
        """What events of one entity share; their order is kept."""
        found: str | None = self._from_origin("key", lambda h: _text(lib.psm_event_key(h)))
        return found

    def __repr__(self) -> str:
        if not self._pointer:
            return "<psymatch.Event, gone>"
        return "<psymatch.Event %s %s key=%s>" % (self.type, self.id, self.key)


def _from_state(*state: Any) -> Any:
    return Event._from_state(*state)


def ended(ev: Event) -> None:
    """The handler's call is over. An event that only its caller has, which is
    the usual one, needs no lock."""
    if _references(ev) == _CALLER_ONLY:
        if not ev._owned:
            ev._pointer = None
    else:
        ev._end()


_references = sys.getrefcount


def _measure() -> int:
    """What ended() counts then: the caller's variable is one."""
    counted = []

    def count(ev: Event) -> None:
        counted.append(_references(ev))

    def caller() -> None:
        ev = Event._borrowed(None)
        try:
            pass
        finally:
            count(ev)

    caller()
    return counted[0]


_CALLER_ONLY = _measure()


def _all(function: Any, *of: Any) -> Any:
    """Every text of function(*of, i), i from 0 on."""
    found: list[str] = []
    i = 0
    while True:
        text = function(*of, i)
        if text is None:
            return found
        found.append(text.decode())
        i += 1


class PayloadField:
    """One field of a payload: name, type, item_type, required, nullable,
    personal, words, fields (of an object, or of the objects in an array).

    >>> field = psymatch.event_type("email.send").fields["email_id"]
    >>> isinstance(field, psymatch.PayloadField), field.type, field.required
    (True, 'integer', True)
    """

    def __init__(self, row: Any) -> None:
        self.name = _word(lib.psm_catalogue_field_name(row))
        self.type = _word(lib.psm_catalogue_field_type(row))
        self.item_type = _text(lib.psm_catalogue_field_item_type(row))
        self.required = bool(lib.psm_catalogue_field_required(row))
        self.nullable = bool(lib.psm_catalogue_field_nullable(row))
        self.personal = bool(lib.psm_catalogue_field_personal(row))
        self.words = _all(lib.psm_catalogue_field_word_at, row)
        self.fields = _fields(lib.psm_catalogue_field_child_at, row)

    def __repr__(self) -> str:
        return "<psymatch.PayloadField %s %s>" % (self.name, self.type)


def _fields(at: Any, row: Any) -> Any:
    """{name: PayloadField}"""
    found: dict[str, PayloadField] = {}
    i = 0
    while True:
        handle = at(row, i)
        if handle is None:
            return found
        field = PayloadField(handle)
        found[field.name] = field
        i += 1


class EventType:
    """One row of the catalogue.

    >>> row = psymatch.event_type("email.send")
    >>> isinstance(row, psymatch.EventType), row.key_field, row.is_command
    (True, 'email_id', True)
    """

    def __init__(self, row: Any) -> None:
        self.name = _word(lib.psm_catalogue_type_name(row))
        self.topic = _text(lib.psm_catalogue_type_topic(row))
        self.key_field = _text(lib.psm_catalogue_type_key_field(row))
        self.key_other = _text(lib.psm_catalogue_type_key_other(row))
        self.version = _word(lib.psm_catalogue_type_version(row))
        self.meaning = _word(lib.psm_catalogue_type_meaning(row))
        self.note = _text(lib.psm_catalogue_type_note(row))
        self.is_command = bool(lib.psm_catalogue_type_is_command(row))
        self.aliases = _all(lib.psm_catalogue_type_alias_at, row)
        self.producers = _all(lib.psm_catalogue_type_producer_at, row)
        self.consumers = _all(lib.psm_catalogue_type_consumer_at, row)
        self.planned = _all(lib.psm_catalogue_type_planned_at, row)
        self.fields = _fields(lib.psm_catalogue_type_field_at, row)

    def __repr__(self) -> str:
        return "<psymatch.EventType %s>" % self.name


def topics() -> dict[str, int]:
    """Every topic of the catalogue with its number of partitions.

    >>> "therapist-events" in psymatch.topics()
    True
    """
    return {name: lib.psm_catalogue_partitions(name.encode())
            for name in _all(lib.psm_catalogue_topic_at)}


def catalogue() -> list[EventType]:
    """Every event type, as a list of EventType.

    >>> "email.sent" in [row.name for row in psymatch.catalogue()]
    True
    """
    return [EventType(lib.psm_catalogue_at(i)) for i in range(lib.psm_catalogue_count())]


def event_type(name: str) -> EventType:
    """The EventType of a name or an alias; KeyError.

    >>> psymatch.event_type("email.sent").topic
    'communication-events'
    """
    row = lib.psm_catalogue_find(utf8(name, "name"))
    if row is None:
        raise KeyError(name)
    return EventType(row)


def check_payload(type: str, payload: Mapping[str, Any]) -> None:
    """SchemaError: the payload (a dict) is not what the catalogue says of the
    type, its pointer says where.

    >>> psymatch.check_payload("email.send", {"email_id": "7"})
    Traceback (most recent call last):
    ...
    psymatch.SchemaError: ...
    """
    text = payload_text(payload)
    doc = make(lib.psm_json_parse, text, len(text))
    try:
        check(lib.psm_catalogue_check, utf8(type, "type"), doc)
    finally:
        lib.psm_json_free(doc)


def handled_by(function: Any, tx: Any, event: Event, user: Any = None) -> None:
    """Let a handler of the library, a psm_tx_event_fn, have an event within
    tx."""
    if not isinstance(event, Event):
        raise TypeError("event: want a psymatch.Event, got %s" % event.__class__.__name__)
    check(function, tx._open, event._handle, user)
