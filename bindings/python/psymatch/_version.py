# SPDX-License-Identifier: BSD-2-Clause
"""Of the package; the library's has to fit."""
VERSION = "0.1.0"
