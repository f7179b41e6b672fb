// SPDX-License-Identifier: BSD-2-Clause
// check_schema.js SCHEMA CASES: ajv compiles the schema in strict mode, with one
// line for its vocabulary, and judges each case as the library does.
const fs = require("fs");
const Ajv2020 = require("ajv/dist/2020");

const schema = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const cases = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));
const ajv = new Ajv2020({ strict: true });
ajv.addVocabulary(["x-personal"]);
const valid = ajv.compile(schema);

let failed = 0;
for (const [text, right] of cases) {
	if (valid(JSON.parse(text)) === right) continue;
	failed++;
	if (failed <= 20) console.log(`FAIL: ajv says ${!right}, the library ${right}: ${text}`);
}
console.log(`${cases.length} events, ${failed} judged otherwise`);
process.exit(failed > 0 || cases.length < 1000 ? 1 : 0);
