#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every check of the tree sees the fault it is there for: a small sound tree
# passes, and with one fault planted it does not, and the check says what it is.
real=$top_srcdir
. "$real/tests/checks.sh"
passed=0 failed=0
t=$tmp/tree top_srcdir=$tmp/tree top_builddir=$tmp/tree/build
include_dirs="-I$top_srcdir/include -I$top_builddir/include"
export top_srcdir top_builddir

compile() {
	${CC:-cc} -shared -fPIC -fvisibility=hidden $include_dirs -Wl,--version-script=lib/psymatch.map \
		-o build/.libs/libpsymatch.so lib/event/event.c &&
		${CC:-cc} -shared -fPIC -fvisibility=hidden $include_dirs -Wl,--version-script=lib/psymatch-service.map \
			-o build/.libs/libpsymatch-service.so lib/service/service.c || exit 99
}

# A new copy of the sound tree, to work in.
fresh_tree() {
	rm -rf "$t" && cp -R "$tmp/sound" "$t" && cd "$t" || exit 99
}

verdict() { # what, wanted status, wanted text
	if [ "$status" = "$2" ] && grep -q -e "$3" "$tmp/out"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAILED %s: status %s (want %s), want "%s" in:\n' "$1" "$status" "$2" "$3"
		sed 's/^/    /' "$tmp/out"
	fi
}

# The sound tree passes; says no when a tool is missing that the check needs.
sound() {
	check=$1
	fresh_tree
	"$real/tests/check_$check.sh" >"$tmp/out" 2>&1
	status=$?
	if [ $status = 77 ]; then
		echo "$check: not tried, $(cat "$tmp/out")"
		return 1
	fi
	[ -s "$tmp/out" ] || echo silent >"$tmp/out"
	verdict "$check on a sound tree" 0 '^silent$'
}

# Its standard input is a script that plants the fault.
planted() { # text that the check must print
	fresh_tree
	cat >"$tmp/plant"
	. "$tmp/plant"
	"$real/tests/check_$check.sh" >"$tmp/out" 2>&1
	status=$?
	verdict "$check: $1" 1 "$1"
}

