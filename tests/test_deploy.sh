#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What runs the services: compose files, Dockerfile and systemd units name
# programs, settings and ports that exist, and the tools that read them agree.
. "$top_srcdir/tests/checks.sh"

deploy=$top_srcdir/examples

# -- create-topics.sh hands its settings to the tool
mkdir "$tmp/bin"
printf '#!/bin/sh\necho "$@"\n' >"$tmp/bin/psymatch-topics"
chmod +x "$tmp/bin/psymatch-topics"
said=$(PATH=$tmp/bin:$PATH sh "$deploy/compose/create-topics.sh")
[ "$said" = '--wait 120 apply' ] || fault "create-topics.sh calls psymatch-topics $said"
said=$(PATH=$tmp/bin:$PATH WAIT_SECONDS=5 PARTITIONS=6 REPLICATION=3 RETENTION_DAYS=30 sh "$deploy/compose/create-topics.sh")
[ "$said" = '--wait 5 --partitions 6 --replication 3 --retention-days 30 apply' ] ||
	fault "create-topics.sh calls psymatch-topics $said"

# -- the files against the library's tables
[ -e "$top_builddir/psymatch-platform" ] || skip "psymatch-platform is not built here"
"$top_builddir/examples/settings" >"$tmp/settings" || fault "examples/settings failed"
sed -n 's/^\([A-Z]*\)_SERVICE_INTERNAL_PORT.*/\1-service/p' "$tmp/settings" | tr '[:upper:]' '[:lower:]' >"$tmp/services"
python=
for p in "$PYTHON" python3 /usr/bin/python3; do
	[ -z "$python" ] && "$p" -c 'import yaml' 2>/dev/null && python=$p
done
if [ -n "$python" ]; then
	"$python" "$top_srcdir/tests/deploy.py" "$deploy" "$tmp/settings" "$tmp/services" "$top_builddir" || rc=1
else
	echo "no python3-yaml: the compose files were not read"
fi

# -- what the tools themselves say
if command -v docker-compose >/dev/null; then
	sed 's/^\(DB_PASSWORD\|SMTP_HOST\)=/&x/' "$deploy/compose/env.example" >"$tmp/env"
	for file in docker-compose docker-compose.postgres; do
		(cd "$tmp" && docker-compose --env-file env -f "$deploy/compose/$file.yml" config -q) >"$tmp/lines" 2>&1 ||
			fault "docker-compose refuses $file.yml: $(cat "$tmp/lines")"
		# Without a password nothing starts.
		(cd "$tmp" && docker-compose --env-file "$deploy/compose/env.example" -f "$deploy/compose/$file.yml" config -q) \
			>/dev/null 2>&1 && fault "$file.yml is accepted without a password"
	done
else
	echo "no docker-compose: it was not asked"
fi
if systemd-analyze security --help 2>/dev/null | grep -q -- --threshold; then
	for unit in 'psymatch@.service' psymatch-platform.service; do
		systemd-analyze security --offline=yes --no-pager --threshold=30 "$deploy/systemd/$unit" >"$tmp/lines" 2>&1 ||
			fault "$unit: $(tail -n 1 "$tmp/lines")"
	done
else
	echo "no systemd-analyze: it was not asked"
fi
exit $rc
