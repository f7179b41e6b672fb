# SPDX-License-Identifier: BSD-2-Clause
"""The platform's entities: their columns and states, from the library's tables."""
from __future__ import annotations

import ctypes
from typing import Any

from ._json import taken
from ._lib import lib
from ._text import int32, utf8, utf8_or_none
from .errors import make
from .event import _all, _text, _word

SHOW, CREATE, UPDATE, MERGE, EVENT = range(5)

_FLAGS = ("required", "not_null", "stays", "personal", "filter", "prefix", "searched", "sort", "in_event", "in_copy",
          "created", "updated")
_WRITERS = ("rest_create", "rest_update", "import_create", "import_update", "system")


class Field:
    """One column: name, type, sql_type, item_type, meaning, default, words, limits, flags, writers.

    >>> field = psymatch.Entity("therapist").fields["status"]
    >>> isinstance(field, psymatch.Field), field.type, field.words
    (True, 'enum', ['aktiv', 'gesperrt', 'inaktiv'])
    """

    def __init__(self, handle: Any) -> None:
        self.name = _word(lib.psm_entity_field_name(handle))
        self.type = _word(lib.psm_entity_field_type(handle))
        self.sql_type = _word(lib.psm_entity_field_sql_type(handle))
        self.item_type = _text(lib.psm_entity_field_item_type(handle))
        self.meaning = _word(lib.psm_entity_field_meaning(handle))
        self.default = _text(lib.psm_entity_field_default(handle))
        self.words = _all(lib.psm_entity_field_word_at, handle)
        least, most = ctypes.c_int64(), ctypes.c_int64()
        limited = lib.psm_entity_field_limits(handle, ctypes.byref(least), ctypes.byref(most))
        self.limits = (least.value, most.value) if limited else None
        self.flags = {name for i, name in enumerate(_FLAGS) if lib.psm_entity_field_is(handle, 1 << i)}
        self.writers = {name for i, name in enumerate(_WRITERS) if lib.psm_entity_field_writable(handle, 1 << i)}

    def __repr__(self) -> str:
        return "<psymatch.Field %s %s>" % (self.name, self.sql_type)


class Entity:
    """One entity: name, sql_schema, sql_table, fields, filters, states.

    >>> search = psymatch.Entity("search")
    >>> search.states, search.may_follow("erfolgreich", "aktiv")
    (['aktiv', 'erfolgreich', 'pausiert', 'abgebrochen'], False)
    >>> search.schema()["type"]
    'object'
    """

    def __init__(self, name: str) -> None:
        self._handle = lib.psm_entity_find(utf8(name, "name"))
        if self._handle is None:
            raise KeyError(name)
        self.name = name
        self.sql_schema = _word(lib.psm_entity_sql_schema(self._handle))
        self.sql_table = _word(lib.psm_entity_sql_table(self._handle))
        self.fields: dict[str, Field] = {}
        while True:
            handle = lib.psm_entity_field_at(self._handle, len(self.fields))
            if handle is None:
                break
            field = Field(handle)
            self.fields[field.name] = field
        self.filters = {}
        for text in _all(lib.psm_entity_filter_at, self._handle):
            handle = lib.psm_entity_filter_field(self._handle, text.encode())
            self.filters[text] = None if handle is None else self.fields[_word(lib.psm_entity_field_name(handle))]
        self.states = _all(lib.psm_entity_state_at, self._handle)

    def may_follow(self, before: str | None, after: str) -> bool:
        """Whether a row in state before (None: it is made) may move to state after."""
        return bool(lib.psm_entity_may_follow(self._handle, utf8_or_none(before, "before"), utf8(after, "after"), None))

    def schema(self, shape: int = SHOW) -> dict[str, Any]:
        """The JSON Schema of a shape: SHOW, CREATE, UPDATE, MERGE or EVENT."""
        return taken(make(lib.psm_entity_schema, self._handle, int32(shape, "shape")))

    def __repr__(self) -> str:
        return "<psymatch.Entity %s>" % self.name


def entities() -> dict[str, Entity]:
    """Every entity by its name.

    >>> "patient" in psymatch.entities()
    True
    """
    return {name: Entity(name) for name in
            (_word(lib.psm_entity_name(lib.psm_entity_at(i))) for i in range(lib.psm_entity_count()))}
