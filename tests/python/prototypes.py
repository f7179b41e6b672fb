# SPDX-License-Identifier: BSD-2-Clause
"""Prototypes of the public headers, for comparing them with other lists."""
import glob
import os
import re
from typing import Any

_COMMENT = re.compile(r"/\*.*?\*/", re.S)
_TYPEDEF_FN = re.compile(r"typedef\s+([^;()]*?)\(\*(psm_\w+)\)\(([^;]*?)\);", re.S)
_PROTOTYPE = re.compile(r"PSM_API\s+([^;(]*?)(\w+)\(([^;]*?)\)\s*(?:PSM_CHECK)?;", re.S)


def _one_line(text: Any) -> Any:
    return re.sub(r"\s+", " ", text).strip()


def _type(text: Any) -> Any:
    """The type of one parameter, without its name."""
    text = _one_line(text)
    if text == "void":
        return text
    m = re.match(r"(.*?[\s*])(\w+)$", text)
    head = m.group(1) if m else text
    return re.sub(r"\s*\*\s*", "*", head).strip()


def _parameters(text: Any) -> Any:
    text = _one_line(text)
    return [] if text in ("", "void") else [_type(p) for p in text.split(",")]


def headers(top: Any) -> Any:
    """But for those of libpsymatch-service, which Python does not bind."""
    with open(os.path.join(top, "lib/psymatch-service.map"), encoding="utf-8") as f:
        service = set(re.findall(r"^\t(psm_\w+);$", f.read(), re.M))
    for path in sorted(glob.glob(os.path.join(top, "include/psymatch/*.h"))):
        with open(path, encoding="utf-8") as f:
            text = _COMMENT.sub(" ", f.read())
        if not service.intersection(name for _, name, _ in _PROTOTYPE.findall(text)):
            yield os.path.basename(path), text


def functions(top: Any) -> Any:
    """{name: (header, result type, [parameter types])}"""
    found = {}
    for header, text in headers(top):
        text = re.sub(r"^#.*?(?<!\\)$", "", text, flags=re.M | re.S)
        for result, name, parameters in _PROTOTYPE.findall(text):
            found[name] = (header, _type(result + " x"), _parameters(parameters))
    return found


def callbacks(top: Any) -> Any:
    """{name: (result type, [parameter types])}"""
    found = {}
    for _, text in headers(top):
        for result, name, parameters in _TYPEDEF_FN.findall(text):
            found[name] = (_type(result + " x"), _parameters(parameters))
    return found
