# SPDX-License-Identifier: BSD-2-Clause
# The EXAMPLES of manual pages as one C source: for each page a function, behind
# those that the example defines. Objects that an example does not declare have
# the names that they have everywhere.
BEGIN {
	print "#include <psymatch/psymatch.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>"
	print "extern int rc;\nextern size_t i, len, waiting;\nextern int64_t since_us;"
	print "extern char *json, *out, *patient, *text;\ntypedef struct psm_config psm_config;\nextern const psm_config *cfg;"
	n = split("bundle b consumer c error err event ev geo geo geo_client client handlers hs import_status status jobs jobs json doc json_writer w processor pr producer p relay r rows rows service svc store st store store transport t tx tx", name)
	for (k = 1; k < n; k += 2)
		printf "typedef struct psm_%s psm_%s;\nextern psm_%s *%s;\n", name[k], name[k], name[k], name[k + 1]
	callback["render"] = "psm_mail_render_fn"
	callback["send"] = callback["report"] = "psm_job_fn"
	callback["on_event"] = "psm_event_fn"
}
function flush() {
	for (k in callback)
		if (code ~ "[( ]" k "[,)]")
			printf "extern %s %s;\n", callback[k], k
	if (code functions != "")
		printf "%s\nint example_%s(void);\nint\nexample_%s(void)\n{\n%s\nreturn rc;\n}\n",
			functions, page, page, code
	functions = code = ""
}
FNR == 1 {
	flush()
	page = FILENAME
	sub(/.*\//, "", page)
	gsub(/[^A-Za-z0-9_]/, "_", page)
	examples = literal = inside = 0
}
/^\.Sh / { examples = $2 == "EXAMPLES"; next }
/^\.Bd/ { literal = examples; next }
/^\.Ed/ { literal = 0; next }
!literal || /^#include/ { next }
/^static [a-z_ ]*\*?$/ || /^(int|void)$/ { inside = 1 }
{
	gsub(/\\e/, "\\")
	gsub(/\\&/, "")
	if (/^main\(/)
		sub(/^main/, "main_" ++mains)
	line = sprintf("#line %d \"%s\"\n%s\n", FNR, FILENAME, $0)
	if (inside)
		functions = functions line
	else
		code = code line
}
/^}/ { inside = 0 }
END { flush() }
