#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The description of each service, and of all at one port, is valid OpenAPI, as
# the validator openapi-spec-validator (from PyPI) sees it.
. "$top_srcdir/tests/checks.sh"

"${PYTHON:-python3}" -c 'import openapi_spec_validator' 2>/dev/null ||
	skip "no openapi-spec-validator to ask; test_openapi looks at routes and references"
TESTING_OPENAPI=$tmp "$top_builddir/tests/test_openapi" >"$tmp/log" 2>&1 || {
	cat "$tmp/log"
	fault "test_openapi failed"
}
"${PYTHON:-python3}" - "$tmp"/*.json <<'EOF' || rc=1
import json
import sys

import openapi_spec_validator

assert len(sys.argv) == 1 + 6, sys.argv
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as f:
        openapi_spec_validator.validate(json.load(f))
EOF
exit $rc