cp -R "$real/tests/data/tree" "$tmp/sound"
chmod -R u+w "$tmp/sound"
mkdir -p "$tmp/sound/tests/data" "$tmp/sound/build/.libs" "$tmp/sound/lib/base" "$tmp/sound/lib/spool" "$tmp/sound/lib/transport/memory" "$tmp/sound/examples"
cp "$real"/tests/checks.sh "$real"/tests/*.awk "$tmp/sound/tests"
cp "$real/.clang-format" "$tmp/sound"
fresh_tree
compile
cp "$t"/build/.libs/* "$tmp/sound/build/.libs"

if sound symbols; then
	planted 'psm_more: in the headers, not in psymatch.map' <<-'END'
	sed -i 's/^PSM_API const/PSM_API void psm_more(void);\n&/' include/psymatch/event.h
	END
	planted 'psm_event_old: in psymatch.map, not in the headers' <<-'END'
	sed -i 's/psm_event_parse;/psm_event_old;\n\t&/' lib/psymatch.map
	END
	planted 'psm_event_type: in psymatch.map, not in libpsymatch.so' <<-'END'
	sed -i 's/psm_event_type/psm_event_tipe/' lib/event/event.c include/psymatch/event.h
	compile
	cp "$tmp/sound/include/psymatch/event.h" include/psymatch/
	END
	planted 'psm_leak: in libpsymatch.so, not in psymatch.map' <<-'END'
	printf 'PSM_API int psm_leak(void);\nint psm_leak(void) { return 1; }\n' >>lib/event/event.c
	sed -i 's/global:/&\n psm_leak;/' lib/psymatch.map
	compile
	cp "$tmp/sound/lib/psymatch.map" lib/
	END
	planted 'psymatch.map: not sorted' <<-'END'
	sed -i '/psm_event_parse;/d; s/psm_event_type;/&\n\tpsm_event_parse;/' lib/psymatch.map
	END
	planted 'psm_service_halt: in the headers, not in psymatch-service.map' <<-'END'
	sed -i 's/^PSM_API/PSM_API void psm_service_halt(void);\n&/' include/psymatch/service.h
	END
	planted 'parse_event: in the static library without the prefix' <<-'END'
	echo 'int parse_event(void); int parse_event(void) { return 0; }' >x.c
	${CC:-cc} -c x.c -o x.o && ar cr build/.libs/libpsymatch.a x.o
	END
fi

if sound headers; then
	planted 'event.h: does not stand alone (-x c -std=c99)' <<-'END'
	sed -i 's/^typedef struct psm_event psm_event;/&\nsize_t psm_size(void);/' include/psymatch/event.h
	END
	planted 'event.h: does not stand alone (-x c++ -std=c++11)' <<-'END'
	sed -i 's/const char \*json/const char *class/' include/psymatch/event.h
	END
	planted 'more.h: not in psymatch.h' <<-'END'
	cp include/psymatch/error.h include/psymatch/more.h
	END
	planted 'event.h: includes <stdio.h>' <<-'END'
	sed -i 's/^#include <psymatch.version.h>/#include <stdio.h>\n&/' include/psymatch/event.h
	END
	planted 'defines a struct' <<-'END'
	sed -i 's/^typedef struct psm_event psm_event;/struct psm_event {\n int a;\n};\n&/' include/psymatch/event.h
	END
	planted 'inline code' <<-'END'
	sed -i 's/^typedef struct psm_event psm_event;/&\nstatic __inline__ int psm_x(void) { return 1; }/' include/psymatch/event.h
	END
	planted 'varargs' <<-'END'
	sed -i 's/(const psm_event \*ev)/(const psm_event *ev, ...)/' include/psymatch/event.h
	END
	planted 'error.h: no SPDX line' <<-'END'
	sed -i 1d include/psymatch/error.h
	END
	planted 'EXAMPLES of the manual do not compile' <<-'END'
	sed -i 's/^.Sh ERRORS/.Sh EXAMPLES\n.Bd -literal\nrc = psm_event_parse(none);\n.Ed\n&/' man/psm_event.3
	END
fi

if sound layers; then
	planted 'lib/base/up.c: includes "event/event.h": base may not look into event' <<-'END'
	echo '#include "event/event.h"' >lib/base/up.c
	END
	planted 'lib/base/up.c: includes <psymatch/json.h>: base may not look into json' <<-'END'
	echo '#  include <psymatch/json.h>' >lib/base/up.c
	END
	planted 'spool may not look into store' <<-'END'
	echo '#include "store/store.h"' >lib/spool/side.c
	END
	planted 'lib/event/y.c: includes <yajl/yajl_parse.h>' <<-'END'
	echo '#include <yajl/yajl_parse.h>' >lib/event/y.c
	END
	planted 'lib/transport/memory/memory.c: includes <librdkafka/rdkafka.h>' <<-'END'
	echo '#include <librdkafka/rdkafka.h>' >lib/transport/memory/memory.c
	END
	planted 'lib/transport/memory/memory.c: includes <openssl/evp.h>' <<-'END'
	echo '#include <openssl/evp.h>' >lib/transport/memory/memory.c
	END
	planted 'lib/spool/db.c: includes <libpq-fe.h>' <<-'END'
	echo '#include <libpq-fe.h>' >lib/spool/db.c
	END
	planted 'lib/base/h.c: includes <curl/curl.h>' <<-'END'
	echo '#include <curl/curl.h>' >lib/base/h.c
	END
	planted 'lib/base/h.c: includes <microhttpd.h>' <<-'END'
	echo '#include <microhttpd.h>' >lib/base/h.c
	END
	planted 'service may not look into event' <<-'END'
	echo '#include "event/event.h"' >lib/service/s.c
	END
	planted 'examples/e.c: includes "base/base.h": programs use the public headers' <<-'END'
	echo '#include "base/base.h"' >examples/e.c
	END
	planted 'belongs to none' <<-'END'
	echo '#include <psymatch/psymatch.h>' >lib/base/all.c
	END
	planted 'write "room/file.h"' <<-'END'
	echo '#include "event.h"' >lib/event/near.c
	END
	planted 'lib/attic is no room' <<-'END'
	mkdir lib/attic
	echo '#include <string.h>' >lib/attic/a.c
	END
fi

if sound style; then
	planted 'README.md: 81 lines' <<-'END'
	yes | head -n 81 >README.md
	END
	planted 'lib/event/event.c: no SPDX line' <<-'END'
	sed -i 1d lib/event/event.c
	END
	planted 'event.c:2: a carriage return' <<-'END'
	sed -i 's/^#include.*/&\r/' lib/event/event.c
	END
	planted 'README.md:1: blanks at the end' <<-'END'
	echo 'a ' >README.md
	END
	planted 'README.md: no newline at the end' <<-'END'
	printf a >README.md
	END
	planted 'data.bin: a binary file' <<-'END'
	printf 'a\000b\n' >tests/data/data.bin
	END
	planted 'lib/event/long.c: 702 lines' <<-'END'
	{ head -n 2 lib/event/event.c; yes '' | head -n 700; } >lib/event/long.c
	END
	planted 'include/psymatch/event.h:[0-9]*: more than 80 columns' <<-'END'
	printf '/* %090d */\n' 0 >>include/psymatch/event.h
	END
	planted 'lib/event/event.c:.*a function of 102 lines' <<-'END'
	{ printf 'void\nf(void)\n{\n'; yes '	;' | head -n 101; echo '}'; } >>lib/event/event.c
	END
	for call in 'malloc(1)' 'strdup(p)' 'free(p)'; do
		planted "lib/event/event.c:.*$call.*memory comes from" <<-END
		printf 'void f(void *p) {\n\t$call;\n}\n' >>lib/event/event.c
		END
	done
	planted 'writes to no stream' <<-'END'
	echo '	fputs("x", stderr);' >>lib/event/event.c
	END
	planted 'writes to no stream' <<-'END'
	echo '	printf("x");' >>lib/event/event.c
	END
	planted 'never ends the process' <<-'END'
	echo '	exit(1);' >>lib/event/event.c
	END
	planted 'there is a checked way' <<-'END'
	echo '	strcpy(a, b);' >>lib/event/event.c
	END
	planted 'two of that name' <<-'END'
	echo '	strerror_r(1, a, 9);' >>lib/event/event.c
	END
	planted 'tests/test_x.c:2:.*wait for a condition' <<-'END'
	printf '/* SPDX-License-Identifier: BSD-2-Clause */\n\tusleep(10);\n' >tests/test_x.c
	END
	planted 'tests/x.py:2:.*wait for a condition' <<-'END'
	printf '# SPDX-License-Identifier: BSD-2-Clause\ntime.sleep(1)\n' >tests/x.py
	END
	planted 'README.md:1:.*left open' <<-'END'
	echo "a TO""DO" >README.md
	END
	planted 'a merge was left open' <<-'END'
	echo '<<<<<<< HEAD' >README.md
	END
