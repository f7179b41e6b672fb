# SPDX-License-Identifier: BSD-2-Clause
"""Python values as the C library takes them; what it cannot take is refused
here, with the parameter's name."""
from __future__ import annotations

import ctypes
import functools
import json
from typing import Any, Mapping


def utf8(value: Any, name: str) -> bytes:
    """The bytes of a text: TypeError for anything but a str, ValueError for a
    NUL, which would end it early, and for half a surrogate pair."""
    if not isinstance(value, str):
        raise TypeError("%s: want a str, got %s" % (name, type(value).__name__))
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise ValueError("%s: want Unicode text, got half a surrogate pair at %d" % (
            name, next(i for i, c in enumerate(value) if "\ud800" <= c <= "\udfff"))) from None
    if b"\0" in data:
        raise ValueError("%s: want text without NUL, got one at %d" % (name, value.index("\0")))
    return data


# Of the few names that a program uses again and again. What is no str is refused
# as by utf8(); what cannot be looked up is a TypeError, too.
word = functools.lru_cache(maxsize=512)(utf8)


def utf8_or_none(value: Any, name: str) -> bytes | None:
    return None if value is None else utf8(value, name)


def utf8_list(values: Any, name: str) -> Any:
    """Of an iterable of texts; one text is no list of its characters."""
    if isinstance(values, (str, bytes)):
        raise TypeError("%s: want a list of str, got one %s" % (name, type(values).__name__))
    return [utf8(value, name) for value in values]


def array(texts: Any) -> Any:
    """A C array of bytes or None; keep it as long as it is borrowed."""
    return (ctypes.c_char_p * (len(texts) or 1))(*texts)


def milliseconds(value: object, name: str) -> int:
    """A time as an int from 0 to 2^31 - 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("%s: want milliseconds as an int, got %s" % (name, type(value).__name__))
    if not 0 <= value < 2 ** 31:
        raise ValueError("%s: want 0 to 2147483647 ms, got %d" % (name, value))
    return value


def _int(value: object, name: Any, bits: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("%s: want an int, got %s" % (name, type(value).__name__))
    if not -2 ** (bits - 1) <= value < 2 ** (bits - 1):
        raise ValueError("%s: want %d bits, got %d" % (name, bits, value.bit_length() + 1))
    return value


def int64(value: Any, name: str) -> int:
    return _int(value, name, 64)


def int32(value: Any, name: str) -> int:
    """What C calls an int; ctypes would cut off the rest."""
    return _int(value, name, 32)


def _plain(value: Any) -> Any:
    """What json does not know: dates and times as RFC 3339 writes them."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError("payload: want what JSON has, a date or a time, got %s" % type(value).__name__)


def _encoder() -> Any:
    """json's own encoder, made once: json.dumps() makes one for each call, which
    takes as long as the work. Without the check for circles, which json.dumps()
    does then."""
    encoder: Any = json.encoder
    make = encoder.c_make_encoder
    if make is None:
        return None
    return make(None, _plain, encoder.encode_basestring_ascii, None, ":", ",", False, False, False)


try:
    _fast = _encoder()
except Exception:  # it has changed
    _fast = None


def json_text(value: Any) -> bytes:
    """Its JSON; dates and times become texts."""
    if _fast is not None:
        try:
            return "".join(_fast(value, 0)).encode()
        except (RecursionError, ValueError):
            pass  # below it has a message
    return json.dumps(value, allow_nan=False, default=_plain).encode()


def payload_text(payload: Any) -> bytes:
    """A payload's JSON; dates and times become texts."""
    if not isinstance(payload, dict):
        raise TypeError("payload: want a dict, got %s" % type(payload).__name__)
    try:
        return json_text(payload)
    except ValueError as e:
        raise ValueError("payload: %s" % e) from None
