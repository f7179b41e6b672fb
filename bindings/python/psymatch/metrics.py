# SPDX-License-Identifier: BSD-2-Clause
"""Metrics of the process, in Prometheus' text format: psm_metrics(3).

>>> metrics.describe("letters", "Letters that were written.", label="kind")
>>> metrics.add("letters", 2, "short")
>>> metrics.value("letters_total", "short")
2
>>> "letters_total" in metrics.text()
True
"""
from __future__ import annotations

from ._lib import lib
from ._text import int64, utf8, utf8_or_none
from .errors import check
from .event import _bytes_of


def text() -> str:
    """All of them, as a server of metrics shows them."""
    found: bytes = _bytes_of(lib.psm_metrics_text)
    return found.decode()


def value(name: str, label: str | None = None) -> int:
    """One value, 0 if there is none yet; name as in text()."""
    found: int = lib.psm_metrics_value(utf8(name, "name"), utf8_or_none(label, "label"))
    return found


def describe(name: str, help: str, label: str | None = None) -> None:
    """Say what a counter of one's own is, before it is counted; label: the name
    of its label."""
    check(lib.psm_metrics_describe, utf8(name, "name"), utf8_or_none(label, "label"), utf8(help, "help"))


def add(name: str, delta: int = 1, label: str | None = None) -> None:
    """Count something of one's own; label: the value of its label, no personal
    data."""
    lib.psm_metrics_add(utf8(name, "name"), utf8_or_none(label, "label"), int64(delta, "delta"))