fi

if sound format; then
	planted 'lib/event/event.c: clang-format -i would change it' <<-'END'
	echo 'int  x;' >>lib/event/event.c
	END
fi

if sound clang; then
	planted "lib/event/event.c:.*missing field 'b' initializer" <<-'END'
	printf 'struct x { int a, b; };\nextern struct x x;\nstruct x x = {1};\n' >>lib/event/event.c
	END
	planted 'lib/event/event.c:.*unused' <<-'END'
	echo 'static int unused_one;' >>lib/event/event.c
	END
fi

if sound names; then
	planted "README.md:1:.*a registry's host" <<-'END'
	echo "from https://py""pi.org/simple" >README.md
	END
	planted "lib/event/event.c:1:.*a registry's host" <<-'END'
	echo "/* crates"".io */" >lib/event/event.c
	END
	planted "README.md:1:.*a folder of somebody's machine" <<-'END'
	echo "see /ho""me/somebody/psymatch" >README.md
	END
fi

if sound man; then
	planted 'psm_event_type: in the NAME of no page' <<-'END'
	sed -i '/^\.Nm psm_event_type/d' man/psm_event.3
	END
	planted 'psm_event_old: in a NAME, but no header declares it' <<-'END'
	sed -i 's/^\.Nm psm_event_type/.Nm psm_event_old ,\n&/' man/psm_event.3
	END
	planted 'psm_service_run: in the NAME of more than one page' <<-'END'
	sed -i 's/^\.Nm psm_event_type/.Nm psm_service_run ,\n&/' man/psm_event.3
	END
	planted 'psm_event_parse: header psymatch/event.h says "int psm_event_parse(const char \*json, psm_event \*\*out)"' <<-'END'
	sed -i 's/const char \*json/const void *json/' man/psm_event.3
	END
	planted 'psm_event_type: manual (psymatch/event.h) says "char \*psm_event_type' <<-'END'
	sed -i 's/^\.Ft const char/.Ft char/' man/psm_event.3
	END
	planted 'manual (psymatch/error.h)' <<-'END'
	sed -i 's,^\.In psymatch/event.h,.In psymatch/error.h,' man/psm_event.3
	END
	planted 'PSM_ERR_NOPE: the manual names it' <<-'END'
	sed -i 's/PSM_ERR_NOMEM/PSM_ERR_NOPE/' man/psm_event.3
	END
	planted 'refers to psm_nothing(3)' <<-'END'
	sed -i 's/^\.Xr.*/.Xr psm_nothing 3/' man/psm_event.3
	END
	planted 'psm_event_parse: the header lists PSM_ERR_IO, ERRORS of the manual does not' <<-'END'
	sed -i 's/^ \*   PSM_ERR_NOMEM/ *   PSM_ERR_IO     no file;\n&/' include/psymatch/event.h
	END
	planted 'event.h:[0-9]*: several codes in a row' <<-'END'
	sed -i 's/^ \*   PSM_ERR_NOMEM  /&, PSM_ERR_IO  /; s/PSM_ERR_NOMEM  ,/PSM_ERR_NOMEM,/' include/psymatch/event.h
	END
	planted 'event.h:[0-9]*: a code in the middle of a line' <<-'END'
	sed -i 's/^ \*   PSM_ERR_NOMEM/ * no file; PSM_ERR_NOMEM/' include/psymatch/event.h
	END
	planted 'event.h:[0-9]*: two rows of a list in one line' <<-'END'
	sed -i 's/^ \*   PSM_ERR_NOMEM  .*/& PSM_ERR_IO: no file./' include/psymatch/event.h
	END
	planted 'event.h:[0-9]*: two rows of a list in one line' <<-'END'
	sed -i 's/^ \* @return/ * @param x  "sent": rows; "waiting": others.\n&/' include/psymatch/event.h
	END
	planted 'event.h:[0-9]*: what belongs to a row begins in the first column' <<-'END'
	sed -i 's/^ \* @return/ * @param x  a row of which\n * a part is torn.\n&/' include/psymatch/event.h
	END
	planted 'psm_event.3:[0-9]*: PSM_ERR_IO hides below PSM_ERR_NOMEM' <<-'END'
	sed -i 's/^out of memory/&;\n.Dv PSM_ERR_IO\nno file/' man/psm_event.3
	END
	planted 'psm_event.3:[0-9]*: PSM_ERR_IO hides below PSM_ERR_NOMEM' <<-'END'
	sed -i 's/^out of memory/.Dv PSM_ERR_IO\n&/' man/psm_event.3
	END
	planted 'WARNING' <<-'END'
	sed -i 's/^\.Dd.*/.Dd when/' man/psm_event.3
	END
