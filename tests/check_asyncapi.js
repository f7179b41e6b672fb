// SPDX-License-Identifier: BSD-2-Clause
// check_asyncapi.js ASYNCAPI CASES: AsyncAPI's own parser takes the document
// without a warning and finds all of it, and the messages' schemas, which are of
// JSON Schema draft 7 there, judge each case as the library does.
const fs = require("fs");
const Ajv = require("ajv");
const { Parser, DiagnosticSeverity } = require("@asyncapi/parser");

const text = fs.readFileSync(process.argv[2], "utf8");
const cases = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));
const raw = JSON.parse(text);
let failed = 0;

function fail(why) {
	if (++failed <= 20) console.log(`FAIL: ${why}`);
}

function same(found, wanted, what) {
	if (found.sort().join() !== wanted.sort().join()) fail(`${what}: want ${wanted}, found ${found}`);
}

async function main() {
	const { document, diagnostics } = await new Parser().parse(text);
	// That there is a newer AsyncAPI is an information.
	for (const d of diagnostics)
		if (d.severity <= 1) fail(`${d.code} at ${d.path.join("/")}: ${d.message}`);
	if (!document) throw new Error("the parser makes no document of it");
	same(document.channels().all().map((c) => c.address()), Object.keys(raw.channels), "channels");
	same(document.operations().all().map((o) => o.id()), Object.keys(raw.operations), "operations");
	same([...new Set(document.allMessages().all().map((m) => m.name()))], Object.keys(raw.components.messages), "messages");
	for (const m of document.allMessages().all())
		if (!m.hasPayload()) fail(`${m.name()}: no payload`);

	const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false });
	ajv.addVocabulary(["x-personal"]);
	ajv.addKeyword("components");
	ajv.addSchema({ $id: "asyncapi", components: { schemas: raw.components.schemas } });
	const validators = {};
	let judged = 0;
	for (const [event, right] of cases) {
		const value = JSON.parse(event);
		const name = value.event_type ?? value.eventType;
		if (!raw.components.messages[name]) continue;
		validators[name] ??= ajv.compile(raw.components.messages[name].payload.$ref
			? { $ref: "asyncapi" + raw.components.messages[name].payload.$ref }
			: raw.components.messages[name].payload);
		judged++;
		if (validators[name](value) !== right) fail(`the message says ${!right}, the library ${right}: ${event}`);
	}
	console.log(`${raw.asyncapi}: ${Object.keys(raw.channels).length} channels, ${judged} events, ${failed} failures`);
	process.exit(failed > 0 || judged < 1000 ? 1 : 0);
}

main().catch((why) => {
	console.log(why);
	process.exit(1);
});
