# SPDX-License-Identifier: BSD-2-Clause
"""check_schema.py [--cases FILE] EVENTS DIR: makes events of every type in
DIR/schema.json, each with one thing changed, and compares what the schema and
the library (EVENTS --check) say of them. With --cases they are written to FILE
with the library's answer, for another validator to judge.
"""
import json
import os
import subprocess
import sys

arguments = sys.argv[1:]
cases_path = arguments.pop(0) and arguments.pop(0) if arguments[0] == "--cases" else None
events, directory = arguments
with open(os.path.join(directory, "schema.json"), encoding="utf-8") as file:
    SCHEMA = json.load(file)

TYPE = "patient.deleted"
ID = "0198c0de-0000-7000-8000-000000000001"


class Raw:
    """A value as it stands in the text."""

    def __init__(self, text):
        self.text = text


NUMBERS = [
    "0", "1", "-1", "-0", "7.0", "7.00", "-7.0", "0.0", "7.5", "1e2", "70e-1", "15e-1", "1e400",
    "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "1e18", "1e19", "18446744073709551616",
]
DATES = [
    "2026-02-28", "2026-02-29", "2024-02-29", "2024-02-30", "1900-02-29", "2000-02-29", "2100-02-29", "0004-02-29",
    "0000-02-29", "0000-01-01", "0001-01-01", "9999-12-31", "2026-04-31", "2026-04-30", "2026-13-01", "2026-00-10",
    "2026-01-00", "2026-01-32", "2026-1-1", "26-01-01", "2026-01-01\n", " 2026-01-01", "2026/01/01", "\u0662026-01-01",
]
TIMES = [
    "00:00", "23:59", "24:00", "12:60", "9:30", "09:30:00", "09:30:59", "09:30:60", "09:30:00.1", "09:30:00.123456789",
    "09:30:00.1234567890", "09:30:00.", "09:30:00,5", "09:30\n", "09:30:0", "0930",
]
ZONES = [
    "", "Z", "z", "+01:00", "-23:59", "+24:00", "+01:60", "+0100", "+01", " Z", "Zx", "Z\n", "\n", "+1:00", "-00:00",
    ".5Z", ",5Z", ".Z", ".123456789Z", ".1234567890Z",
]
DATETIMES = (
    [f"2026-01-31T09:00:00{zone}" for zone in ZONES]
    + [f"{date}T09:00:00Z" for date in DATES]
    + [f"2026-01-31{between}09:00:00Z" for between in ("t", " ", "", "x", "  ")]
    + ["2026-01-31T24:00:00Z", "2026-01-31T23:60:00Z", "2026-01-31T23:59:60Z", "2026-01-31T23:59:61Z",
       "2026-01-31T09:00Z", "2026-01-31", "2016-12-31T23:59:60.5+01:00"]
)
TEXTS = ["", "x", "\n", "\u00fc" * 100, "x" * 101, "\u00fc" * 101, "\U0001f600" * 200, "\u00fc" * 201, "x" * 201, "\x7f", "\t"]
OTHERS = [None, True, False, [], [None], {}, {"x": None}, ["x"], [1]]
COMMON = [Raw("0"), Raw("7.0"), Raw("7.5"), "", "x", None, True, [], {}, [None]]


def values_for(schema):
    """What is put in place of a value, by what the schema expects there."""
    kinds = schema.get("type", [])
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    form = schema.get("pattern", "")
    if "enum" in schema:
        words = [word for word in schema["enum"] if word is not None]
        return COMMON + words[:2] + [words[0] + " ", words[0].upper(), words[0] + "\n", words[-1][:-1]]
    if "-02-29" in form:
        return COMMON + (DATETIMES if "Zz" in form else DATES + ["2026-01-31T09:00:00Z"])
    if "[0-5][0-9]" in form:
        return COMMON + TIMES
    if kinds & {"integer", "number"} or not kinds:
        return [Raw(number) for number in NUMBERS] + TEXTS + OTHERS
    if "string" in kinds:
        return COMMON + TEXTS
    return COMMON + OTHERS


def sample(schema, whole):
    """A value that the schema accepts; whole: with what may be left out."""
    kinds = schema.get("type", "integer")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    form = schema.get("pattern", "")
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object":
        known, needed = schema.get("properties", {}), schema.get("required", [])
        return {name: sample(known[name], whole) for name in known if whole or name in needed}
    if kind == "array":
        return [sample(schema["items"], whole)] if "items" in schema else []
    if "-02-29" in form:
        return "2026-01-31T09:00:00Z" if "Zz" in form else "2026-01-31"
    if "[0-5][0-9]" in form:
        return "09:30"
    return {"integer": 7, "number": 7, "boolean": True, "string": "x", "null": None}[kind]


