#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Includes go down only (DESIGN.md, "Rooms"), and each foreign library is
# included in one place.
. "$top_srcdir/tests/checks.sh"

tree '^(lib|examples|bench|tests)/.*\.[ch]$' | while IFS= read -r file; do
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*\([<"][^>"]*[>"]\).*/\1/p' "$top_srcdir/$file" |
		sed "s,^,$file ,"
done >"$tmp/includes"

awk '
BEGIN {
	# Room: the rooms it may look into. Its public headers follow below.
	may["base"] = "base"
	may["json"] = "base json"
	may["event"] = "base json event"
	may["bus"] = "base json event bus"
	may["store"] = "base json event store"
	may["domain"] = "base json event domain"
	may["flow"] = "base json event bus store flow"
	may["app"] = "base json event store domain flow app"
	# service.h and the other public headers: no insides of libpsymatch.
	may["service"] = "service"

	of("base", "base clock config error health log memory metrics uuid version")
	of("json", "json")
	of("event", "catalogue event")
	of("bus", "consumer handler producer replay spool transport")
	of("store", "dead store")
	# One header per topic: it has the rules and the use cases built on them.
	of("domain", "therapist matching")
	of("flow", "processor relay")
	of("service", "service")
	outside = "^(examples|bench)$"

	only["utf8proc"] = "^lib/base/"
	only["yajl/"] = "^(lib/json|bench)/"
	only["librdkafka/"] = "^(lib/bus/kafka|bench/|tests/|examples/psymatch-devbroker\\.c)"
	only["openssl/"] = "^(lib/bus/spool_|lib/store/checksum|tests/)"
	only["libpq"] = "^(lib/store|tests|bench)/"
	only["postgres"] = "^(lib/store|tests)/"
	only["microhttpd"] = "^(lib/service|tests)/"
	only["curl/"] = "^(lib/service|tests)/"
	only["check.h"] = "^tests/"
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
	room = top == "lib" ? part[2] : top
	name = substr($2, 2, length($2) - 2)
	for (prefix in only)
		if (index(name, prefix) == 1 && $1 !~ only[prefix])
			refuse("only " only[prefix] " may")
	if (top == "tests")
		next
	split(name, part, "/")
	inside = substr($2, 1, 1) == "\""
	if (top == "lib" && !(room in may)) {
		refuse("lib/" room " is no room of DESIGN.md")
	} else if (top ~ outside) {
		if (inside && (part[1] in may))
			refuse("programs use the public headers")
	} else if (inside) {
		if (!(part[1] in may) || part[2] == "")
			refuse("write \"room/file.h\"")
		else if (index(" " may[room] " ", " " part[1] " ") == 0)
			refuse(room " may not look into " part[1])
	} else if (name ~ /^psymatch\//) {
		target = room_of[name]
		if (room == "service")
			next
		if (target == "")
			refuse("include the headers of the rooms you need; this one belongs to none")
		else if (index(" " may[room] " ", " " target " ") == 0)
			refuse(room " may not look into " target)
	}
}
END { exit bad }' "$tmp/includes" || rc=1
exit $rc
