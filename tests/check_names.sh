#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The tree names no host of a package registry (packages come by name, from
# wherever the machine gets them) and no folder of a developer's machine.
. "$top_srcdir/tests/checks.sh"

registries='pypi[.]org|pythonhosted[.]org|anaconda[.]org|npmjs[.](org|com)|yarnpkg[.]com|maven[.](org|apache[.]org)|apache[.]org/maven|gradle[.]org|golang[.]org|goproxy[.]|crates[.]io|rubygems[.]org|packagist[.]org|nuget[.]org|debian[.]org|ubuntu[.]com|fedoraproject[.]org|docker[.](io|com)|ghcr[.]io|quay[.]io|gcr[.]io|githubusercontent[.]com|huggingface[.]co'
folders='(^|[^A-Za-z0-9_.~}-])/(home|root|work|Users)/[A-Za-z0-9_.]'

tree . | grep -vE '^tests/check_names\.sh$' >"$tmp/files"
named() { # how, what, why
	(cd "$top_srcdir" && tr '\n' '\000' <"$tmp/files" | xargs -0 grep -nH "$1" "$2") | sed "s/\$/   <- $3/"
}
{
	named -iE "(^|[^A-Za-z0-9-])($registries)" "a registry's host"
	named -E "$folders" "a folder of somebody's machine"
} >"$tmp/lines"
faults "$tmp/lines"
exit $rc
