# SPDX-License-Identifier: BSD-2-Clause
"""day.py BUILD short|platform|five: a day of work, while its neighbours are killed, frozen, slow and restless (each
connection ends after half a second at most, in the middle of whatever it is used for) in turn.

Each round is a therapist, two patients, an inquiry by mail and its answer, all over HTTP, begun under one disturbance
that ends in the middle. A client does what clients should: what was answered with 503, or not at all, it asks again
with the same Idempotency-Key. In the end everything was done, once; no answer was a 500 or came late; and the health
had named the part. PostgreSQL is that of build-aux/with-postgres; the services reach it, and the mail server, through
a proxy that takes both away from them."""
import glob
import http.client
import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from ports import free_ports

build, mode = sys.argv[1:]
LATE = 25  # seconds; a request may wait 10 for the database, and be told to wait for others before
GIVE_UP = 120
ALL = ("nothing", "database restless") + tuple("%s %s" % (p, how) for p in ("database", "mail")
                                               for how in ("killed", "frozen", "slow"))
rounds = {"short": ("database frozen", "mail killed"), "platform": ALL,
          "five": ALL + tuple("%s %s" % (s, how) for s in ("patient", "therapist", "matching", "communication")
                              for how in ("killed", "frozen"))}[mode]
AREAS = ("patient", "therapist", "matching", "communication", "geocoding")
work = tempfile.TemporaryDirectory()
faults, longest = [], 0.0
pause = threading.Event()  # is never set


def fault(text):
    faults.append(text)
    print("fault:", text, flush=True)


class Proxy:
    """A port before another one, or before a socket; killed, it is closed."""

    def __init__(self, target):
        self.target, self.how, self.pairs = target, "", []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client = self.server.accept()[0]
            if self.how == "killed":
                client.close()
                continue
            threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client):
        there = socket.socket(socket.AF_UNIX if isinstance(self.target, str) else socket.AF_INET)
        self.pairs.append((client, there))
        try:
            there.connect(self.target)
            end = time.monotonic() + random.uniform(0, 0.5)
            while self.how != "killed" and not (self.how == "restless" and time.monotonic() > end):
                for s in select.select((client, there), (), (), 0.1)[0]:
                    while self.how == "frozen":
                        pause.wait(0.05)
                    if self.how == "slow":
                        pause.wait(0.02)
                    data = s.recv(65536)
                    if not data:
                        return
                    (there if s is client else client).sendall(data)
        except OSError:
            pass
        finally:
            client.close()
            there.close()

    def disturb(self, how):
        self.how = how


class Program:
    def __init__(self, name, **settings):
        self.name, self.settings, self.process = name, settings, None

    def start(self):
        with open(os.path.join(work.name, self.name + ".log"), "ab") as log:
            self.process = subprocess.Popen([os.path.join(build, self.name)], stderr=log, stdout=log,
                                            env=dict(os.environ, **self.settings))

    def disturb(self, how):
        if how == "killed":
            self.process.kill()
            self.process.wait()
        elif how == "frozen":
            self.process.send_signal(signal.SIGSTOP)
        elif self.process.poll() is not None:
            self.start()
        else:
            self.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.process.terminate()
        try:
            if self.process.wait(30) != 0:
                fault("%s ended with %d" % (self.name, self.process.returncode))
        except subprocess.TimeoutExpired:
            self.process.kill()
            fault("%s does not end" % self.name)


# -- the parts

database = Proxy("%s/.s.PGSQL.%s" % (os.environ["DB_HOST"], os.environ["DB_PORT"]))
mails = os.path.join(work.name, "mails")
os.mkdir(mails)
server = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "smtp_server.py"),
                           "plain", mails], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
port = server.stdout.readline()
if not port:
    sys.exit(77)
mail = Proxy(("127.0.0.1", int(port)))


def sql(text, name="day"):
    return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", name, "-c", text], check=True, text=True,
                          stdout=subprocess.PIPE, env=dict(os.environ, PGHOST=os.environ["DB_HOST"], PGUSER=os.environ[
                              "DB_USER"], PGPORT=os.environ["DB_PORT"])).stdout.strip()


