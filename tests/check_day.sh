#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_day.sh [platform|five]: a day of work of the services while their neighbours fail, see day.py. Without a word it
# is the short form, for make check.
. "$top_srcdir/tests/checks.sh"
case ${PSM_SANITIZE:-no} in no) ;; *) skip "its limits are for programs without a sanitizer" ;; esac
[ -e "$top_builddir/psymatch-platform" ] || skip "psymatch-platform is not built here"
command -v psql >/dev/null || skip "no psql"
python=
for p in "${PYTHON:-}" /usr/bin/python3; do
	[ -z "$python" ] && "$p" -c 'import aiosmtpd' 2>/dev/null && python=$p
done
[ -n "$python" ] || skip "no aiosmtpd"
export PSYMATCH_TEMPLATE_DIR="$top_srcdir/share/psymatch/templates"
"$top_srcdir/build-aux/with-postgres" --private "$python" -B "$top_srcdir/tests/day.py" "$top_builddir" "${1:-short}"
