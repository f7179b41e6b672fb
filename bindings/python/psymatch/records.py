# SPDX-License-Identifier: BSD-2-Clause
"""Rows as frozen dataclasses, a class per entity, made from the library's tables;
the same as text, for type checkers, is records.pyi.

    with store.transaction() as tx:
        therapist, version = tx.get(psymatch.records.Therapist, 7)
        therapist.nachname, therapist.created_at.year

>>> search = Search.of({"id": 7, "patient_id": 3, "status": "aktiv", "created_at": "2026-03-01T10:00:00",
...                     "ausgeschlossene_therapeuten": [], "gesamt_angeforderte_kontakte": 0, "dringlichkeit": 0})
>>> search.created_at, search.notizen
(datetime.datetime(2026, 3, 1, 10, 0), None)
>>> TYPES["search"] is Search
True
"""
from __future__ import annotations

import dataclasses
import re
from typing import Any

from ._shapes import NAMES, Shape, record_shapes
from .rows import Record

TYPES: dict[str, Any] = {}  # the class of each entity


def _time(type: str) -> Any:
    found = re.search(r"datetime\.\w+", type)
    return found and found.group(0)


def _made(shape: Shape) -> Any:
    members = [(member.name, eval(member.type, dict(NAMES)),  # pylint: disable=eval-used
                dataclasses.field(metadata={"time": _time(member.type)})) for member in shape.members]
    made = dataclasses.make_dataclass(shape.name, members, bases=(Record,), frozen=True, namespace={
        "ENTITY": shape.of, "__doc__": shape.meaning})
    made.__module__ = __name__
    return made


for _shape in record_shapes():
    globals()[_shape.name] = TYPES[_shape.of or ""] = _made(_shape)
__all__ = ["TYPES", "Record"] + [made.__name__ for made in TYPES.values()]
