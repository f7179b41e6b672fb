#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The quicker database programs once more for each of the three defaults that a
# database may have for its transactions. In ./check all programs meet the
# strictest of them.
. "$top_srcdir/tests/checks.sh"
[ "${PSM_SANITIZE:-no}" = no ] || skip "the run without sanitizers does it"
[ -z "${PSYMATCH_TEST_PG_DEFAULT:-}" ] || skip "this run has a default already"

programs='test_app test_dead test_import_run test_inbox test_journey test_matching
	test_matching_copy test_migrate test_outbox test_outbox_random_memory
	test_outbox_random_postgres test_parked test_parts test_pg_random
	test_processor test_replay_tx test_upcast test_workers'

# one DEFAULT PROGRAM: its output is shown when it fails.
cat >"$tmp/one" <<'END'
log=$tmp/$2.${1%% *}.log
PSYMATCH_TEST_PG_DEFAULT=$1 "$top_builddir/tests/$2" >"$log" 2>&1 && exit
status=$?
[ $status != 77 ] || exit 0 # no PostgreSQL here
echo "$2 with the default $1: exit $status"
tail -n 30 "$log"
exit 1
END
export tmp
for program in $programs; do
	for default in 'repeatable read' serializable 'read only'; do
		printf '%s\0%s\0' "$default" "$program"
	done
done | "$top_srcdir/build-aux/with-postgres" xargs -0 -n 2 -P 3 sh "$tmp/one" >"$tmp/out" 2>&1
case $? in
0) ;;
77) skip "PostgreSQL is not installed" ;;
*) faults "$tmp/out" ;;
esac
exit $rc
