# SPDX-License-Identifier: BSD-2-Clause
"""deploy.py EXAMPLES SETTINGS SERVICES BUILD: compose files, Dockerfile and
units against the tables of settings and services, and the programs built."""
import os
import re
import sys

import yaml

examples, settings_file, services_file, build = sys.argv[1:]
faults = []


def fault(text):
    faults.append(text)


def read(name):
    with open(os.path.join(examples, name), encoding="utf-8") as f:
        return f.read()


def lines(name):
    with open(name, encoding="utf-8") as f:
        return f.read().splitlines()


settings = {name: default for name, _, default in (line.split("\t") for line in lines(settings_file))}
services = lines(services_file)
port_of = {s: settings.get(s.upper().replace("-", "_") + "_INTERNAL_PORT") for s in services}
topics_sh = "/usr/local/share/psymatch/create-topics.sh"


def check_settings(where, names):
    for name in names:
        if name not in settings:
            fault("%s: %s is no setting" % (where, name))


def check_program(where, program):
    if not os.path.exists(os.path.join(build, program)):
        fault("%s: there is no program %s" % (where, program))


def check_ports(where, service, wanted):
    inside = [str(p).rsplit(":", 1)[1] for p in service.get("ports", [])]
    if inside != wanted:
        fault("%s: ports %s, the table of settings says %s" % (where, inside, wanted))
    for p in service.get("ports", []):
        if not str(p).startswith("127.0.0.1:"):
            fault("%s: port %s is open to everybody" % (where, p))
    test = " ".join(service["healthcheck"]["test"])
    if not any(":%s/health" % p in test for p in wanted):
        fault("%s: the health check asks another port: %s" % (where, test))


def check_ours(where, name, service):
    command = service["command"]
    if command == ["sh", topics_sh]:
        if topics_sh not in read("compose/Dockerfile"):
            fault("%s: the image has no %s" % (where, topics_sh))
        return
    check_program(where, command[0])
    if command == ["psymatch-platform"]:
        check_ports(where, service, [port_of[s] for s in services])
    else:
        if command != [name]:
            fault("%s: runs %s" % (where, command))
        check_ports(where, service, [port_of.get(name)])


def check_common(where, name, service, volumes):
    image = service["image"]
    if not re.search(r":v?\d+\.\d+", image) or re.match(r"[^/]*\.[^/]*/", image):
        fault("%s: image %s is not pinned, or names a host" % (where, image))
    once = name == "kafka-setup"
    if service.get("restart") != ("no" if once else "unless-stopped"):
        fault("%s: restart policy %s" % (where, service.get("restart")))
    if not once and "test" not in service.get("healthcheck", {}):
        fault("%s: no health check" % where)
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if re.match(r"[a-z]", source) and source not in volumes:
            fault("%s: volume %s is not declared" % (where, source))


def condition(service, other):
    return service.get("depends_on", {}).get(other, {}).get("condition")


def check_compose(file, names):
    doc = yaml.safe_load(read("compose/" + file))
    found = doc["services"]
    if sorted(found) != sorted(names):
        fault("%s: services %s, want %s" % (file, sorted(found), sorted(names)))
    for name, service in found.items():
        where = file + ": " + name
        check_common(where, name, service, doc["volumes"])
        if service["image"].startswith("psymatch:"):
            check_settings(where, service["environment"])
            check_ours(where, name, service)
            if service.get("privileged") or service.get("user") in ("0", "root"):
                fault("%s: runs as root" % where)
    return found


def check_order(found):
    want = [("kafka", "zookeeper", "service_healthy"), ("kafka-setup", "kafka", "service_healthy")]
    for s in services:
        want += [(s, "postgres", "service_healthy"), (s, "kafka", "service_healthy"),
                 (s, "kafka-setup", "service_completed_successfully")]
    for name, other, how in want:
        if condition(found.get(name, {}), other) != how:
            fault("docker-compose.yml: %s does not wait for %s (%s)" % (name, other, how))


def check_dockerfile():
    text = read("compose/Dockerfile")
    stages = re.findall(r"^FROM (\S+)", text, re.M)
    if len(stages) < 2 or not all(re.search(r":\d+\.\d+", s) for s in stages):
        fault("Dockerfile: stages %s" % stages)
    last = text.rsplit("\nFROM ", 1)[1]
    user = re.search(r"^USER (\d+)", last, re.M)
    if not user or user[1] == "0":
        fault("Dockerfile: the last stage runs as root")
    check_program("Dockerfile", re.search(r'^CMD \["([^"]+)"\]', last, re.M)[1])


def check_units():
    check_settings("psymatch.env", re.findall(r"^([A-Z_]+)=", read("systemd/psymatch.env"), re.M))
    for file, program in ("psymatch@.service", "%i"), ("psymatch-platform.service", "psymatch-platform"):
        unit = read("systemd/" + file)
        if "\nExecStart=/usr/local/bin/%s\n" % program not in unit:
            fault("%s: does not start %s" % (file, program))
        check_settings(file, re.findall(r"^Environment=(PSYMATCH_[A-Z_]+)=", unit, re.M))
        for line in "Type=notify", "WatchdogSec=60", "LoadCredential=pgpass:/etc/psymatch/pgpass":
            if "\n%s\n" % line not in unit:
                fault("%s: without %s" % (file, line))


infrastructure = ["zookeeper", "kafka", "kafka-setup", "postgres"]
check_order(check_compose("docker-compose.yml", infrastructure + services))
check_compose("docker-compose.postgres.yml", ["postgres", "platform"])
check_dockerfile()
check_units()
check_program("systemd", "psymatch-platform")
for text in faults:
    print(text)
sys.exit(bool(faults))
