# SPDX-License-Identifier: BSD-2-Clause
"""Imports: psymatch.imports.patient() takes one registration, PatientImport
those of a folder.

>>> registration = {"registration_token": "EXAMPLE-1", "patient_data": {
...     "anrede": "Frau", "geschlecht": "weiblich", "vorname": "Berta", "nachname": "Beispiel", "email": "b@example.org"}}
>>> imports.patient(store, "a.json", registration)["created"], imports.patient(store, "a.json", registration)["created"]
(True, False)
>>> imports.confirm(store, lambda template, values: ("Willkommen", "<p>Willkommen</p>", "Willkommen"))
1
>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder, imports.PatientImport(store, folder) as work:
...     work.run(), work.status()["total_processed"], work.errors(), work.health()["status"]
...     work.cancel()  # by another thread: run() ends
(0, 0, [], 'healthy')
"""
from __future__ import annotations

import ctypes
import json
from typing import Any, Mapping, TYPE_CHECKING

from ._handle import Handle
from ._json import taken, taken_list
from ._lib import lib
from ._text import int32, int64, utf8
from .errors import check, make
from .mails import Renderer, rendering

if TYPE_CHECKING:
    import os

    from .store import Store


def patient(store: Store, name: str, text: Mapping[str, Any] | str | bytes) -> dict[str, Any]:
    """Import one registration (a dict, or the bytes or text of its file):
    {"patient_id": number, "created": bool}. The same again creates nothing."""
    if isinstance(text, dict):
        text = json.dumps(text, ensure_ascii=False)
    if isinstance(text, str):
        text = text.encode()
    out = ctypes.c_void_p()
    check(lib.psm_patient_import_document, store._handle, utf8(name, "name"), text, len(text), ctypes.byref(out))
    return taken(out.value)


def confirm(store: Store, render: Renderer, limit: int = 100) -> int:
    """Write the mails that confirm imported registrations, as
    psymatch.mails.create() renders them; their count, 0: none is owed."""
    with rendering(render) as function:
        return check(lib.psm_patient_import_confirm, store._handle, function, None, int32(limit, "limit"))


class _Status(Handle):
    def __init__(self, interval: int) -> None:
        self._own(make(lib.psm_patient_import_status_new, int64(interval, "interval")), lib.psm_import_status_free)


class PatientImport(Handle):
    """The registrations of a folder, which go to imported/ and failed/ below
    it, or to the folder keep. interval: seconds between two runs, from which
    the limits of the health follow. Threads: one at a time, but for cancel()."""

    def __init__(self, store: Store, folder: str | os.PathLike[str], interval: int = 300, keep: str | os.PathLike[str] | None = None) -> None:
        self._store, self._status = store, _Status(interval)
        self._own(make(lib.psm_object_source_folder, utf8(str(folder), "folder")), lib.psm_object_source_free)
        check(lib.psm_object_source_keep, self._handle, None if keep is None else utf8(str(keep), "keep"))

    def run(self) -> int:
        """Import what is there; the count of patients made."""
        return check(lib.psm_patient_import_run, self._store._handle, self._handle, self._status._handle)

    def cancel(self) -> None:
        """Let a run end after the file at hand, and later ones not begin."""
        lib.psm_import_status_cancel(self._status._handle)

    def close(self) -> None:
        """Free it."""
        self._status.close()
        super().close()

    def status(self) -> dict[str, Any]:
        """What was imported and what failed, as a dict."""
        return taken(make(lib.psm_import_status_json, self._status._handle))

    def errors(self) -> list[dict[str, Any]]:
        """The newest 100 errors as dicts, the oldest first."""
        return taken_list(make(lib.psm_import_status_errors, self._status._handle))

    def health(self) -> dict[str, Any]:
        """{"status": "healthy", "degraded" or "unhealthy", ...}."""
        return taken(make(lib.psm_import_status_health, self._status._handle))
