# SPDX-License-Identifier: BSD-2-Clause
"""The library's answers, which are JSON, as Python has them; rows of a store."""
from __future__ import annotations

import contextlib
import ctypes
import json
from typing import Any, Iterator

from ._handle import Handle
from ._lib import lib
from ._text import int64, json_text, payload_text
from .errors import check, make


def taken(pointer: Any) -> dict[str, Any]:
    """What a new text of the library says; the text is freed."""
    try:
        made: dict[str, Any] = json.loads(ctypes.string_at(pointer).decode())
        return made
    finally:
        lib.psm_free(pointer)


def taken_list(pointer: Any) -> list[Any]:
    """The same of a list."""
    made: Any = taken(pointer)
    return list(made)


def with_size(values: Any) -> Any:
    """A dict's JSON and its length, two arguments."""
    text = payload_text(values)
    return text, len(text)


def got(function: Any, store: Handle, id: int) -> tuple[dict[str, Any], int]:
    """(row, version)"""
    out, version = ctypes.c_void_p(), ctypes.c_int64()
    check(function, store._handle, int64(id, "id"), ctypes.byref(out), ctypes.byref(version))
    return taken(out), version.value


def listed(function: Any, store: Handle, query: Any) -> dict[str, Any]:
    return taken(make(function, store._handle, payload_text(query)))


def changed(function: Any, store: Handle, id: int, values: Any, if_version: int) -> dict[str, Any]:
    return taken(make(function, store._handle, int64(id, "id"), int64(if_version, "if_version"), *with_size(values)))


@contextlib.contextmanager
def document(value: Any) -> Iterator[Any]:
    """A psm_json of a value; None: NULL."""
    if value is None:
        yield None
        return
    text = json_text(value)
    doc = make(lib.psm_json_parse, text, len(text))
    try:
        yield doc
    finally:
        lib.psm_json_free(doc)
