# SPDX-License-Identifier: BSD-2-Clause
"""Loads libpsymatch and turns the rows of _table into ctypes functions."""
from __future__ import annotations

import ctypes
import os
import subprocess
from typing import Any, TYPE_CHECKING

from . import _table
from ._version import VERSION

_NAME = "libpsymatch.so.0"

_SCALARS: dict[str, Any] = {
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


def ctype(name: str, callbacks: Any) -> Any:
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


def _make_callbacks() -> Any:
    made: dict[str, Any] = {}
    for name, result, *parameters in _table.CALLBACKS:
        types = [ctype(p, made) for p in parameters]
        made[name] = ctypes.CFUNCTYPE(ctype(result, made), *types)
    return made


def _fits(version: Any) -> Any:
    """Of one major and minor version."""
    return version.split(".")[:2] == VERSION.split(".")[:2]


class _Library:
    """Every function of _table as an attribute."""

    def __init__(self, path: Any) -> None:
        self._busy, self._quick = ctypes.CDLL(path), ctypes.PyDLL(path)
        self.path = path
        version = self._version()
        if not _fits(version):
            raise ImportError("psymatch %s: %s is libpsymatch %s, which does not fit" % (VERSION, path, version))
        for name, result, *parameters in _table.FUNCTIONS:
            library = self._quick if name.startswith(_QUICK) else self._busy
            try:
                function = getattr(library, name)
            except AttributeError:
                raise ImportError("psymatch %s: %s (libpsymatch %s) has no %s" % (
                    VERSION, path, version, name)) from None
            function.restype = ctype(result, callbacks)
            function.argtypes = [ctype(p, callbacks) for p in parameters]
            setattr(self, name, function)

    if TYPE_CHECKING:
        def __getattr__(self, name: str) -> Any:
            """One of the functions."""

    def _version(self) -> Any:
        try:
            function = self._busy.psm_version
        except AttributeError:
            return "of an unknown version"
        function.restype = ctypes.c_char_p
        return function().decode()


def _of_pkg_config() -> Any:
    """Where pkg-config says that it is, or None."""
    try:
        said = subprocess.run([os.environ.get("PKG_CONFIG", "pkg-config"), "--variable=libdir", "psymatch"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    path = os.path.join(said.stdout.decode(errors="replace").strip(), _NAME)
    return path if said.returncode == 0 and os.path.exists(path) else None


def _load() -> Any:
    path = os.environ.get("PSYMATCH_LIBRARY")
    if path:
        return _open(path, "PSYMATCH_LIBRARY")
    asked = "PKG_CONFIG_PATH" in os.environ
    path = _of_pkg_config() if asked else None
    if path is None:
        try:
            ctypes.CDLL(_NAME)
            path = _NAME
        except OSError:
            path = None if asked else _of_pkg_config()
    if path is None:
        raise ImportError("%s: not found; install libpsymatch, or let PSYMATCH_LIBRARY, PKG_CONFIG_PATH or "
                          "LD_LIBRARY_PATH name its place" % _NAME)
    return _open(path, "the library")


def _open(path: Any, what: Any) -> Any:
    try:
        return _Library(path)
    except OSError as e:
        raise ImportError("%s: %s" % (what, e)) from None


callbacks = _make_callbacks()
lib = _load()
