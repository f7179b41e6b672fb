#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The compose files as processes: each service starts when what it needs is
# healthy, its health check fails before and succeeds then, and it ends well.
# The file with Kafka where there is one:
#   build-aux/with-kafka tests/test_compose.sh
. "$top_srcdir/tests/checks.sh"
[ "${PSM_SANITIZE:-no}" = no ] || skip "the run without sanitizers does it"
[ -e "$top_builddir/psymatch-platform" ] || skip "psymatch-platform is not built here"
command -v curl >/dev/null || skip "no curl: the health checks need it"
command -v psql >/dev/null || skip "no psql: the health checks need it"
python=
for p in "$PYTHON" python3 /usr/bin/python3; do
	[ -z "$python" ] && "$p" -c 'import yaml' 2>/dev/null && python=$p
done
[ -n "$python" ] || skip "no python3-yaml: the compose files were not read"
if [ -z "${PSYMATCH_TEST_PG:-}" ]; then
	rm -rf "$tmp" # exec takes no trap along
	exec "$top_srcdir/build-aux/with-postgres" "$0"
fi

# run FILE: on a database of its own.
run() {
	name=psymatch_compose_$$_${1%%.yml}
	name=$(printf '%s' "$name" | tr '.-' '__')
	export PGHOST="$DB_HOST" PGPORT="$DB_PORT" PGUSER="$DB_USER"
	psql -qd postgres -c "CREATE DATABASE $name TEMPLATE template0" || exit 99
	DB_NAME=$name "$python" -B "$top_srcdir/tests/compose.py" "$top_srcdir/examples/compose/$1" "$top_builddir" "$tmp/$1" || rc=1
	psql -qd postgres -c "DROP DATABASE $name WITH (FORCE)" || rc=1
}

mkdir "$tmp/docker-compose.yml" "$tmp/docker-compose.postgres.yml"
run docker-compose.postgres.yml
if [ -n "${KAFKA_HOME_DIR:-}" ]; then
	run docker-compose.yml
else
	echo "no Kafka: docker-compose.yml was not started"
fi
exit $rc
