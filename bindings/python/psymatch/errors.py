# SPDX-License-Identifier: BSD-2-Clause
"""Exceptions: one class per error code, made from the library's own table."""
import ctypes

from ._lib import lib


class PsmError(Exception):
    """A call of the library failed.

    code: the negative code; message, source, pointer: text; offset, line,
    column: where in the input (line and column from 1, 0 = unknown);
    retriable, fatal: bool; faults: list of (pointer, message), where there
    are several.
    """

    code = 0

    def __init__(self, message, code=None, **details):
        super().__init__(message)
        if code is not None:
            self.code = code
        self.message = message
        self.source = details.get("source", "")
        self.pointer = details.get("pointer", "")
        self.offset = details.get("offset", 0)
        self.line = details.get("line", 0)
        self.column = details.get("column", 0)
        self.retriable = details.get("retriable", False)
        self.fatal = details.get("fatal", False)
        self.faults = details.get("faults", [])


def _class_name(code):
    """PSM_ERR_TOO_LARGE -> TooLargeError"""
    word = lib.psm_error_name(code).decode()[len("PSM_ERR_"):]
    return word.title().replace("_", "") + "Error"


def _make_classes():
    made, i = {}, 0
    while True:
        code = lib.psm_error_at(i)
        if code == 0:
            return made
        text = lib.psm_strerror(code).decode()
        made[code] = type(_class_name(code), (PsmError,), {"code": code, "__doc__": text, "__module__": __package__})
        i += 1


BY_CODE = _make_classes()
globals().update({c.__name__: c for c in BY_CODE.values()})


def code_of(name):
    """The code of "PSM_ERR_RETRY"."""
    for code in BY_CODE:
        if lib.psm_error_name(code).decode() == name:
            return code
    raise KeyError(name)


class ErrorSlot:
    """Owns one psm_error for the length of a with block."""

    def __enter__(self):
        self.ptr = lib.psm_error_new()
        if not self.ptr:
            raise MemoryError
        return self

    def __exit__(self, *exc):
        lib.psm_error_free(self.ptr)

    def check(self, rc):
        """Return rc, or raise what the slot says when rc is negative."""
        if rc >= 0:
            return rc
        raise BY_CODE.get(rc, PsmError)(
            lib.psm_error_message(self.ptr).decode() or lib.psm_strerror(rc).decode(),
            code=rc,
            source=(lib.psm_error_source(self.ptr) or b"").decode(),
            pointer=(lib.psm_error_pointer(self.ptr) or b"").decode(),
            offset=lib.psm_error_offset(self.ptr),
            line=lib.psm_error_line(self.ptr),
            column=lib.psm_error_column(self.ptr),
            retriable=bool(lib.psm_error_retriable(self.ptr)),
            fatal=bool(lib.psm_error_fatal(self.ptr)),
            faults=[
                (lib.psm_error_fault_pointer(self.ptr, i).decode(), lib.psm_error_fault_message(self.ptr, i).decode())
                for i in range(lib.psm_error_fault_count(self.ptr))
            ],
        )


def check(function, *args):
    """Call function(*args, err) and raise when it fails."""
    with ErrorSlot() as slot:
        return slot.check(function(*args, slot.ptr))


def make(function, *args):
    """Call function(*args, &out, err); the new object, or an exception."""
    out = ctypes.c_void_p()
    check(function, *args, ctypes.byref(out))
    return out.value
