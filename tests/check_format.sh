#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# .clang-format decides how C looks. Other versions of the tool decide otherwise,
# so only this one is asked.
. "$top_srcdir/tests/checks.sh"
version=14

tool=
for candidate in ${CLANG_FORMAT:-} clang-format-$version clang-format; do
	command -v "$candidate" >/dev/null || continue
	"$candidate" --version | grep -q "version $version\." && tool=$candidate && break
done
[ -n "$tool" ] || skip "no clang-format $version"
cd "$top_srcdir" || exit 99
tree '\.[ch]$' >"$tmp/c"
# All at once; then those that it complains of, for what they would be.
tr '\n' '\000' <"$tmp/c" | xargs -0 "$tool" --style=file --dry-run 2>"$tmp/said" || exit 99
sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: .*-Wclang-format-violations.*/\1/p' "$tmp/said" | sort -u >"$tmp/bad"
while IFS= read -r file; do
	fault "$file: clang-format -i would change it:"
	"$tool" --style=file "$file" | diff -u "$file" - | head -n 12
done <"$tmp/bad"
exit $rc
