# SPDX-License-Identifier: BSD-2-Clause
"""Settings, transport, producer and consumer."""
import ctypes

from ._lib import callbacks, lib
from .errors import BY_CODE, ErrorSlot, PsmError, TimeoutError, check, code_of, make
from .event import Event

GREEN, AMBER, RED = 0, 1, 2
CAMEL_WIRE = "camel"
_NOMEM = code_of("PSM_ERR_NOMEM")
_REJECT = code_of("PSM_ERR_REJECT")
_RETRY = code_of("PSM_ERR_RETRY")


class Retry(PsmError):
    """A handler raises it to get the event again later, in order."""

    code = _RETRY


class Config:
    """Settings: the environment's (default) or only the given ones."""

    def __init__(self, from_env=True, **settings):
        self._handle = make(lib.psm_config_from_env if from_env else lib.psm_config_new)
        for name, value in settings.items():
            self[name] = value

    def __setitem__(self, name, value):
        if isinstance(value, bool):
            value = "true" if value else "false"
        check(lib.psm_config_set, self._handle, name.encode(), str(value).encode())

    def __getitem__(self, name):
        text = lib.psm_config_string(self._handle, name.encode())
        if text is None:
            raise KeyError(name)
        return text.decode()

    def __del__(self):
        lib.psm_config_free(getattr(self, "_handle", None))


class Transport:
    """Where events travel: what PSYMATCH_TRANSPORT names, or memory."""

    def __init__(self, config=None):
        config = config or Config()
        self._handle = make(lib.psm_transport_open, config._handle)

    @classmethod
    def memory(cls, partitions=3):
        self = cls.__new__(cls)
        self._handle = make(lib.psm_transport_memory, partitions)
        return self

    @property
    def name(self):
        return lib.psm_transport_name(self._handle).decode()

    def __del__(self):
        handle = getattr(self, "_handle", None)
        if handle:
            lib.psm_transport_unref(handle)


def _health(function, handle):
    reason = ctypes.create_string_buffer(512)
    verdict = function(handle, ctypes.cast(reason, ctypes.c_void_p), len(reason))
    return verdict, reason.value.decode(errors="replace")


class Receipt:
    """Follows one event: state is "queued", "spooled", "sent" or "failed"."""

    def __init__(self, handle):
        self._handle = handle

    @property
    def state(self):
        return lib.psm_delivery_state_name(lib.psm_receipt_state(self._handle)).decode()

    def wait(self, timeout_ms=10000):
        """Return once it is sent; TimeoutError, or why it is not."""
        check(lib.psm_receipt_wait, self._handle, timeout_ms)

    def __del__(self):
        lib.psm_receipt_free(getattr(self, "_handle", None))


