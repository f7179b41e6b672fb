# SPDX-License-Identifier: BSD-2-Clause
"""How matching does: psm_report(3).

>>> reports.matching(store, "2026-01-01", "2026-06-30", by=[reports.STRATEGY])["by"]
['strategy']
"""
from __future__ import annotations

from typing import Any, Iterable, TYPE_CHECKING

from ._json import taken, with_size
from ._lib import lib
from .errors import make

if TYPE_CHECKING:
    import datetime

    from .store import Store

WEEK, AREA, TIER, STRATEGY = "week", "area", "tier", "strategy"


def matching(store: Store, start: str | datetime.date, end: str | datetime.date, by: Iterable[str] = ()) -> dict[str, Any]:
    """Of inquiries sent and places found from one day to another, both texts or
    dates: {"from", "to", "by", "rows"}. SchemaError."""
    return taken(make(lib.psm_report_matching, store._handle,
                      *with_size({"from": str(start), "to": str(end), "by": list(by)})))
