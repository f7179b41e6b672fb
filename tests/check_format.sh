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
while IFS= read -r file; do
	"$tool" --style=file "$file" >"$tmp/formatted" || exit 99
	diff -u "$file" "$tmp/formatted" >"$tmp/diff" || {
		fault "$file: clang-format -i would change it:"
		head -n 12 "$tmp/diff"
	}
done <"$tmp/c"
exit $rc