databases = ["day"] + (["day_mails", "day_events"] if mode == "five" else [])
for d in databases:
    sql("CREATE DATABASE %s" % d, os.environ["DB_NAME"])
common = {"DB_HOST": "127.0.0.1", "DB_PORT": str(database.port), "DB_NAME": "day", "PSYMATCH_TRANSPORT": "postgres",
          "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mail.port), "EMAIL_QUEUE_CHECK_INTERVAL_SECONDS": "1",
          "EMAIL_RETRY_BASE_SECONDS": "1", "EMAIL_RETRY_LIMIT": "50", "THERAPIST_IMPORT_ENABLED": "false",
          "PATIENT_IMPORT_SOURCE": "file:" + work.name, "PATIENT_IMPORT_LOCAL_PATH": os.path.join(work.name, "people"),
          "PSYMATCH_TEMPLATE_DIR": os.environ["PSYMATCH_TEMPLATE_DIR"], "OSM_API_URL": "", "OSRM_API_URL": "",
          "PSYMATCH_API_TOKENS_FILE": "", "PSYMATCH_JOB_POLL_MS": "200"}
ports = dict(zip(AREAS, map(int, free_ports(len(AREAS)))))
for a in AREAS:
    common["%s_SERVICE_INTERNAL_PORT" % a.upper()] = str(ports[a])
if mode == "five":
    common["PSYMATCH_PG_DATABASE"] = "day_events"
    common["PSYMATCH_REST_COMMUNICATION_URL"] = "http://127.0.0.1:%d" % ports["communication"]
    programs = {a: Program(a + "-service", **dict(common, PSYMATCH_SPOOL_DIR=os.path.join(work.name, a), DB_NAME={
        "communication": "day_mails"}.get(a, "day"))) for a in AREAS}
else:
    programs = {"platform": Program("psymatch-platform", **common)}
disturbed = dict(programs, database=database, mail=mail)


# -- a client

def ask(area, method, path, body=None, key=None):
    """Status and document, or (0, None): no answer."""
    global longest
    c = http.client.HTTPConnection("127.0.0.1", ports[area], timeout=LATE)
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    begin = time.monotonic()
    try:
        c.request(method, path, None if body is None else json.dumps(body), headers)
        answer = c.getresponse()
        text = answer.read()
        longest = max(longest, time.monotonic() - begin)
        return answer.status, json.loads(text) if text else None
    except socket.timeout:
        if disturbed.get(area) is None or not now.endswith("frozen") or not now.startswith(area):
            fault("%s: %s %s: no answer within %d s" % (now, method, path, LATE))
        return 0, None
    except (OSError, http.client.HTTPException):
        if not now.startswith(area) and time.monotonic() - ended > LATE:
            fault("%s: %s %s: no connection" % (now, method, path))
        return 0, None
    finally:
        c.close()


def until(what, done):
    end = time.monotonic() + GIVE_UP
    while True:
        found = done()
        if found:
            return found
        if time.monotonic() > end:
            raise RuntimeError("%s: never: %s" % (now, what))
        pause.wait(0.1)


def do(area, method, path, body=None, is_done=None):
    """Once, however often it is asked for. is_done: what takes no key is refused with 409 when it is repeated; it was
    done if this says so, and only its answer was lost."""
    key = str(uuid.uuid4())
    lost = False

    def once():
        nonlocal lost
        status, doc = ask(area, method, path, body, key)
        if status in (200, 201):
            return status, doc
        if status == 409 and is_done and lost:
            return is_done() and (status, doc)
        lost = True
        if status not in (0, 409, 503):
            raise RuntimeError("%s: %s %s: %d %s" % (now, method, path, status, doc))
        # 409: the first one with this key is at work still.
        if status == 409 and "Idempotency-Key" not in json.dumps(doc):
            raise RuntimeError("%s: %s %s: %d %s" % (now, method, path, status, doc))
        return None

    return until("%s %s" % (method, path), once)[1]


def get(area, path):
    status, doc = ask(area, "GET", path)
    if status not in (0, 200, 404, 503):
        fault("%s: GET %s: %d %s" % (now, path, status, doc))
    return doc if status == 200 else None


