# SPDX-License-Identifier: BSD-2-Clause
"""Exceptions: one class per error code, made from the library's own table.

>>> errors.code_of("PSM_ERR_RETRY") == psymatch.RetryError.code
True
"""
from __future__ import annotations

import ctypes
from typing import Any, TYPE_CHECKING

from ._interrupt import _raised, raise_kept
from ._lib import lib

_DETAILS = ("source", "pointer", "offset", "line", "column", "retriable", "fatal", "faults")
_DEFAULTS = {"source": "", "pointer": "", "offset": 0, "line": 0, "column": 0,
             "retriable": False, "fatal": False, "faults": ()}


class PsmError(Exception):
    """A call of the library failed.

    code: the negative code; message, source, pointer: text; offset, line,
    column: where in the input (line and column from 1, 0 = unknown);
    retriable, fatal: bool; faults: tuple of (pointer, message), where there
    are several.

    >>> try:
    ...     psymatch.Event.parse("{7}")
    ... except psymatch.ParseError as e:
    ...     e.line, e.column, e.retriable, e.http_status
    (1, 2, False, 400)
    >>> issubclass(psymatch.ParseError, psymatch.PsmError), psymatch.ParseError.code == psymatch.errors.code_of("PSM_ERR_PARSE")
    (True, True)
    """

    code: int = 0
    message: str
    source: str
    pointer: str
    offset: int
    line: int
    column: int
    retriable: bool
    fatal: bool
    faults: tuple[tuple[str, str], ...]

    @property
    def http_status(self) -> int:
        """The status of an answer to a request that failed so, e.g. 404."""
        status: int = lib.psm_error_http_status(self.code)
        return status

    def __init__(self, message: str = "", code: int | None = None, **details: Any) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.message = message
        for name in _DETAILS:
            setattr(self, name, details.pop(name, _DEFAULTS[name]))
        if details:
            raise TypeError("PsmError has no %s" % ", ".join(sorted(details)))

    def __reduce__(self) -> Any:
        return _again, (type(self), self.message, self.code, {n: getattr(self, n) for n in _DETAILS})


def _again(cls: Any, message: Any, code: Any, details: Any) -> Any:
    return cls(message, code, **details)


def _class_name(code: Any) -> Any:
    """PSM_ERR_TOO_LARGE -> TooLargeError"""
    word = lib.psm_error_name(code).decode()[len("PSM_ERR_"):]
    return word.title().replace("_", "") + "Error"


def _make_classes() -> Any:
    made: dict[int, Any] = {}
    i = 0
    while True:
        code = lib.psm_error_at(i)
        if code == 0:
            return made
        name = lib.psm_error_name(code)
        bases = (PsmError, MemoryError) if name == b"PSM_ERR_NOMEM" else (PsmError,)
        made[code] = type(_class_name(code), bases, {
            "code": code, "__doc__": lib.psm_strerror(code).decode(), "__module__": __package__})
        i += 1


BY_CODE = _make_classes()
BY_NAME: dict[str, Any] = {c.__name__: c for c in BY_CODE.values()}
globals().update(BY_NAME)

if TYPE_CHECKING:  # for type checkers: the library's table makes them
    class AmbiguousError(PsmError):
        pass

    class BrokerError(PsmError):
        pass

    class ClosedError(PsmError):
        pass

    class ConfigError(PsmError):
        pass

    class ConflictError(PsmError):
        pass

    class CorruptError(PsmError):
        pass

    class DbError(PsmError):
        pass

    class FencedError(PsmError):
        pass

    class FullError(PsmError):
        pass

    class InvalError(PsmError):
        pass

    class IoError(PsmError):
        pass

    class MediaTypeError(PsmError):
        pass

    class NomemError(PsmError, MemoryError):
        pass

    class NotFoundError(PsmError):
        pass

    class ParseError(PsmError):
        pass

    class PreconditionError(PsmError):
        pass

    class RejectError(PsmError):
        pass

    class RetryError(PsmError):
        pass

    class SchemaError(PsmError):
        pass

    class StateError(PsmError):
        pass

    class TimeoutError(PsmError):
        pass

    class TooLargeError(PsmError):
        pass

    class TransitionError(PsmError):
        pass

    class UnavailableError(PsmError):
        pass

    class UnconfirmedError(PsmError):
        pass

    class UnknownTypeError(PsmError):
        pass

    class VersionError(PsmError):
        pass


def code_of(name: str) -> int:
    """The code of "PSM_ERR_RETRY"."""
    code: int
    for code in BY_CODE:
        if lib.psm_error_name(code).decode() == name:
            return code
    raise KeyError(name)


class Retry(RetryError):
    """A handler raises it to get the event again later, in order: as any other
    exception, but without a warning in the log.

    >>> raise psymatch.Retry("the mail server is away")
    Traceback (most recent call last):
    ...
    psymatch.Retry: the mail server is away
    """


class Reject(RejectError):
    """A handler raises it to refuse the event for good: it is dead.

    >>> raise psymatch.Reject("nobody can handle this")
    Traceback (most recent call last):
    ...
    psymatch.Reject: nobody can handle this
    """


for _class in (PsmError, Retry, Reject):
    _class.__module__ = __package__


def raise_error(rc: Any, err: Any) -> None:
    """Raise what the psm_error says of a call that returned rc."""
    faults = tuple((lib.psm_error_fault_pointer(err, i).decode(), lib.psm_error_fault_message(err, i).decode())
                   for i in range(lib.psm_error_fault_count(err)))
    raise BY_CODE.get(rc, PsmError)(
        (lib.psm_error_message(err) or lib.psm_strerror(rc)).decode(errors="replace"),
        code=rc,
        source=(lib.psm_error_source(err) or b"").decode(errors="replace"),
        pointer=(lib.psm_error_pointer(err) or b"").decode(errors="replace"),
        offset=lib.psm_error_offset(err),
        line=lib.psm_error_line(err),
        column=lib.psm_error_column(err),
        retriable=bool(lib.psm_error_retriable(err)),
        fatal=bool(lib.psm_error_fatal(err)),
        faults=faults)


# psm_error objects that nobody uses now. A call takes one for itself, because
# a handler that it runs makes calls of its own.
_spare: list[Any] = []


def _take() -> Any:
    try:
        return _spare.pop()
    except IndexError:
        err = lib.psm_error_new()
        if not err:
            raise MemoryError from None
        return err


def check(function: Any, *args: Any) -> int:
    """Call function(*args, err): its result, or what it failed with raised."""
    err = _take()
    try:
        rc: int = function(*args, err)
        if _raised:
            raise_kept()
        if rc < 0:
            raise_error(rc, err)
        return rc
    finally:
        _spare.append(err)


def check_code(rc: int) -> int:
    """Of a call that has no psm_error."""
    if rc < 0:
        raise BY_CODE.get(rc, PsmError)(lib.psm_strerror(rc).decode())
    return rc


def make(function: Any, *args: Any) -> Any:
    """Call function(*args, &out, err); the new object, or an exception."""
    out = ctypes.c_void_p()
    check(function, *args, ctypes.byref(out))
    return out.value
