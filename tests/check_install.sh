#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What make install puts down is enough for others: programs outside the tree
# are built with nothing but pkg-config, against the shared library and against
# the static one (--static: ours is static, the libraries below it come as they
# come), and run. The program of README.md is one of them. make uninstall takes
# everything away again. Installing links anew inside the build tree, so this
# runs after all other tests.
. "$top_srcdir/tests/checks.sh"
unset MAKEFLAGS MFLAGS MAKELEVEL GNUMAKEFLAGS MAKEOVERRIDES
pkg_config=${PKG_CONFIG:-pkg-config}
command -v "$pkg_config" >/dev/null || skip "no pkg-config"
dest=$tmp/dest

into_dest() { # install or uninstall
	${MAKE:-make} -s -C "$top_builddir" "$1" DESTDIR="$dest" >"$tmp/$1" 2>&1 && return
	tail -n 20 "$tmp/$1"
	fault "make $1 failed"
	exit $rc
}

into_dest install
libdir=$dest$(PKG_CONFIG_PATH=$top_builddir "$pkg_config" --variable=libdir psymatch)
mandir=$(find "$dest" -type d -name man3)
# Only what was installed; the root of all paths in the .pc files is DESTDIR.
PKG_CONFIG_LIBDIR=$libdir/pkgconfig:$("$pkg_config" --variable pc_path pkg-config)
PKG_CONFIG_SYSROOT_DIR=$dest
export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR

sanitize=
case ${PSM_SANITIZE:-no} in no) ;; *) sanitize=-fsanitize=$PSM_SANITIZE ;; esac

# The first C program of README.md, and the example that is the same.
awk '/^```/ { if (on) exit; on = /^```c$/; next } on' "$top_srcdir/README.md" >"$tmp/readme.c"
[ -s "$tmp/readme.c" ] || fault "README.md: no C program found"
sed '1,/\*\/$/d' "$top_srcdir/examples/09_send_one.c" | diff "$tmp/readme.c" - ||
	fault "README.md: its program is not examples/09_send_one.c (above: < README.md)"

cat >"$tmp/send.c" <<'END'
#include <psymatch/psymatch.h>
#include <string.h>

int
main(void)
{
	const char *payload = "{\"therapist_id\":7,\"therapist_data\":{\"id\":7}}";
	psm_config *cfg = NULL;
	psm_transport *t = NULL;
	psm_producer *p = NULL;
	psm_event *ev = NULL;
	size_t left = 1;
	int rc;

	if ((rc = psm_config_from_env(&cfg, NULL)) == 0 &&
	    (rc = psm_transport_memory(1, &t, NULL)) == 0 &&
	    (rc = psm_producer_new(t, cfg, &p, NULL)) == 0 &&
	    (rc = psm_producer_start(p, NULL)) == 0 &&
	    (rc = psm_event_new("therapist.unblocked", "therapist-service", payload, strlen(payload), &ev, NULL)) == 0 &&
	    (rc = psm_producer_send(p, NULL, ev, NULL)) == 0)
		rc = psm_producer_close(p, 5000, &left, NULL);
	psm_event_free(ev);
	psm_producer_free(p);
	psm_transport_unref(t);
	psm_config_free(cfg);
	return rc != 0 || left != 0 || strcmp(psm_version(), PSM_VERSION) != 0;
}
END
cat >"$tmp/service.c" <<'END'
#include <psymatch/psymatch.h>
#include <psymatch/service.h>

int
main(void)
{
	psm_config *cfg = NULL;
	psm_service *svc = NULL;
	int rc;

	if ((rc = psm_config_from_env(&cfg, NULL)) == 0)
		rc = psm_service_new("downstream", cfg, &svc, NULL);
	psm_service_free(svc);
	psm_config_free(cfg);
	return rc != 0;
}
END

