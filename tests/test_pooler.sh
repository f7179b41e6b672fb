#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# PgBouncer in between: in session mode all is as without it, in transaction
# mode it is refused in words that say what is wanted.
. "$top_srcdir/tests/checks.sh"
PATH=$PATH:/usr/sbin
command -v pgbouncer >/dev/null || skip "pgbouncer is not installed"
if [ -z "${PSYMATCH_TEST_PG:-}" ]; then
	rm -rf "$tmp" # exec takes no trap along
	exec "$top_srcdir/build-aux/with-postgres" "$0"
fi

bouncer=
stop_bouncer() {
	[ -z "$bouncer" ] || kill "$bouncer" 2>/dev/null
	[ -z "$bouncer" ] || wait "$bouncer" 2>/dev/null
	bouncer=
}
trap 'stop_bouncer; rm -rf "$tmp"' EXIT

# It refuses to run as root.
as_server() {
	if [ "$(id -u)" = 0 ]; then exec runuser -u postgres -- "$@"; else exec "$@"; fi
}

# start MODE: DB_HOST and DB_PORT lead through it afterwards.
server=$DB_HOST server_port=$DB_PORT
start() {
	stop_bouncer
	rm -rf "$tmp/$1"
	mkdir "$tmp/$1" && chmod 777 "$tmp" "$tmp/$1"
	echo '"'"$DB_USER"'" ""' >"$tmp/$1/users"
	cat >"$tmp/$1/ini" <<-END
	[databases]
	* = host=$server port=$server_port user=$DB_USER
	[pgbouncer]
	listen_addr =
	unix_socket_dir = $tmp/$1
	listen_port = 6432
	auth_type = any
	auth_file = $tmp/$1/users
	pool_mode = $1
	END
	(as_server pgbouncer -q "$tmp/$1/ini" >"$tmp/$1/log" 2>&1) &
	bouncer=$!
	DB_HOST=$tmp/$1 DB_PORT=6432
	export DB_HOST DB_PORT
	tries=0
	until psql -h "$DB_HOST" -p 6432 -U "$DB_USER" -d postgres -c 'SELECT 1' >/dev/null 2>&1; do
		kill -0 "$bouncer" 2>/dev/null && [ $((tries += 1)) -lt 600 ] || {
			cat "$tmp/$1/log"
			exit 99
		}
	done
}

start session
# Cases that make the server refuse connections mean it without a pooler.
for case in test_session:session test_store:transactions test_dead:dead test_app:therapist test_wakeup:pooled; do
	CK_RUN_CASE=${case#*:} "$top_builddir/tests/${case%:*}" >"$tmp/out" 2>&1 || {
		tail -n 40 "$tmp/out"
		fault "${case%:*} fails through a pooler in session mode"
	}
done

start transaction
"$top_builddir/psymatch-dead" ls >"$tmp/out" 2>&1 && fault "a pooler in transaction mode is not noticed"
grep -q 'want it in session mode' "$tmp/out" || {
	cat "$tmp/out"
	fault "a pooler in transaction mode is refused without the word"
}
exit $rc
