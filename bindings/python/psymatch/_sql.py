# SPDX-License-Identifier: BSD-2-Clause
"""PostgreSQL's texts from Python values, and back."""
from __future__ import annotations

import datetime
import decimal
import enum
import functools
import json
import math
import re
import uuid
from typing import Any, Tuple

from ._lib import lib
from ._text import utf8


# -- parameters

def _float(value: Any) -> Any:
    if math.isfinite(value):
        return float.__repr__(value)  # numpy's says more
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _json(value: Any) -> Any:
    return json.dumps(value, allow_nan=False)


# The first that fits; bool is an int, datetime is a date.
_TEXTS: Any = (
    (bool, lambda v: "true" if v else "false"),
    (int, lambda v: "%d" % v),
    (float, _float),
    (decimal.Decimal, str),
    (datetime.datetime, lambda v: v.isoformat(" ")),
    (datetime.date, lambda v: v.isoformat()),
    (datetime.time, lambda v: v.isoformat()),
    (datetime.timedelta, lambda v: "%d days %d seconds %d microseconds" % (v.days, v.seconds, v.microseconds)),
    (uuid.UUID, str),
    (dict, _json),
    (list, _json),
)


def parameter(value: Any, number: Any) -> Any:
    """The text of a parameter, None for NULL: None, str, int, float, bool,
    Decimal, date, time, datetime, timedelta, UUID, bytes, and dict or list for
    json."""
    if value is None:
        return None
    if isinstance(value, enum.Enum):
        value = value.value
    name = "parameter $%d" % number
    if isinstance(value, str):
        return utf8(value, name)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b"\\x" + bytes(value).hex().encode()
    for kind, text in _TEXTS:
        if isinstance(value, kind):
            try:
                return utf8(text(value), name)
            except (TypeError, ValueError) as e:
                raise type(e)("%s: %s" % (name, e)) from None
    raise TypeError("%s: want None, str, int, float, bool, Decimal, date, time, datetime, timedelta, UUID, bytes, dict "
                    "or list, got %s" % (name, type(value).__name__))


# -- results

# A brace or a comma, a quoted item, or an item as it stands.
_TOKEN = re.compile(r'[{},]|"((?:[^"\\]|\\.)*)"|[^{},]+', re.DOTALL)


def _array(item: Any) -> Any:
    """Of PostgreSQL's text of an array, e.g. {1,NULL,"a,b"}: a list, of lists if
    it has more dimensions. One that does not begin at 1 stays a text."""

    def read(text: Any) -> Any:
        if not text.startswith("{"):
            return text
        stack: list[Any] = [[]]
        for token in _TOKEN.finditer(text):
            word, quoted = token.group(0), token.group(1)
            if word == "{":
                stack.append([])
            elif word == "}":
                inner = stack.pop()
                stack[-1].append(inner)
            elif quoted is not None:
                stack[-1].append(item(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)))
            elif word != ",":
                stack[-1].append(None if word == "NULL" else item(word))
        return stack[0][0]

    return read


def time_of(kind: Any) -> Any:
    """fromisoformat with PostgreSQL's short offset, +00. What Python's type does
    not have (infinity, a year before 1) stays a text."""

    def read(text: Any) -> Any:
        full = text + ":00" if kind is datetime.datetime and text[-3] in "+-" else text
        point = full.find(".")
        if point > 0:  # Python before 3.11 wants 3 or 6 digits
            end = point + 1
            while end < len(full) and full[end].isdigit():
                end += 1
            full = full[:point + 1] + full[point + 1:end].ljust(6, "0") + full[end:]
        try:
            return kind.fromisoformat(full)
        except ValueError:
            return text

    return read


def _bool(text: Any) -> Any:
    return text == "t"


def _bytes(text: Any) -> Any:
    """Of either bytea_output; escape doubles a backslash of the value."""
    if text.startswith("\\x"):
        return bytes.fromhex(text[2:])
    return re.sub(rb"\\(\\|[0-7]{3})", lambda m: b"\\" if m[1] == b"\\" else bytes([int(m[1], 8)]), text.encode())


# By the OID of pg_type; any other type is a text.
_READ = {
    16: _bool, 17: _bytes, 20: int, 21: int, 23: int, 26: int, 114: json.loads, 700: float, 701: float,
    1082: time_of(datetime.date), 1083: time_of(datetime.time), 1114: time_of(datetime.datetime),
    1184: time_of(datetime.datetime), 1700: decimal.Decimal, 2950: uuid.UUID, 3802: json.loads,
    1000: _array(_bool), 1005: _array(int), 1007: _array(int), 1016: _array(int), 1009: _array(str),
    1015: _array(str), 1022: _array(float), 1231: _array(decimal.Decimal), 2951: _array(uuid.UUID),
}


class Row(Tuple[Any, ...]):
    """A row: by position, by name (row["id"]), or as a dict (row.as_dict()). Of
    columns with one name, the name means the first."""

    __slots__ = ()
    columns: tuple[str, ...] = ()

    def __getitem__(self, which: Any) -> Any:
        if isinstance(which, str):
            try:
                return tuple.__getitem__(self, self.columns.index(which))
            except ValueError:
                raise KeyError(which) from None
        return tuple.__getitem__(self, which)

    def as_dict(self) -> Any:
        """{name: value}"""
        return {name: self[name] for name in self.columns}

    def __reduce__(self) -> Any:
        return _row, (self.columns, tuple(self))


@functools.lru_cache(maxsize=256)
def _row_class(columns: Any) -> Any:
    """Made once: a class is a cycle, which only the collector frees."""
    return type("Row", (Row,), {"__slots__": (), "columns": columns})


def _row(columns: Any, values: Any) -> Any:
    return _row_class(columns)(values)


def take_rows(handle: Any) -> Any:
    """Takes a psm_rows: a list of Row, or for a statement that gives none the
    number of rows that it changed."""
    try:
        width = lib.psm_rows_columns(handle)
        if width == 0:
            return lib.psm_rows_affected(handle)
        made = _row_class(tuple(lib.psm_rows_column_name(handle, i).decode() for i in range(width)))
        reads = [_READ.get(lib.psm_rows_column_type(handle, i), str) for i in range(width)]
        found = []
        for row in range(lib.psm_rows_count(handle)):
            texts = [lib.psm_rows_text(handle, row, i) for i in range(width)]
            found.append(made(None if t is None else read(t.decode()) for t, read in zip(texts, reads)))
        return found
    finally:
        lib.psm_rows_free(handle)
