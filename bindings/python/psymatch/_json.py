# SPDX-License-Identifier: BSD-2-Clause
"""The library's answers, which are JSON, as Python has them; rows of a store."""
import contextlib
import ctypes
import json

from ._lib import lib
from ._text import int64, json_text, payload_text
from .errors import check, make


def taken(pointer):
    """What a new text of the library says; the text is freed."""
    try:
        return json.loads(ctypes.string_at(pointer).decode())
    finally:
        lib.psm_free(pointer)


def with_size(values):
    """A dict's JSON and its length, two arguments."""
    text = payload_text(values)
    return text, len(text)


def got(function, store, id):
    """(row, version)"""
    out, version = ctypes.c_void_p(), ctypes.c_int64()
    check(function, store._handle, int64(id, "id"), ctypes.byref(out), ctypes.byref(version))
    return taken(out), version.value


def listed(function, store, query):
    return taken(make(function, store._handle, payload_text(query)))


def changed(function, store, id, values, if_version):
    return taken(make(function, store._handle, int64(id, "id"), int64(if_version, "if_version"), *with_size(values)))


@contextlib.contextmanager
def document(value):
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
