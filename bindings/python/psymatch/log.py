# SPDX-License-Identifier: BSD-2-Clause
"""The library's messages in Python's logging: logger "psymatch".

Warnings and errors come unless set_level() says otherwise; the fields of a
message are in the record's attribute "fields" (a dict) and behind its text.

>>> import logging, sys
>>> handler = logging.StreamHandler(sys.stdout)
>>> log.logger.addHandler(handler)
>>> log.write("warn", "a word", number=7)
a word number=7
>>> log.say(logging.WARNING, "another", {"id": "8"})
another id=8
>>> log.logger.removeHandler(handler)
>>> log.set_level("warn")  # "debug": everything; None: nothing

Without Python's logging: log.log_to_stderr(log.WARN).
"""
from __future__ import annotations

import logging
import os
import threading
from typing import Any, Mapping

from ._lib import callbacks, lib
from ._text import array, int32, utf8

DEBUG, INFO, WARN, ERROR = range(4)

logger = logging.getLogger("psymatch")
_LEVELS = {0: logging.DEBUG, 1: logging.INFO, 2: logging.WARNING, 3: logging.ERROR}


def _pairs(fields: Any) -> Any:
    found, i = {}, 0
    while fields and fields[i]:
        found[fields[i].decode(errors="replace")] = (fields[i + 1] or b"").decode(errors="replace")
        i += 2
    return found


# Held while a thread of the library logs: a fork meanwhile would leave the
# child with the locks of streams that nobody lets go of.
_speaking = threading.RLock()


def _after_fork() -> None:
    global _speaking
    _speaking = threading.RLock()


os.register_at_fork(before=lambda: _speaking.acquire(), after_in_parent=lambda: _speaking.release(),
                    after_in_child=_after_fork)


def _message(level: Any, message: Any, fields: Any, _user: Any) -> None:
    try:
        with _speaking:
            say(_LEVELS.get(level, logging.ERROR), message.decode(errors="replace"), _pairs(fields))
    except BaseException:  # a handler of logging that fails must not end the library's thread
        last: Any = logging.lastResort
        last.handle(logging.makeLogRecord({"msg": "psymatch: a message could not be logged",
                                                         "levelno": logging.ERROR, "levelname": "ERROR"}))


def say(level: int, message: str, fields: Mapping[str, Any]) -> None:
    """One message with its fields, as the library's own ones come."""
    if logger.isEnabledFor(level):
        text = "".join(" %s=%s" % pair for pair in fields.items())
        logger.log(level, "%s%s", message, text, extra={"fields": fields})


_callback = callbacks["psm_log_fn"](_message)  # never freed: a thread may still call it


def set_level(name: str | None) -> None:
    """Which messages the library makes: "debug", "info", "warn", "error"; None: none."""
    if name is None:
        lib.psm_set_log(callbacks["psm_log_fn"](), 0, None)
        return
    level = lib.psm_log_level_from_name(utf8(name, "name"))
    if level < 0:
        raise ValueError("name: want debug, info, warn or error, got %r" % name)
    lib.psm_set_log(_callback, level, None)


def log_to_stderr(level: int = WARN) -> None:
    """Messages from this level on become lines of standard error, written by the
    library itself and not by logging; higher than ERROR: none.

    >>> psymatch.log_to_stderr(psymatch.log.ERROR)
    >>> psymatch.log.set_level("warn")  # to logging again
    """
    lib.psm_log_to_stderr(int32(level, "level"))



def write(level: str, message: str, **fields: object) -> None:
    """One message as the library's own ones come, by its level ("info", ...);
    values of fields are texts without personal data."""
    pairs = []
    for name, value in fields.items():
        pairs += [utf8(name, "name"), utf8(str(value), name)]
    found = lib.psm_log_level_from_name(utf8(level, "level"))
    if found < 0:
        raise ValueError("level: want debug, info, warn or error, got %r" % level)
    lib.psm_log(found, utf8(message, "message"), array(pairs + [None]))


set_level("warn")