build_and_run() { # program, package, --static or nothing, arguments
	how=${3:-shared}
	# The flags are words: they are meant to be split.
	flags=$("$pkg_config" $3 --cflags --libs "$2") || { fault "pkg-config $3 $2 failed"; return; }
	${CC:-cc} -std=c99 -Wall -Werror $sanitize -o "$tmp/$1" "$tmp/$1.c" $flags >"$tmp/out" 2>&1 || {
		sed 's/^/    /' "$tmp/out"
		fault "$1.c does not build with pkg-config $3 --cflags --libs $2"
		return
	}
	if [ "$how" = shared ]; then path=$libdir; else path=; fi
	binary=$tmp/$1
	shift 3
	env LD_LIBRARY_PATH="$path" XDG_STATE_HOME="$tmp/state" PSYMATCH_TRANSPORT=memory "$binary" "$@" >"$tmp/out" 2>&1
	status=$?
}

# By find_package(); what is installed is not where it was made for.
if command -v cmake >/dev/null; then
	mkdir "$tmp/cmake"
	cat >"$tmp/cmake/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.13)
project(use C)
find_package(psymatch 99.0 QUIET)
if(psymatch_FOUND)
	message(FATAL_ERROR "psymatch says that it is as new as 99.0")
endif()
find_package(psymatch ${WANTED} REQUIRED)
add_executable(send ../send.c)
target_link_libraries(send psymatch::psymatch)
add_executable(service ../service.c)
target_link_libraries(service psymatch::psymatch-service)
END
else
	echo "no cmake: find_package(psymatch) was not tried"
fi
with_cmake() { # shared or static
	[ -d "$tmp/cmake" ] || return
	build=$tmp/cmake-$1
	cmake -S "$tmp/cmake" -B "$build" -DCMAKE_PREFIX_PATH="${libdir%/lib*}" -DCMAKE_C_FLAGS="$sanitize" \
		-DWANTED="$("$pkg_config" --modversion psymatch)" >"$tmp/out" 2>&1 &&
		cmake --build "$build" >>"$tmp/out" 2>&1 || { fault "cmake, $1: $(tail -n 20 "$tmp/out")"; return; }
	for program in send service; do
		env XDG_STATE_HOME="$tmp/state" PSYMATCH_TRANSPORT=memory "$build/$program" >"$tmp/out" 2>&1 ||
			fault "cmake, $1: $program: $(cat "$tmp/out")"
	done
}

