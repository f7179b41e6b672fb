# SPDX-License-Identifier: BSD-2-Clause
"""compose.py FILE BUILD TMP: start what a compose file says as processes of
this machine, in its order and with its health checks. Images that are not ours
(PostgreSQL, the broker) run already, where DB_* and KAFKA_BOOTSTRAP_SERVERS
say. Exit 1: something differs from what the file promises."""
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time

import yaml

from ports import free_ports

DEADLINE_S = 120  # of a container to get healthy, on a machine that is busy
TOKEN = "of-the-test"

file, build, tmp = sys.argv[1:]
folder = os.path.dirname(os.path.abspath(file))
build = os.path.abspath(build)
host = {"DB_PASSWORD": os.environ["DB_PASSWORD"], "SMTP_HOST": "127.0.0.1", "IMPORTS": tmp + "/imports",
        "SECRETS": tmp + "/secrets", "LOG_LEVEL": "INFO"}


def fault(text):
    print("%s: %s" % (os.path.basename(file), text))
    sys.exit(1)


def interpolate(text):
    """${NAME:-default} and ${NAME:?why} as docker-compose reads them."""
    def value(match):
        name, kind, rest = match.groups()
        if not host.get(name) and kind == ":?":
            fault("%s is not set: %s" % (name, rest))
        return host.get(name) or (rest if kind == ":-" else "")
    return re.sub(r"\$\{([A-Z_]+)(:[-?])?([^}]*)\}", value, text)


with open(file, encoding="utf-8") as f:
    compose = yaml.safe_load(interpolate(f.read()))
services = compose["services"]

# -- what stands in for the container

os.makedirs(tmp + "/secrets")
for name, text in (("api_tokens", "test admin %s\n" % hashlib.sha256(TOKEN.encode()).hexdigest()),
                   ("api_token", TOKEN + "\n")):
    with open("%s/secrets/%s" % (tmp, name), "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod("%s/secrets/%s" % (tmp, name), 0o600)
paths = {"/usr/local/share/psymatch/create-topics.sh": folder + "/create-topics.sh"}
for name, secret in compose["secrets"].items():
    paths["/run/secrets/" + name] = secret["file"]
for s in services.values():
    for volume in s.get("volumes", []):
        source, target = volume.split(":")[:2]
        if source.startswith(tmp):
            os.makedirs(source, exist_ok=True)
            paths[target] = source
os.makedirs(tmp + "/imports/answers/new", exist_ok=True)
os.makedirs(tmp + "/imports/answers/cur", exist_ok=True)
# Other tests run on this machine at the same time.
PORTS = dict(zip(("8001", "8002", "8003", "8004", "8005"), free_ports(5)))
SETTING_OF = {"8001": "PATIENT", "8002": "THERAPIST", "8003": "MATCHING", "8004": "COMMUNICATION", "8005": "GEOCODING"}


def outside(text):
    """A text of the file with the paths of this machine."""
    for inside, path in paths.items():
        text = text.replace(inside, path)
    return text


def environment(service):
    """What its process gets: the file's settings, but where the servers are."""
    env = {k: v for k, v in os.environ.items() if k in ("HOME", "LD_LIBRARY_PATH", "LANG", "ASAN_OPTIONS")}
    env["PATH"] = build + ":" + os.environ["PATH"]
    env.update({k: outside(str(v)) for k, v in service.get("environment", {}).items()})
    for name in ("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "KAFKA_BOOTSTRAP_SERVERS"):
        if name in env:
            env[name] = os.environ[name]
    for port, name in SETTING_OF.items():
        env[name + "_SERVICE_INTERNAL_PORT"] = PORTS[port]
    if "PSYMATCH_HTTP_HOST" in env:
        env["PSYMATCH_HTTP_HOST"] = "127.0.0.1"
    return env


def is_ours(service):
    return "build" in service


# -- health checks

def check_of(name):
    """The command of a health check, with the addresses of this machine."""
    test = services[name]["healthcheck"]["test"]
    if test[0] != "CMD":
        fault("%s: its health check is no CMD" % name)
    words = [re.sub(r":(800[1-5])/", lambda m: ":%s/" % PORTS[m.group(1)], w) for w in test[1:]]
    if words[0] == "psql":
        swap = {"-h": os.environ["DB_HOST"], "-U": os.environ["DB_USER"], "-d": os.environ["DB_NAME"]}
        for i in range(len(words) - 1):
            words[i + 1] = swap.get(words[i], words[i + 1])
        words[1:1] = ["-p", os.environ["DB_PORT"]]
    return words


def is_healthy(name):
    if services[name]["image"].startswith("confluentinc/"):
        return True  # build-aux/with-kafka has waited for it
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return subprocess.run(check_of(name), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=env, timeout=60, check=False).returncode == 0


# -- the order

running = {}  # name: process
state = {}  # name: "service_healthy" or "service_completed_successfully"
order = []


def log_of(name):
    with open("%s/%s.log" % (tmp, name), encoding="utf-8", errors="replace") as f:
        return f.read()[-3000:]


def await_process(name, process):
    """Until its check succeeds, or it has ended."""
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        if "healthcheck" in services[name] and is_healthy(name):
            return "service_healthy"
        try:
            status = process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
        if status != 0 or "healthcheck" in services[name]:
            fault("%s ended with %d: %s" % (name, status, log_of(name)))
        return "service_completed_successfully"
    fault("%s is not healthy after %d s: %s" % (name, DEADLINE_S, log_of(name)))


def start(name):
    service = services[name]
    for need, how in (service.get("depends_on") or {}).items():
        if state.get(need) != how["condition"]:
            return False
    if is_ours(service):
        if "healthcheck" in service and is_healthy(name):
            fault("%s: its health check succeeds before it runs" % name)
        command = [outside(w) for w in service["command"]]
        with open("%s/%s.log" % (tmp, name), "w", encoding="utf-8") as log:
            process = subprocess.Popen(command, env=environment(service), stdout=log, stderr=log, cwd=tmp)
        running[name] = process
        state[name] = await_process(name, process)
    elif not is_healthy(name):
        fault("%s: its health check fails, though the server runs" % name)
    else:
        state[name] = "service_healthy"
    order.append(name)
    return True


def ask(port, path, token):
    """The status of an answer."""
    head = "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" % path
    if token:
        head += "Authorization: Bearer %s\r\n" % token
    with socket.create_connection(("127.0.0.1", int(port)), timeout=60) as s:
        s.sendall((head + "\r\n").encode())
        return int(s.makefile("rb").readline().split()[1])


def stop_all():
    """In the reverse order; each ends by itself, and well."""
    for name in reversed(order):
        process = running.get(name)
        if not process or process.poll() is not None:
            continue
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            fault("%s does not end" % name)
        if status != 0:
            fault("%s: stopped with %d: %s" % (name, status, log_of(name)))
        if is_healthy(name):
            fault("%s: its health check succeeds after its end" % name)


try:
    waiting = list(services)
    while waiting:
        before = len(waiting)
        waiting = [name for name in waiting if not start(name)]
        if len(waiting) == before:
            fault("nobody can start: %s" % ", ".join(waiting))
    for port in PORTS.values():
        if (ask(port, "/api/jobs", None), ask(port, "/api/jobs", TOKEN)) != (401, 200):
            fault("port %s: the tokens of the secrets are not asked for" % port)
    stop_all()
    print("%s: %s" % (os.path.basename(file), ", ".join(order)))
finally:
    for p in running.values():
        if p.poll() is None:
            p.kill()
            p.wait()
