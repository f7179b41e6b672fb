# SPDX-License-Identifier: BSD-2-Clause
"""The JSON Schema and the AsyncAPI document of psymatch-events: whole, without
dangling references, and of one mind with the library about every test case.

The last part needs the jsonschema package and is left out without it.
"""
import json
import os
import sys

schema_path, asyncapi_path, data, table = sys.argv[1:]
failures = []


def check(right, text):
    if not right:
        failures.append(text)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def references(value):
    if isinstance(value, dict):
        for key, member in value.items():
            if key == "$ref":
                yield member
            else:
                yield from references(member)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def resolve(document, reference):
    value = document
    for step in reference.removeprefix("#/").split("/"):
        value = value[step]
    return value


def check_references(document, name):
    count = 0
    for reference in references(document):
        count += 1
        try:
            resolve(document, reference)
        except (KeyError, TypeError):
            failures.append(f"{name}: {reference} leads nowhere")
    check(count > 0, f"{name}: no reference")


def columns():
    """Rows of the table, split where the head's columns begin."""
    with open(table, encoding="utf-8") as file:
        lines = file.read().splitlines()
    head = lines[0]
    starts = [head.index(word) for word in ("TYPE", "TOPIC", "KEY", "FROM", "TO ", "ALSO")]
    for line in lines[1:]:
        bounds = zip(starts, starts[1:] + [None])
        yield [line[start:end].strip() for start, end in bounds]


def names(cell):
    return [] if cell == "-" else cell.split(", ")


def check_schema(schema):
    check(schema["$schema"].endswith("/draft/2020-12/schema"), "schema: which draft?")
    check_references(schema, "schema")
    types = {cells[0].removesuffix(" (command)") for cells in columns()}
    check(set(schema["$defs"]) == types | {"envelope"}, "schema: types differ from the table")
    check(len(schema["oneOf"]) == len(types), "schema: oneOf")
    for cells in columns():
        name = cells[0].removesuffix(" (command)")
        known = schema["$defs"][name]["properties"]
        check(known["event_type"]["enum"] == [name] + names(cells[5]), f"schema: names of {name}")
        payload = known["payload"]
        key = cells[2].split(" or ")[0]
        check(key in payload["properties"], f"schema: key of {name}")
        check(key in payload["required"] or " or " in cells[2], f"schema: key of {name} may be missing")
    patient = schema["$defs"]["patient.created"]["properties"]["payload"]["properties"]["patient_data"]
    check(len(patient["properties"]) == 36, "schema: patient_data")
    check(len(patient["properties"]["symptome"]["items"]["enum"]) == 30, "schema: symptome")
    check(patient["properties"]["nachname"]["x-personal"] is True, "schema: nachname is personal")
    check(None in patient["properties"]["status"]["enum"], "schema: status may be null")


def check_asyncapi(document):
    check(document["asyncapi"] == "3.0.0", "asyncapi: version")
    check_references(document, "asyncapi")
    want = {}
    topics = set()
    for cells in columns():
        name, topic = cells[0].removesuffix(" (command)"), cells[1]
        topics.add(topic)
        check(name in document["channels"][topic]["messages"], f"asyncapi: {name} is not in {topic}")
        check(name in document["components"]["messages"], f"asyncapi: no message {name}")
        for action, services in (("send", names(cells[3])), ("receive", names(cells[4]))):
            for service in services:
                want.setdefault(f"{service}.{action}.{topic}", set()).add(name)
    check(set(document["channels"]) == topics, "asyncapi: channels are not the topics")
    for channel in document["channels"].values():
        check(channel["bindings"]["kafka"]["partitions"] >= 1, "asyncapi: partitions")
    have = {}
    for name, operation in document["operations"].items():
        check(operation["action"] == name.split(".")[1], f"asyncapi: action of {name}")
        have[name] = {message["$ref"].split("/", 4)[4] for message in operation["messages"]}
        for message in operation["messages"]:
            check(message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/"),
                  f"asyncapi: {name} leaves its channel")
    check(have == want, "asyncapi: operations are not the senders and readers")


def not_json(case, kind):
    path = os.path.join(data, kind, case, "error")
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as file:
        return file.readline() == "code PSM_ERR_PARSE\n"


def check_cases(schema):
    try:
        import jsonschema
    except ImportError:
        print("jsonschema is not installed: the cases were not compared")
        return
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    # Not what is wrong with a text before it is JSON at all.
    for kind in ("valid", "invalid"):
        for case in sorted(os.listdir(os.path.join(data, kind))):
            path = os.path.join(data, kind, case, "input")
            try:
                event = load(path)
            except ValueError:
                continue
            name = event.get("event_type", event.get("eventType")) if isinstance(event, dict) else None
            right = kind == "valid" and name != "invoice.paid"
            if not_json(case, kind):
                continue
            check(validator.is_valid(event) == right, f"schema: {kind}/{case} is judged otherwise")


SCHEMA = load(schema_path)
check_schema(SCHEMA)
check_asyncapi(load(asyncapi_path))
check_cases(SCHEMA)
for failure in failures:
    print(failure)
sys.exit(bool(failures))
