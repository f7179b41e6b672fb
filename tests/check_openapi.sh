#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The description of the therapist service is valid OpenAPI, as the validator
# openapi-spec-validator (from PyPI) sees it.
. "$top_srcdir/tests/checks.sh"

"${PYTHON:-python3}" -c 'import openapi_spec_validator' 2>/dev/null ||
	skip "no openapi-spec-validator to ask; test_rest looks at routes and references"
TESTING_OPENAPI=$tmp/openapi.json CK_RUN_CASE=description "$top_builddir/tests/test_rest" >"$tmp/log" 2>&1
case $? in
0) ;;
77) skip "no PostgreSQL to run the service with" ;;
*) cat "$tmp/log"; fault "test_rest failed" ;;
esac
[ -s "$tmp/openapi.json" ] || fault "test_rest kept no description"
"${PYTHON:-python3}" - "$tmp/openapi.json" <<'EOF' || rc=1
import json
import sys

import openapi_spec_validator

with open(sys.argv[1], encoding="utf-8") as f:
    openapi_spec_validator.validate(json.load(f))
EOF
exit $rc
