# SPDX-License-Identifier: BSD-2-Clause
"""Loads libpsymatch and turns the rows of _table into ctypes functions."""
import ctypes
import os

from . import _table

_SCALARS = {
    "void": None,
    "int": ctypes.c_int,
    "unsigned": ctypes.c_uint,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "size_t": ctypes.c_size_t,
    "double": ctypes.c_double,
    "const char*": ctypes.c_char_p,
}

# Read-only calls of some nanoseconds: the interpreter's lock is kept, so no
# other thread can free the object meanwhile.
_QUICK = ("psm_event_", "psm_error_", "psm_json_text", "psm_rows_")


def ctype(name, callbacks):
    """The ctypes type for a C type as _table writes it."""
    if name in _SCALARS:
        return _SCALARS[name]
    if name in callbacks:
        return callbacks[name]
    if name == "const char*const*":
        return ctypes.POINTER(ctypes.c_char_p)
    if name == "const char**":
        # Not c_char_p: the text's length comes beside it.
        return ctypes.POINTER(ctypes.c_void_p)
    if name.endswith("**"):
        return ctypes.POINTER(ctypes.c_void_p)
    if name == "const double*":
        return ctypes.POINTER(ctypes.c_double)
    if name.endswith("*") and name[:-1] in _SCALARS and name != "void*":
        return ctypes.POINTER(_SCALARS[name[:-1]])
    if name.endswith("*"):
        return ctypes.c_void_p  # void* and every opaque object
    raise TypeError("unknown C type %r" % name)


def _make_callbacks():
    made = {}
    for name, result, *parameters in _table.CALLBACKS:
        types = [ctype(p, made) for p in parameters]
        made[name] = ctypes.CFUNCTYPE(ctype(result, made), *types)
    return made


class _Library:
    """Every function of _table as an attribute."""

    def __init__(self, path):
        self._busy, self._quick = ctypes.CDLL(path), ctypes.PyDLL(path)
        for name, result, *parameters in _table.FUNCTIONS:
            library = self._quick if name.startswith(_QUICK) else self._busy
            function = getattr(library, name)
            function.restype = ctype(result, callbacks)
            function.argtypes = [ctype(p, callbacks) for p in parameters]
            setattr(self, name, function)


callbacks = _make_callbacks()
lib = _Library(os.environ.get("PSYMATCH_LIBRARY", "libpsymatch.so.0"))