class Producer:
    """Sends events; what send() accepted survives outages and kill -9.

    It is on disk in PSYMATCH_SPOOL_DIR (unset: the user's state directory; "none":
    in memory only) when send() returns. Call close(), or use it in a with block.

    delivered(event_id, code, reason) runs once per accepted event on a thread
    of the library: code 0 is sent. watermark(what, high, reason) runs when the
    spool's "size" or "age" reaches its high watermark, and with high False when it
    is below the low one again.
    """

    def __init__(self, transport=None, config=None, delivered=None, watermark=None):
        config = config or Config()
        self._transport = transport or Transport(config)
        self._handle = make(lib.psm_producer_new, self._transport._handle, config._handle)
        if delivered:
            self._keep = callbacks["psm_delivery_fn"](self._wrap(delivered))
            lib.psm_producer_set_delivery(self._handle, self._keep, None)
        if watermark:
            self._keep_watermark = callbacks["psm_watermark_fn"](self._wrap_watermark(watermark))
            lib.psm_producer_set_watermark(self._handle, self._keep_watermark, None)
        check(lib.psm_producer_start, self._handle)

    @classmethod
    def open(cls, name=None):
        """As Producer(): settings and transport of the environment.

        name is the client's name at the broker.
        """
        self = cls.__new__(cls)
        self._handle = make(lib.psm_producer_open, name.encode() if name is not None else None)
        return self

    @staticmethod
    def _wrap_watermark(watermark):
        def call(what, high, reason, _user):
            watermark(what.decode(), bool(high), reason.decode())

        return call

    @staticmethod
    def _wrap(delivered):
        def call(event_id, code, reason, _user):
            delivered((event_id or b"").decode(), code, (reason or b"").decode())

        return call

    def send(self, event, topic=None):
        """Accept one event, durably; never waits for a broker."""
        check(lib.psm_producer_send, self._handle, topic.encode() if topic else None, event._handle)

    def send_receipt(self, event, topic=None):
        """As send(); the Receipt tells what becomes of the event."""
        return Receipt(make(lib.psm_producer_send_receipt, self._handle, topic.encode() if topic else None, event._handle))

    def flush(self, timeout_ms=10000):
        """Wait until all is sent; the number of events that still wait."""
        left = ctypes.c_size_t()
        with ErrorSlot() as slot:
            try:
                slot.check(lib.psm_producer_flush(self._handle, timeout_ms, ctypes.byref(left), slot.ptr))
            except TimeoutError:
                pass
        return left.value

    def close(self, timeout_ms=10000):
        """Stop; the number of events that stay in the spool for the next start.

        TimeoutError: events were given up, because nothing but memory had them.
        """
        left = ctypes.c_size_t()
        with ErrorSlot() as slot:
            slot.check(lib.psm_producer_close(self._handle, timeout_ms, ctypes.byref(left), slot.ptr))
        return left.value

    def stat(self, name):
        return lib.psm_producer_stat(self._handle, name.encode())

    def health(self):
        """(GREEN | AMBER | RED, a sentence)"""
        return _health(lib.psm_producer_health, self._handle)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def __del__(self):
        handle = getattr(self, "_handle", None)
        if handle:
            lib.psm_producer_free(handle)
            self._handle = None


class Consumer:
    """Calls handlers by event type, in order per key, at least once.

    A handler gets an Event that is valid for its call only. Raising Retry or
    MemoryError brings the event again; any other exception makes it dead.
    """

    def __init__(self, group, topics, transport=None, config=None):
        config = config or Config()
        self._transport = transport or Transport(config)
        self._keep = []
        self._handle = make(lib.psm_consumer_new, self._transport._handle, config._handle, group.encode())
        for topic in topics:
            check(lib.psm_consumer_subscribe, self._handle, topic.encode())

    def on(self, type, handler):
        """handler(event) for a type, an alias, or "*" for the rest."""

        def call(handle, _user, err):
            try:
                handler(Event._borrowed(handle))
                return 0
            except Exception as e:  # must never cross into C
                code = e.code if isinstance(e, PsmError) and e.code in BY_CODE else _REJECT
                if isinstance(e, MemoryError):
                    code = _NOMEM
                return lib.psm_error_set(err, code, type_name(e))

        function = callbacks["psm_event_fn"](call)
        check(lib.psm_consumer_on, self._handle, type.encode(), function, None)
        self._keep.append(function)

    def on_dead(self, handler):
        """handler(topic, partition, offset, raw or None, code, reason)"""

        def call(topic, partition, offset, raw, size, code, reason, _user):
            data = None if raw is None else ctypes.string_at(raw, size)
            handler(topic.decode(), partition, offset, data, code, (reason or b"").decode())

        function = callbacks["psm_dead_fn"](call)
        lib.psm_consumer_on_dead(self._handle, function, None)
        self._keep.append(function)

    def poll(self, timeout_ms=1000):
        """Handle what is there on this thread; the number of events."""
        return check(lib.psm_consumer_poll, self._handle, timeout_ms)

    def start(self):
        """Or let a thread of the library do it."""
        check(lib.psm_consumer_start, self._handle)

    def close(self, timeout_ms=10000):
        check(lib.psm_consumer_close, self._handle, timeout_ms)

    def stat(self, name):
        return lib.psm_consumer_stat(self._handle, name.encode())

    def health(self):
        return _health(lib.psm_consumer_health, self._handle)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def __del__(self):
        handle = getattr(self, "_handle", None)
        if handle:
            lib.psm_consumer_free(handle)
            self._handle = None


def type_name(exception):
    """What is told of a handler's failure: its class, not its text, which may name a person."""
    return ("handler raised " + type(exception).__name__).encode()