# -- a round

def people(n):
    plz = "%02d115" % (10 + n)
    therapist = do("therapist", "POST", "/api/therapists", {
        "anrede": "Frau", "geschlecht": "weiblich", "vorname": "Berta", "nachname": "Runde%d" % n, "plz": plz,
        "email": "praxis%d@example.org" % n, "status": "aktiv"})["id"]
    patients = [do("patient", "POST", "/api/patients", {
        "anrede": "Frau", "geschlecht": "weiblich", "vorname": "Anna", "nachname": "Runde%d-%d" % (n, i), "plz": plz,
        "krankenkasse": "AOK", "geburtsdatum": "1990-03-03", "symptome": ["Schlafstörungen"],
        "erfahrung_mit_psychotherapie": False, "offen_fuer_gruppentherapie": True,
        "zeitliche_verfuegbarkeit": {"montag": ["08:00-10:00"]}, "vertraege_unterschrieben": True,
        "zahlung_eingegangen": True})["id"] for i in (1, 2)]
    return plz, therapist, patients


def searching(patient):
    doc = get("matching", "/api/platzsuchen?patient_id=%d" % patient)
    return doc and doc["total"] == 1


def work_round(n):
    plz, therapist, patients = people(n)
    for p in patients:
        until("search of patient %d" % p, lambda p=p: searching(p))
    until("copy of therapist %d" % therapist, lambda: get(
        "matching", "/api/therapeutenanfragen/moeglich?therapist_id=%d&plz_prefix=%s" % (therapist, plz[:2])))
    inquiry = do("matching", "POST", "/api/therapeutenanfragen/erstellen-fuer-therapeut",
                 {"therapist_id": therapist, "plz_prefix": plz[:2]})["anfrage_id"]
    do("matching", "POST", "/api/therapeutenanfragen/%d/senden" % inquiry, {})
    until("mail of inquiry %d" % inquiry, lambda: any(
        m["status"] == "Gesendet" for m in (get("communication", "/api/emails?therapist_id=%d" % therapist) or {}).get(
            "data", ())))
    do("matching", "PUT", "/api/therapeutenanfragen/%d/antwort" % inquiry, {"patient_responses": {
        str(patients[0]): "angenommen", str(patients[1]): "abgelehnt_Kapazitaet"}}, lambda: (get(
            "matching", "/api/therapeutenanfragen/%d" % inquiry) or {}).get("antwort_datum"))


def watch(part, named):
    """Which parts the health names, while something is disturbed."""
    while not over.is_set():
        for area in AREAS[:4]:
            if area == part:
                continue
            status, doc = ask(area, "GET", "/health")
            if status not in (0, 200, 503) or (doc and doc.get("status") not in ("healthy", "degraded", "unhealthy")):
                fault("%s: GET /health: %d %s" % (now, status, doc))
            named.update(p["name"] for p in (doc or {}).get("parts", ()) if p["status"] != "healthy")
        over.wait(0.2)


def wait_healthy():
    for area in AREAS:
        until("%s is healthy" % area, lambda area=area: (ask(area, "GET", "/health")[1] or {}).get(
            "status") == "healthy")


def run(n, what):
    global now, ended
    part, _, how = what.partition(" ")
    named, failures = set(), []
    now = what

    def go():
        try:
            work_round(n)
        except (RuntimeError, KeyError, TypeError) as e:
            failures.append(repr(e))

    over.clear()
    ended = time.monotonic() + 1e6
    if how:
        disturbed[part].disturb(how)
    worker = threading.Thread(target=go)
    watcher = threading.Thread(target=watch, args=(part, named))
    worker.start()
    watcher.start()
    wanted = {"database": "database", "mail": "mail"}.get(part) if how in ("killed", "frozen") else None
    begin = time.monotonic()
    end = begin + (GIVE_UP if wanted else 6 if how == "restless" else 3)
    hold = begin + (12 if what == "database frozen" and mode != "short" else 0)  # longer than a request may wait
    while time.monotonic() < hold or (time.monotonic() < end and worker.is_alive() and not (
            wanted and any(wanted in name for name in named))):
        pause.wait(0.1)
    if wanted and not any(wanted in name for name in named):
        fault("%s: the health named %s" % (what, sorted(named)))
    over.set()
    watcher.join()
    if how:
        disturbed[part].disturb("")
    ended = time.monotonic()
    worker.join()
    for f in failures:
        fault(f)
    now = "after: " + what
    wait_healthy()
    print("%-24s %5.1f s, named: %s" % (what, time.monotonic() - ended, ", ".join(sorted(named))), flush=True)