def write(value):
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{write(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def changed(value, path, new):
    """A copy of value with new at path; new is the class Raw: without it."""
    step, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copy[step] = changed(copy[step], rest, new)
    elif new is Raw:
        del copy[step]
    else:
        copy[step] = new
    return copy


def places(schema, path=()):
    """All places in a payload: the way there, its schema, whether it may be away."""
    for name, member in schema.get("properties", {}).items():
        yield (*path, name), member, name in schema.get("required", [])
        yield from places(member, (*path, name))
    if "properties" in schema.get("items", {}) or "type" in schema.get("items", {}):
        yield (*path, 0), schema["items"], False
        yield from places(schema["items"], (*path, 0))


def envelope(name, payload, writing="snake"):
    both = ("event_id", "event_type") if writing == "snake" else ("eventId", "eventType")
    return {both[0]: ID, both[1]: name, "version": "1.0", "timestamp": "2026-01-31T09:00:00.000001Z",
            "producer": "p", "payload": payload}


def payload_cases(name):
    schema = SCHEMA["$defs"][name]["properties"]["payload"]
    for whole in (False, True):
        yield sample(schema, whole)
    payload = sample(schema, True)
    keys = {member for branch in schema.get("anyOf", []) for member in branch["properties"]}
    for path, member, needed in places(schema):
        # Fields of one kind are alike, wherever they stand; but an id is not.
        kind = json.dumps([{k: v for k, v in member.items() if k not in ("properties", "items")}, needed,
                           path[0] if path[0] in keys else ""])
        if kind not in seen:
            seen.add(kind)
            for value in values_for(member):
                yield changed(payload, path, value)
        yield changed(payload, path, None)
        if path[-1] != 0:
            yield changed(payload, path, Raw)
    for first in ("absent", None, 0, 1, "x", 7.5):
        for second in ("absent", None, 0, 1, "x"):
            pair = {key: value for key, value in zip(sorted(keys), (first, second)) if value != "absent"}
            if keys:
                yield {**{key: value for key, value in payload.items() if key not in keys}, **pair}


def envelope_cases():
    known = SCHEMA["$defs"]["envelope"]["properties"]
    payload = sample(SCHEMA["$defs"][TYPE]["properties"]["payload"], False)
    for writing in ("snake", "camel"):
        whole = envelope(TYPE, payload, writing)
        yield whole
        for member in whole:
            yield changed(whole, [member], Raw)
            for value in values_for(known.get(member, {"type": "string"})):
                yield changed(whole, [member], value)
        for member in ("event_id", "eventId", "event_type", "eventType"):
            yield {**whole, member: ID if member.endswith("d") else TYPE}
    whole = envelope(TYPE, payload)
    for version in ("1.0", "1.1", "1.9999", "1.10000", "1.01", "1", "2.0", "0.9", "1.0\n", " 1.0", "1.0.0", "\u0661.0"):
        yield {**whole, "version": version}
    for event_id in (ID.upper(), ID + "\n", ID[:-1], ID + "0", ID.replace("-", ""), ID.replace("0", "g", 1), "{" + ID + "}"):
        yield {**whole, "event_id": event_id}
    for producer in ("a b", "\u00fc", "\x1f", "\x7f", "\x80", "a\nb", "a\n", "\"\\", "\u2028"):
        yield {**whole, "producer": producer}
    yield {**whole, "more": [None, {"x": 1}]}


def make():
    for name in SCHEMA["$defs"]:
        if name == "envelope":
            continue
        for payload in payload_cases(name):
            yield name, write(envelope(name, payload))
    for case in envelope_cases():
        yield TYPE, write(case)


def judge(texts):
    """What the library says, by many files at a time."""
    names = []
    for number, text in enumerate(texts):
        names.append(os.path.join(directory, f"{number}.json"))
        with open(names[-1], "w", encoding="utf-8", newline="") as out:
            out.write(text)
    refused = {}
    for start in range(0, len(names), 500):
        run = subprocess.run([events, "--check", *names[start:start + 500]], stdout=subprocess.PIPE,
                             encoding="utf-8", check=False)
        for line in run.stdout.splitlines():
            if line.startswith(directory):
                path, line_number, column, why = line.split(":", 3)
                refused[path] = why.strip()
    return [refused.get(name) for name in names]


seen = set()
made = list(dict.fromkeys(make()))
answers = judge([text for _, text in made])
accepted = sum(why is None for why in answers)
if cases_path:
    # JavaScript reads these as their neighbours, or as infinite.
    big = ("9223372036854775807", "-9223372036854775809", "1e400")
    with open(cases_path, "w", encoding="utf-8") as file:
        json.dump([[text, why is None] for (_, text), why in zip(made, answers)
                   if not any(number in text for number in big)], file)
    sys.exit(0)

import jsonschema  # noqa: E402  (the other validator does not need it)

Validator = jsonschema.Draft202012Validator
Validator.check_schema(SCHEMA)
# One type after another: by oneOf, each event would be held against all.
validators = {name: Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]}) for name in SCHEMA["$defs"]}
failed = 0
for number, ((name, text), why) in enumerate(zip(made, answers)):
    valid = validators[name].is_valid(json.loads(text))
    if number % 97 == 0 and Validator(SCHEMA).is_valid(json.loads(text)) != valid:
        print(f"FAIL: oneOf judges otherwise: {text}")
        failed += 1
    if valid == (why is None):
        continue
    failed += 1
    if failed <= 20:
        print(f"FAIL: the schema says {valid}, the library {why or 'yes'}: {text}")
print(f"{len(made)} events, {accepted} of them accepted, {failed} judged otherwise")
# Enough of both kinds, or nothing was compared.
sys.exit(failed > 0 or len(made) < 2000 or not 500 < accepted < len(made) - 500)
