# SPDX-License-Identifier: BSD-2-Clause
"""How a part of a program is."""
import ctypes

GREEN, AMBER, RED = 0, 1, 2


def health(function, handle):
    """(GREEN, AMBER or RED, one sentence)"""
    reason = ctypes.create_string_buffer(512)
    verdict = function(handle, ctypes.cast(reason, ctypes.c_void_p), len(reason))
    return verdict, reason.value.decode(errors="replace")
