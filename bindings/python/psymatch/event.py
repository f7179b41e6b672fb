# SPDX-License-Identifier: BSD-2-Clause
"""Events and the catalogue of their types."""
import ctypes
import datetime
import json

from ._lib import lib
from .errors import ErrorSlot, check, make

SNAKE, CAMEL = 0, 1

_NO_DEADLINE = 2 ** 31 - 1  # INT_MAX

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def _text(value):
    return None if value is None else value.decode()


class Event:
    """One event, read-only but for its trace: id, type, version, time, producer, payload.

    >>> ev = Event.new("therapist.unblocked", "therapist-service",
    ...                {"therapist_id": 7, "therapist_data": {"id": 7}})
    """

    def __init__(self, handle, owned=True):
        self._handle, self._owned = handle, owned

    @classmethod
    def new(cls, type, producer, payload):
        """A new event of a known type; payload is a dict, checked now."""
        text = json.dumps(payload, allow_nan=False).encode()
        return cls(make(lib.psm_event_new, type.encode(), producer.encode(), text, len(text)))

    @classmethod
    def parse(cls, text):
        """Read an envelope (str or bytes), event_id or eventId style."""
        data = text.encode() if isinstance(text, str) else bytes(text)
        return cls(make(lib.psm_event_parse, data, len(data)))

    @classmethod
    def _borrowed(cls, handle):
        """For the length of a handler's call."""
        return cls(handle, owned=False)

    def __del__(self):
        if getattr(self, "_owned", False) and self._handle:
            lib.psm_event_free(self._handle)
            self._handle = None

    def encode(self, wire=SNAKE):
        """The envelope as bytes."""
        text, size = ctypes.c_void_p(), ctypes.c_size_t()
        with ErrorSlot() as slot:
            slot.check(lib.psm_event_encode(self._handle, wire, ctypes.byref(text), ctypes.byref(size), slot.ptr))
        try:
            return ctypes.string_at(text, size.value)
        finally:
            lib.psm_free(text)

    @property
    def id(self):
        return _text(lib.psm_event_id(self._handle))

    @property
    def type(self):
        """The canonical name, also when the event came under an alias."""
        return _text(lib.psm_event_type(self._handle))

    @property
    def type_as_sent(self):
        return _text(lib.psm_event_type_as_sent(self._handle))

    @property
    def version(self):
        return _text(lib.psm_event_version(self._handle))

    @property
    def timestamp_us(self):
        """Microseconds since 1970-01-01 UTC."""
        return lib.psm_event_timestamp_us(self._handle)

    @property
    def timestamp(self):
        return _EPOCH + datetime.timedelta(microseconds=self.timestamp_us)

    @property
    def producer(self):
        return _text(lib.psm_event_producer(self._handle))

    def upcast(self, version, payload):
        """The same event with a payload (a dict) of another version."""
        text = json.dumps(payload, allow_nan=False).encode()
        return Event(make(lib.psm_event_upcast, self._handle, version.encode(), text, len(text)))

    def set_trace(self, causation_id=None, correlation_id=None, traceparent=None, tracestate=None):
        """What caused the event; travels beside it. Replaces all four."""
        texts = [t.encode() if t else None for t in (causation_id, correlation_id, traceparent)]
        check(lib.psm_event_set_trace, self._handle, *texts)
        if tracestate:
            check(lib.psm_event_set_tracestate, self._handle, tracestate.encode())

    @property
    def causation_id(self):
        """Id of the event that this one answers, or None."""
        return _text(lib.psm_event_causation_id(self._handle))

    @property
    def correlation_id(self):
        """Id that all events of one story share, or None."""
        return _text(lib.psm_event_correlation_id(self._handle))

    @property
    def traceparent(self):
        """W3C Trace Context, or None."""
        return _text(lib.psm_event_traceparent(self._handle))

    @property
    def tracestate(self):
        """What travels beside the traceparent, or None."""
        return _text(lib.psm_event_tracestate(self._handle))

    @property
    def topic(self):
        """Where a received event came from, else the catalogue's topic or None."""
        return _text(lib.psm_event_topic(self._handle))

    @property
    def partition(self):
        """Of a received event; else -1, as is the offset."""
        return lib.psm_event_partition(self._handle)

    @property
    def offset(self):
        return lib.psm_event_offset(self._handle)

    @property
    def attempt(self):
        """1 when the handler gets it for the first time; 0 if not received."""
        return lib.psm_event_attempt(self._handle)

    @property
    def time_left_ms(self):
        """What the handler may still take; None without a deadline."""
        left = lib.psm_event_time_left_ms(self._handle)
        return None if left == _NO_DEADLINE else left

    @property
    def is_replay(self):
        """True: leave out what cannot be taken back, as a mail."""
        return bool(lib.psm_event_is_replay(self._handle))

    @property
    def key(self):
        return _text(lib.psm_event_key(self._handle))

    @property
    def payload(self):
        size = ctypes.c_size_t()
        text = lib.psm_json_text(lib.psm_event_payload(self._handle), ctypes.byref(size))
        return json.loads(ctypes.string_at(text, size.value))

    def __repr__(self):
        return "<psymatch.Event %s %s key=%s>" % (self.type, self.id, self.key)


def _all(function, handle):
    found, i = [], 0
    while True:
        text = function(handle, i)
        if text is None:
            return found
        found.append(text.decode())
        i += 1


class EventType:
    """One row of the catalogue."""

    def __init__(self, row):
        self.name = _text(lib.psm_catalogue_type_name(row))
        self.topic = _text(lib.psm_catalogue_type_topic(row))
        self.key_field = _text(lib.psm_catalogue_type_key_field(row))
        self.key_other = _text(lib.psm_catalogue_type_key_other(row))
        self.version = _text(lib.psm_catalogue_type_version(row))
        self.meaning = _text(lib.psm_catalogue_type_meaning(row))
        self.note = _text(lib.psm_catalogue_type_note(row))
        self.is_command = bool(lib.psm_catalogue_type_is_command(row))
        self.aliases = _all(lib.psm_catalogue_type_alias_at, row)
        self.producers = _all(lib.psm_catalogue_type_producer_at, row)
        self.consumers = _all(lib.psm_catalogue_type_consumer_at, row)
        self.planned = _all(lib.psm_catalogue_type_planned_at, row)

    def __repr__(self):
        return "<psymatch.EventType %s>" % self.name


def topics():
    """Every topic of the catalogue with its number of partitions."""
    return {name: lib.psm_catalogue_partitions(name.encode())
            for name in _all(lambda _, i: lib.psm_catalogue_topic_at(i), None)}


def catalogue():
    """Every event type, as a list of EventType."""
    return [EventType(lib.psm_catalogue_at(i)) for i in range(lib.psm_catalogue_count())]