fi

# Two files of one folder, one uses the other.
mkdir -p "$tmp/sound/build/lib/event"
objects() {
	for file in a b; do
		${CC:-cc} -c -o build/lib/event/$file.o lib/event/$file.c || exit 99
	done
}
(
	cd "$tmp/sound" || exit 99
	echo 'void psm__a(void) {}' >lib/event/a.c
	echo 'void psm__a(void); void psm__b(void) { psm__a(); }' >lib/event/b.c
	objects
) || exit 99
mkdir -p "$tmp/sound/examples/compose"
printf '    {"ONE_TWO", STRING, "", "", 0, 0, NULL, "x"},\n' >"$tmp/sound/lib/base/config_table.c"
printf '\tread("ONE_TWO");\n' >"$tmp/sound/lib/base/reader.c"
printf '      ONE_TWO: 3\n      POSTGRES_DB: x\n' >"$tmp/sound/examples/compose/docker-compose.yml"
if sound settings; then
	planted 'ONE_TWO: no code reads this setting' <<-'END'
	rm lib/base/reader.c
	END
	planted 'docker-compose.yml: TWO_ONE is no setting' <<-'END'
	printf '      TWO_ONE: 3\n' >>examples/compose/docker-compose.yml
	END
fi
rm -r "$tmp/sound/examples/compose" "$tmp/sound/lib/base/config_table.c" "$tmp/sound/lib/base/reader.c"

if sound circles; then
	planted 'lib/event/a -> lib/event/b: psm__b' <<-'END'
	echo 'void psm__b(void); void psm__a(void) { psm__b(); }' >lib/event/a.c
	objects
	END
fi

# A test for each number, and one that goes.
for n in $(seq 28 88) S1 S2 S3 S4 S5 S6 S7 S8 S9 S10 S11 S12 S13; do
	echo "START_TEST(fault_${n}_x)"
done >"$tmp/sound/tests/test_numbers.c"
for n in 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16; do
	echo "START_TEST(c${n}_p${n}_x)"
done >>"$tmp/sound/tests/test_numbers.c"
echo 'START_TEST(invariant_1_2_3_4_5_6_7_8_9_10_x)' >>"$tmp/sound/tests/test_numbers.c"
if sound faults; then
	planted 'no test is named after fault_40' <<-'END'
	sed -i '/fault_40_/d' tests/test_numbers.c
	END
	planted 'no test is named after fault_S1$' <<-'END'
	sed -i '/fault_S1_/d' tests/test_numbers.c
	END
	planted 'no test is named after p07' <<-'END'
	sed -i 's/p07_//' tests/test_numbers.c
	END
	planted 'no test is named after invariant_3' <<-'END'
	sed -i 's/invariant_1_2_3/invariant_1_2/' tests/test_numbers.c
	END
fi

cd "$real" || exit 99
total=$((passed + failed))
[ $total -gt 0 ] || exit 99
printf '%d%%: Checks: %d, Failures: %d, Errors: 0\n' $((passed * 100 / total)) $total $failed
[ $failed = 0 ]