all_programs() { # --static or nothing
	status=0
	build_and_run readme psymatch "$1"
	[ "$status $(cat "$tmp/out")" = "0 accepted" ] || fault "readme $1: status $status: $(cat "$tmp/out")"
	for program in send:psymatch service:psymatch-service; do
		build_and_run ${program%:*} ${program#*:} "$1"
		[ $status = 0 ] || fault "${program%:*} $1: status $status: $(cat "$tmp/out")"
	done
}

all_programs ''
with_cmake shared
# The examples by the Makefile that is installed with them.
examples=$(find "$dest" -type d -path '*/doc/psymatch/examples')
cp -R "$examples" "$tmp/examples"
${MAKE:-make} -s -C "$tmp/examples" CC="${CC:-cc}" CFLAGS="$sanitize" PKG_CONFIG="$pkg_config" >"$tmp/out" 2>&1 ||
	fault "the installed examples: $(tail -n 20 "$tmp/out")"
said=$(LD_LIBRARY_PATH=$libdir "$tmp/examples/01_parse_event" 2>&1 | diff - "$top_srcdir/tests/data/examples/01_parse_event.out") ||
	fault "the installed 01_parse_event: $said"
# Without the shared libraries the linker takes the static ones.
mkdir "$tmp/shared"
mv "$libdir"/libpsymatch*.so* "$tmp/shared" || exit 99
if [ -e "$libdir/libpsymatch.a" ]; then
	all_programs --static
	with_cmake static
else
	fault "no static library was installed"
fi
mv "$tmp/shared"/* "$libdir"

# What configure says of hardening is true of the library.
flags=$(sed -n 's/^PSM_CFLAGS = //p; s/^PSM_LDFLAGS = //p' "$top_builddir/Makefile")
has() { # flag, file, readelf option, what it shows then
	case $flags in *"$1"*) ;; *) return ;; esac
	readelf -W "$3" "$libdir/$2" | grep -qE "$4" || fault "$2 was built with $1, readelf $3 does not show $4"
}
if command -v readelf >/dev/null && [ -z "$sanitize" ]; then
	so=libpsymatch.so
	has -Wl,-z,now $so -d 'BIND_NOW'
	has -Wl,-z,relro $so -l 'GNU_RELRO'
	has -Wl,-z,noexecstack $so -l 'GNU_STACK .* RW '
	has -fstack-protector-strong $so --dyn-syms '__stack_chk_fail'
	has FORTIFY_SOURCE=3 $so --dyn-syms '__[a-z]+_chk'
	# The linker says so of the whole only if the compiler's own objects have it.
	has -fcf-protection libpsymatch.a -n 'x86 feature: .*IBT'
	has -mbranch-protection libpsymatch.a -n 'AArch64 feature: .*BTI'
fi

# man finds every function and every type, and one page of each name.
for h in "$top_srcdir"/include/psymatch/*.h; do
	prototypes_of "$h" | cut -f1
	sed -n 's/^typedef struct [a-z_]* \([a-z0-9_]*\);$/\1/p; s/^typedef [^(]*(\*\([a-z0-9_]*\)).*/\1/p' "$h"
done | while read -r name; do
	[ -e "$mandir/$name.3" ] || echo "man $name finds nothing"
done >"$tmp/lines"
faults "$tmp/lines"

# In a mount namespace /usr/local and /etc are copies, so that make install can
# be tried as README.md has it: what it puts down works without any variable.
cat >"$tmp/real.sh" <<'END'
cd "$tmp/real" || exit 9
mount -t tmpfs tmpfs . && mkdir local local.work etc etc.work &&
	mount -t overlay overlay -o lowerdir=/usr/local,upperdir=local,workdir=local.work /usr/local &&
	mount -t overlay overlay -o lowerdir=/etc,upperdir=etc,workdir=etc.work /etc || exit 9
unset PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH PYTHONPATH
${MAKE:-make} -s -C "$top_builddir" install >"$tmp/real.log" 2>&1 || { tail -n 20 "$tmp/real.log"; exit 1; }
${CC:-cc} -std=c99 $sanitize -o "$tmp/real.out" "$tmp/readme.c" $("$pkg_config" --cflags --libs psymatch) || exit 1
[ "$(XDG_STATE_HOME="$tmp/state" PSYMATCH_TRANSPORT=memory "$tmp/real.out")" = accepted ] || exit 1
/usr/local/bin/psymatch-topics --version || exit 1
for name in psymatch psm_tx psm_receipt psymatch-settings matching-service; do
	if command -v man >/dev/null; then man -w "$name" >/dev/null || exit 1; fi
done
found=$(find /usr/local/lib/python3* -path '*/psymatch/__init__.py' 2>/dev/null) || :
where=${found%/psymatch/*}
if [ -n "$found" ] && "$PYTHON" -c 'import site, sys; sys.exit(sys.argv[1] not in site.getsitepackages())' "$where"; then
	[ "$PSM_SANITIZE" != no ] || "$PYTHON" -c 'import psymatch; psymatch.catalogue()' || exit 1
fi
END
export tmp pkg_config sanitize
mkdir "$tmp/real"
if [ "$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")" = /usr/local ] && unshare -m true 2>/dev/null; then
	unshare -m sh "$tmp/real.sh" >"$tmp/out" 2>&1
	case $? in
	0) ;;
	9) echo "no overlays here: make install was not tried in its real place" ;;
	*) fault "after make install: $(cat "$tmp/out")" ;;
	esac
fi

into_dest uninstall
find "$dest" ! -type d -o -name psymatch | sed 's/^/left behind by make uninstall: /' >"$tmp/lines"
faults "$tmp/lines"
exit $rc
