# SPDX-License-Identifier: BSD-2-Clause
"""What is in the directory that PSYMATCH_SPOOL_DIR names: psm_spool(3).

>>> import os
>>> with psymatch.Producer(config=psymatch.Config(PSYMATCH_TRANSPORT="memory")) as producer:
...     [item["what"] for item in spool.scan(os.environ["PSYMATCH_SPOOL_DIR"])][:1]
['stream']
>>> spool.repair(os.environ["PSYMATCH_SPOOL_DIR"])
(0, 0)
"""
from __future__ import annotations

import ctypes
from typing import Any, TYPE_CHECKING

from ._lib import callbacks, lib
from ._raised import keep, passed_on
from ._text import utf8, utf8_or_none
from .errors import check

if TYPE_CHECKING:
    import os

KINDS = ("stream", "segment", "record", "damage", "quarantine")
_INTS = ("owned", "at", "bytes", "number", "time_us", "settled", "encrypted", "locked")
_TEXTS = ("stream", "file", "key_id", "topic", "key", "event_id", "reason")


def _text(item: Any, name: Any) -> Any:
    size = ctypes.c_size_t()
    text = lib.psm_spool_item_text(item, name.encode(), ctypes.byref(size))
    return None if text is None else text[:size.value]


def scan(directory: str | os.PathLike[str], key_file: str | None = None, values: bool = False) -> list[dict[str, Any]]:
    """Everything in it, also while producers use it: a list of dicts with "what",
    one of KINDS, and the numbers and texts of psm_spool_item_int(3) and
    psm_spool_item_text(3). values: with the bytes of the events, which are
    personal data."""
    found = []

    def call(item: Any, _user: Any) -> Any:
        try:
            made: dict[str, Any] = {"what": KINDS[lib.psm_spool_item_what(item)]}
            for name in _INTS:
                made[name] = lib.psm_spool_item_int(item, name.encode())
            for name in _TEXTS:
                text = _text(item, name)
                made[name] = None if text is None else text.decode(errors="replace")
            if values:
                made["value"] = _text(item, "value")
            found.append(made)
            return 0
        except BaseException as e:
            keep(e)
            return 1

    function = callbacks["psm_spool_fn"](call)
    with passed_on():
        check(lib.psm_spool_scan, utf8(str(directory), "directory"), utf8_or_none(key_file, "key_file"), function, None)
    return found


def repair(directory: str | os.PathLike[str], key_file: str | None = None) -> tuple[int, int]:
    """Put damaged bytes aside, as a producer does at its start: (events found
    unreadable, events that wait)."""
    damaged, kept = ctypes.c_int64(), ctypes.c_int64()
    check(lib.psm_spool_repair, utf8(str(directory), "directory"), utf8_or_none(key_file, "key_file"),
          ctypes.byref(damaged), ctypes.byref(kept))
    return damaged.value, kept.value
