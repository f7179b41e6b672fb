# SPDX-License-Identifier: BSD-2-Clause
"""What the library's tables say of payloads and rows, as Python classes have it:
of it the modules payloads and records make theirs, and build-aux/python-stubs
writes what type checkers read."""
from __future__ import annotations

import datetime
from typing import Any, Iterator, List, Literal, NamedTuple, Optional

from .entity import Entity, Field, entities
from .event import EventType, PayloadField, catalogue

_PLAIN = {"any": "Any", "array": "list[Any]", "boolean": "bool", "date": "str", "datetime": "str", "integer": "int",
          "number": "float", "object": "dict[str, Any]", "string": "str", "text": "str", "time": "str"}
# Rows have real dates and times, payloads their texts.
_OF_ROWS = {**_PLAIN, "date": "datetime.date", "time": "datetime.time", "timestamp": "datetime.datetime"}
NAMES = {"Any": Any, "Literal": Literal, "Optional": Optional, "datetime": datetime, "list": List}


class Member(NamedTuple):
    """One field: its type is a text, as a checker reads it; classes that it names have been told before."""

    name: str
    type: str
    required: bool


class Shape(NamedTuple):
    """A class that is to be made; of: the event type or the entity, None for a part of others."""

    name: str
    of: Optional[str]
    meaning: str
    members: "list[Member]"


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.replace(".", "_").split("_"))


def _literal(words: Any) -> str:
    return "Literal[%s]" % ", ".join('"%s"' % word.replace("\\", "\\\\").replace('"', '\\"') for word in words)


def _member(name: str, type: str, nullable: bool, required: bool) -> Member:
    return Member(name, "Optional[%s]" % type if nullable and type != "Any" else type, required)


class _Payloads:
    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}  # of objects within payloads, by name

    def _part(self, event: str, field: PayloadField) -> Iterator[Shape]:
        """The class of an object within a payload; many events have the same."""
        members: list[Member] = []
        for inner in field.fields.values():
            yield from self._field(event, inner, members)
        name = _camel(field.name) if field.name.endswith("_data") else _camel(event) + _camel(field.name)
        if self.parts.get(name, members) != members:
            name = _camel(event) + _camel(field.name)
        self.found = name
        if name not in self.parts:
            self.parts[name] = members
            yield Shape(name, None, "%s of a payload." % field.name, members)

    def _field(self, event: str, field: PayloadField, members: "list[Member]") -> Iterator[Shape]:
        if field.fields:
            yield from self._part(event, field)
            type = "list[%s]" % self.found if field.type == "array" else self.found
        elif field.type == "array":
            type = "list[%s]" % (_literal(field.words) if field.words else _PLAIN.get(field.item_type or "any", "Any"))
        else:
            type = _literal(field.words) if field.words else _PLAIN.get(field.type, "Any")
        members.append(_member(field.name, type, field.nullable, field.required))

    def shapes(self, row: EventType) -> Iterator[Shape]:
        members: list[Member] = []
        for field in row.fields.values():
            yield from self._field(row.name, field, members)
        yield Shape(_camel(row.name), row.name, row.meaning, members)


def payload_shapes() -> Iterator[Shape]:
    """Of every event type, and of the objects in them."""
    payloads = _Payloads()
    for row in catalogue():
        yield from payloads.shapes(row)


def _column(field: Field) -> Member:
    if field.type == "array":
        type = "list[%s]" % (_literal(field.words) if field.words else _OF_ROWS.get(field.item_type or "any", "Any"))
    else:
        type = _literal(field.words) if field.type == "enum" else _OF_ROWS.get(field.type, "Any")
    return _member(field.name, type, "not_null" not in field.flags, True)


def record_shapes() -> Iterator[Shape]:
    """Of every entity."""
    rows: dict[str, Entity] = entities()
    for name, entity in rows.items():
        yield Shape(_camel(name), name, "A row of %s.%s." % (entity.sql_schema, entity.sql_table),
                    [_column(field) for field in entity.fields.values()])
