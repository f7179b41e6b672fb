#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# psymatch-tutorial(7), as it stands: its programs are compiled, its commands run
# one after the other in one shell, and each prints the lines below it.
case ${PSM_SANITIZE:-no} in no) ;; *) echo "skipped: the programs are built without sanitizers" && exit 77 ;; esac
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM
mkdir "$dir/bin" "$dir/work"

# Blocks of the page: a program goes into the file named before it, the others
# are commands ("$ ") and what they print.
awk -v dir="$dir" -v q="'" '
/^\.Pa [a-z]*\.c/ { file = $2 }
/^\.Bd -literal/ { block = 1; program = 0; next }
/^\.Ed/ { block = 0; next }
!block { next }
{ gsub(/\\e/, "\\") }
/^#include/ && block == 1 { program = 1 }
{ block = 2 }
program { print >(dir "/work/" file); next }
/^\$ / { n++; print substr($0, 3) >(dir "/command." n); next }
{ print >(dir "/expected." n) }
END { print n >(dir "/count") }' "$top_srcdir/man/psymatch-tutorial.7"
count=$(cat "$dir/count")

# The library and the tools are those of the build tree.
cat >"$dir/bin/pkg-config" <<END
#!/bin/sh
echo "-I$top_srcdir/include -I$top_builddir/include -L$top_builddir/.libs -lpsymatch -Wl,-rpath,$top_builddir/.libs"
END
chmod +x "$dir/bin/pkg-config"
cat >"$dir/script" <<END
cd "$dir/work"
trap 'kill \$broker \$handle 2>/dev/null; wait' EXIT
PATH=$dir/bin:$top_builddir:\$PATH PSYMATCH_TRANSPORT=kafka
export PATH PSYMATCH_TRANSPORT
END
i=1
while [ $i -le "$count" ]; do
	printf '{\n%s\n} >%s 2>&1\n' "$(cat "$dir/command.$i")" "$dir/said.$i" >>"$dir/script"
	i=$((i + 1))
done
command -v psql >/dev/null || { echo "skipped: no psql" && exit 77; }
timeout 120 "$top_srcdir/build-aux/with-postgres" --private bash "$dir/script" >"$dir/out" 2>&1
rc=$?
[ $rc != 77 ] || { cat "$dir/out"; exit 77; }
failed=0
[ $rc = 0 ] || { cat "$dir/out"; echo "the tutorial ended with $rc"; failed=1; }
i=1
while [ $i -le "$count" ]; do
	[ ! -e "$dir/expected.$i" ] || while IFS= read -r line; do
		grep -qF -- "$line" "$dir/said.$i" 2>/dev/null && continue
		echo "want: $line"
		sed 's/^/    $ /' "$dir/command.$i"
		sed 's/^/    /' "$dir/said.$i"
		failed=1
		break
	done <"$dir/expected.$i"
	i=$((i + 1))
done
[ "$count" -gt 20 ] || { echo "only $count commands were found"; failed=1; }
[ $failed = 0 ] || cat "$dir"/work/*.log
exit $failed
