# SPDX-License-Identifier: BSD-2-Clause
"""How a part of a program is."""
from __future__ import annotations

import ctypes
from typing import Any

GREEN, AMBER, RED = 0, 1, 2


def health(function: Any, handle: Any) -> tuple[int, str]:
    """(GREEN, AMBER or RED, one sentence)"""
    reason = ctypes.create_string_buffer(512)
    verdict: int = function(handle, ctypes.cast(reason, ctypes.c_void_p), len(reason))
    return verdict, reason.value.decode(errors="replace")
