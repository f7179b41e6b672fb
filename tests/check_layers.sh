#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Includes go down only (DESIGN.md, "Rooms"), and each foreign library is
# included in one place.
. "$top_srcdir/tests/checks.sh"

tree '^(lib|examples|bench|tests)/.*\.[ch]$' >"$tmp/files"
(cd "$top_srcdir" && xargs grep -HE '^[[:space:]]*#[[:space:]]*include' <"$tmp/files") |
	sed -n 's/^\([^:]*\):[[:space:]]*#[[:space:]]*include[[:space:]]*\([<"][^>"]*[>"]\).*/\1 \2/p' >"$tmp/includes"

awk '
BEGIN {
	# Room: the rooms it may look into. Its public headers follow below. A
	# room is a folder of lib; where a folder is not named here, its parent.
	down("base", "")
	down("json", "base")
	down("entity", "base json")
	down("event", "base json entity")
	down("spool", "base json event spool/disk")
	down("spool/disk", "base json event")
	down("store", "base json event")
	down("domain", "base json entity event")
	down("transport", "base json event")
	down("transport/kafka", "base json event transport")
	down("transport/memory", "base json event transport")
	down("transport/postgres", "base json event store transport")
	down("transport/open", "base transport transport/kafka transport/memory transport/postgres")
	down("client", "base json event spool transport")
	down("client/producer", "base json event spool transport client")
	down("client/consumer", "base json event transport client")
	down("client/replay", "base json event transport client")
	down("flow", "base json event transport client store")
	down("flow/processor", "base json event transport client client/replay store flow")
	down("flow/relay", "base json event transport client client/producer store flow")
	down("app", "base json entity event store domain flow")
	# Beside the public headers of libpsymatch: no insides of it but the base.
	down("service", "base")
	down("rest", "base service")
	down("platform", "base service rest")

	of("base", "base clock config error health log memory metrics uuid version")
	of("json", "json")
	of("entity", "entity")
	of("event", "catalogue event payload")
	of("spool", "spool")
	of("transport", "topics transport")
	of("client", "consumer handler producer replay")
	of("store", "dead jobs store")
	of("app", "inquiry")
	# One header per topic: it has the rules and the use cases built on them.
	of("domain", "therapist matching patient bundle")
	of("app", "change geo mail report search")
	of("service", "geo_client platform rest service")
	of("app", "patient_import")
	of("service", "object_storage")
	of("flow", "processor program relay")
	of("app", "call communication scraping suggestion")
	of("service", "mailer matching_jobs")
	outside = "^(examples|bench)$"

	only["utf8proc"] = "^lib/base/"
	only["yajl/"] = "^(lib/json|bench)/"
	only["librdkafka/"] = "^(lib/transport/kafka/|bench/|tests/|examples/psymatch-devbroker\\.c)"
	only["openssl/"] = "^(lib/spool/|lib/store/checksum|lib/event/base64|lib/service/(gs_token|tls|tokens)|tests/)"
	only["libpq"] = "^(lib/store|tests|bench)/"
	only["postgres"] = "^(lib/store|tests)/"
	only["microhttpd"] = "^(lib/service|tests|bench)/"
	only["cmark"] = "^lib/service/"
	only["gmime"] = "^lib/service/"
	only["glib"] = "^lib/service/"
	only["curl/"] = "^(lib/service|tests)/"
	only["check.h"] = "^tests/"
}

function down(room, below)
{
	may[room] = below " " room
}

# The room of a path below lib, or "".
function room_in(path)
{
	while (path != "" && !(path in may))
		if (!sub(/\/[^\/]*$/, "", path))
			path = ""
	return path
}

function of(room, headers,   i, n, h)
{
	n = split(headers, h, " ")
	for (i = 1; i <= n; i++)
		room_of["psymatch/" h[i] ".h"] = room
}

function refuse(why)
{
	print $1 ": includes " $2 ": " why
	bad = 1
}

{
	split($1, part, "/")
	top = part[1]
	room = top == "lib" ? room_in(substr($1, 5)) : top
	name = substr($2, 2, length($2) - 2)
	for (prefix in only)
		if (index(name, prefix) == 1 && $1 !~ only[prefix])
			refuse("only " only[prefix] " may")
	if (top == "tests")
		next
	inside = substr($2, 1, 1) == "\""
	target = room_in(name)
	if (top == "lib" && room == "") {
		refuse("lib/" part[2] " is no room of DESIGN.md")
	} else if (top ~ outside) {
		# A rule that no public call has alone is measured from inside.
		if (inside && target != "" && $1 != "bench/record.c")
			refuse("programs use the public headers")
	} else if (inside) {
		if (target == "")
			refuse("write \"room/file.h\"")
		else if (index(" " may[room] " ", " " target " ") == 0)
			refuse(room " may not look into " target)
	} else if (name ~ /^psymatch\//) {
		target = room_of[name]
		if (room == "service" || room == "rest" || room == "platform")
			next
		if (target == "")
			refuse("include the headers of the rooms you need; this one belongs to none")
		else if (index(" " may[room] " ", " " target " ") == 0)
			refuse(room " may not look into " target)
	}
}
END { exit bad }' "$tmp/includes" || rc=1
exit $rc
