# SPDX-License-Identifier: BSD-2-Clause
"""The library's wall clock, which tests can set: psm_clock(3).

>>> import datetime
>>> noon = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)
>>> with clock.at(noon):
...     clock.now() == noon
True
>>> clock.set(lambda: noon)
>>> clock.rfc3339(clock.now()), clock.us(noon)
('2026-01-31T12:00:00.000000Z', 1769860800000000)
>>> clock.set(None)
>>> clock.parse("2026-01-31T13:00:00+01:00") == noon
True
"""
from __future__ import annotations

import contextlib
import ctypes
import datetime
from typing import Any, Callable, Iterator

from ._lib import callbacks, lib
from ._text import int64, utf8
from .errors import check, check_code

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_US = datetime.timedelta(microseconds=1)
_clocks: list[Any] = []  # that were set: another thread may still read one


def now() -> datetime.datetime:
    """The time as a datetime in UTC."""
    us_now: int = lib.psm_now_us()
    return _EPOCH + us_now * _US


def set(function: Callable[[], datetime.datetime] | None) -> None:  # noqa: A001
    """Let function() tell the time, a datetime with a time zone; None: the
    system's clock. It runs on any thread."""
    if function is None:
        lib.psm_set_clock(callbacks["psm_clock_fn"](), None)
        return
    tell = function
    us(tell())  # what is wrong with it is wrong now

    def call(_user: Any) -> Any:
        return us(tell())

    _clocks.append(callbacks["psm_clock_fn"](call))
    lib.psm_set_clock(_clocks[-1], None)


@contextlib.contextmanager
def at(time: datetime.datetime) -> Iterator[None]:
    """A with block in which it is always this time."""
    set(lambda: time)
    try:
        yield
    finally:
        set(None)


def rfc3339(time: datetime.datetime) -> str:
    """A datetime with a time zone as the platform writes times: in UTC, with
    microseconds and Z."""
    text = ctypes.create_string_buffer(28)
    check_code(lib.psm_time_format(us(time), ctypes.cast(text, ctypes.c_void_p), len(text)))
    return text.value.decode()


def parse(text: str) -> datetime.datetime:
    """The datetime, in UTC, of such a text in any form that the platform reads.
    SchemaError."""
    time, data = ctypes.c_int64(), utf8(text, "text")
    check(lib.psm_time_parse, data, len(data), ctypes.byref(time))
    return _EPOCH + time.value * _US


def progress(done: int, total: int | None, elapsed: datetime.timedelta, noun: str = "events") -> str:
    """How far long work is, for a person who waits.

    >>> import datetime
    >>> clock.progress(1200, 60000, datetime.timedelta(seconds=3))
    '1,200 of 60,000 events, 400 a second, 2 min 27 s left'
    """
    text = ctypes.create_string_buffer(160)
    check_code(lib.psm_progress_format(int64(done, "done"), -1 if total is None else int64(total, "total"), elapsed // _US,
                                       utf8(noun, "noun"), ctypes.cast(text, ctypes.c_void_p), len(text)))
    return text.value.decode()


def us(time: datetime.datetime) -> int:
    """Microseconds since 1970 of a datetime."""
    if not isinstance(time, datetime.datetime) or time.tzinfo is None:
        raise TypeError("time: want a datetime with a time zone, got %s" % type(time).__name__)
    return (time - _EPOCH) // _US