# -- what there is in the end

def check(what, want, found):
    if want != found:
        fault("%s: want %s, found %s" % (what, want, found))


def check_all():
    n = len(rounds)
    m = "day_mails" if mode == "five" else "day"
    check("therapists", str(n), sql("SELECT count(*) FROM therapist_service.therapeuten"))
    check("patients", str(2 * n), sql("SELECT count(*) FROM patient_service.patienten"))
    check("searches", "%d|%d" % (2 * n, n), sql(
        "SELECT count(*), count(*) FILTER (WHERE status = 'erfolgreich') FROM matching_service.platzsuche"))
    check("inquiries sent and answered", "%d|%d" % (n, n), sql(
        "SELECT count(*), count(*) FILTER (WHERE gesendet_datum IS NOT NULL AND antwort_datum IS NOT NULL AND "
        "angenommen_anzahl = 1 AND abgelehnt_anzahl = 1) FROM matching_service.therapeutenanfrage"))
    check("mails", "%d|%d" % (n, n), sql("SELECT count(*), count(*) FILTER (WHERE status = 'Gesendet') FROM "
                                         "communication_service.emails", m))
    to = sorted(re.search(r"^X-To: (.*)$", open(f, encoding="latin-1").read(), re.M)[1].strip()
                for f in glob.glob(os.path.join(mails, "*.eml")))
    check("mails that arrived", sorted("praxis%d@example.org" % i for i in range(n)), to)


def left(d):
    """What is on its way in a database, or will never arrive."""
    return sql("SELECT CASE WHEN to_regclass('psymatch.parked') IS NULL THEN 0 ELSE (xpath('//n/text()', query_to_xml("
               "'SELECT (SELECT count(*) FROM psymatch.parked) + (SELECT count(*) FROM psymatch.dead_letter) + "
               "(SELECT count(*) FROM psymatch.outbox) AS n', false, true, '')))[1]::text::integer END", d)


def copies():
    """How many copies are not what they are of."""
    return sql("SELECT count(*) FROM therapist_service.therapeuten t FULL JOIN matching_service.therapeuten_kopie k "
               "USING (id) WHERE t.nachname IS DISTINCT FROM k.nachname OR t.naechster_kontakt_moeglich IS DISTINCT "
               "FROM k.naechster_kontakt_moeglich")


def wait_quiet():
    """What an event makes others send is on its way, too, when the first outbox is empty."""
    for d in databases:
        until("nothing is parked, dead or left in " + d, lambda d=d: left(d) == "0")
    until("the copies of therapists are as they are", lambda: copies() == "0")
    for d in databases:
        until("nothing is parked, dead or left in " + d, lambda d=d: left(d) == "0")


now, ended, over = "start", time.monotonic() + 60, threading.Event()
for p in programs.values():
    p.start()
try:
    wait_healthy()
    ended = time.monotonic()
    for number, disturbance in enumerate(rounds):
        run(number, disturbance)
        if faults:
            break
    if not faults:
        wait_quiet()
        check_all()
except (RuntimeError, subprocess.CalledProcessError) as e:
    fault(str(e))
finally:
    for p in programs.values():
        p.stop()
    server.kill()
print("the longest answer took %.1f s" % longest)
if faults:
    for log in glob.glob(os.path.join(work.name, "*.log")):
        print("---- the end of %s:" % os.path.basename(log))
        print("".join(open(log, encoding="utf-8", errors="replace").readlines()[-15:]))
sys.stdout.flush()
os._exit(1 if faults else 0)
