# SPDX-License-Identifier: BSD-2-Clause
"""Settings."""
from __future__ import annotations

import ctypes
from typing import Any

from ._handle import Handle
from ._lib import lib
from ._text import utf8
from .errors import check, make


def _value(name: Any, value: Any) -> Any:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return b"%d" % value
    return utf8(value, name)


bool_of, int_of = bool, int  # Config has functions of these names


class Config(Handle):
    """Settings: the environment's (default) or only the given ones.

    >>> Config(from_env=False, PSYMATCH_QUEUE_MAX=10)["PSYMATCH_QUEUE_MAX"]
    '10'

    >>> config = Config(PSYMATCH_STRICT=True)
    >>> config.bool("PSYMATCH_STRICT"), config.copy().int("PSYMATCH_QUEUE_MAX") > 0
    (True, True)
    >>> config["PSYMATCH_QUEUE_MAX"] = "many"
    Traceback (most recent call last):
    ...
    psymatch.ConfigError: ...
    >>> config.close()
    """

    def __init__(self, from_env: bool = True, **settings: str | int | bool) -> None:
        self._own(make(lib.psm_config_from_env if from_env else lib.psm_config_new), lib.psm_config_free)
        for name, value in settings.items():
            self[name] = value

    def __setitem__(self, name: str, value: str | int | bool) -> None:
        """value: str, int or bool; ConfigError tells what the setting takes."""
        check(lib.psm_config_set, self._handle, utf8(name, "name"), _value(name, value))

    def __getitem__(self, name: str) -> str:
        text = lib.psm_config_string(self._handle, utf8(name, "name"))
        if text is None:
            raise KeyError(name)
        return str(text.decode())

    def int(self, name: str) -> int:
        """The value of a number, in the unit of the setting."""
        return int_of(self._typed(lib.psm_config_int, name, "int"))

    def bool(self, name: str) -> bool:
        """The value of a setting that is true or false."""
        return bool_of(self._typed(lib.psm_config_bool, name, "bool"))

    def _typed(self, function: Any, name: Any, kind: Any) -> Any:
        text = self[name]
        value = function(self._handle, name.encode())
        if value < 0 and not text.startswith("-"):
            raise TypeError("%s: no setting of type %s" % (name, kind))
        return value

    def _given(self) -> Any:
        """What was set, as opposed to the defaults."""
        found: dict[str, str] = {}
        i = 0
        while True:
            name = lib.psm_config_name_at(i)
            if name is None:
                return found
            if lib.psm_config_given(self._handle, name):
                found[name.decode()] = lib.psm_config_string(self._handle, name).decode()
            i += 1

    def copy(self) -> Config:
        """Settings of their own with the same values."""
        return Config(from_env=False, **self._given())

    def __copy__(self) -> Config:  # type: ignore[override]
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def _after_fork(self) -> None:
        pass  # plain memory: the child has it, too


class Setting:
    """One setting there is: name, type, default, unit, meaning, and what it
    takes, "1 to 60000 ms" for example.

    >>> queue_max = [found for found in psymatch.settings() if found.name == "PSYMATCH_QUEUE_MAX"][0]
    >>> isinstance(queue_max, psymatch.Setting), queue_max.type
    (True, 'integer')
    """

    def __init__(self, i: int) -> None:
        self.name, self.type, self.default, self.unit, self.meaning = (f(i).decode() for f in (
            lib.psm_config_name_at, lib.psm_config_type_at, lib.psm_config_default_at, lib.psm_config_unit_at,
            lib.psm_config_meaning_at))
        text = ctypes.create_string_buffer(500)
        lib.psm_config_takes_at(i, ctypes.cast(text, ctypes.c_void_p), len(text))
        self.takes = text.value.decode(errors="replace")

    def __repr__(self) -> str:
        return "<psymatch.Setting %s>" % self.name


def settings() -> list[Setting]:
    """Every setting there is, a list of Setting.

    >>> "PSYMATCH_QUEUE_MAX" in [found.name for found in psymatch.settings()]
    True
    """
    return [Setting(i) for i in range(lib.psm_config_count())]
