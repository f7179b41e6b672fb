-- What people do with dead letters and parked events, each step with who and
-- why; and what they may look at: the views have no payloads.

CREATE TABLE psymatch.dead_audit (
	id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at            timestamptz NOT NULL DEFAULT clock_timestamp(),
	action        text NOT NULL CHECK (action IN ('edit', 'release', 'skip')),
	source        text NOT NULL CHECK (source IN ('dead', 'parked')),
	row_id        bigint NOT NULL,
	consumer      text NOT NULL,
	event_id      uuid,
	type          text,
	who           text NOT NULL CHECK (who <> ''),
	why           text NOT NULL CHECK (why <> ''),
	db_user       text NOT NULL DEFAULT session_user,
	before_sha256 bytea,
	after_sha256  bytea
);
CREATE INDEX dead_audit_row ON psymatch.dead_audit (source, row_id);
COMMENT ON TABLE psymatch.dead_audit IS
	'Who did what with a dead letter or a parked event, and why';

-- The row, locked: whoever comes second sees what the first one did.
CREATE FUNCTION psymatch.dead_lock(row_id bigint) RETURNS psymatch.dead_letter
LANGUAGE plpgsql AS $$
DECLARE
	d psymatch.dead_letter;
BEGIN
	SELECT * INTO d FROM psymatch.dead_letter WHERE id = row_id FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no dead letter has the number %', row_id
			USING ERRCODE = 'no_data_found';
	END IF;
	IF d.state <> 'dead' THEN
		RAISE EXCEPTION 'dead letter % is % already', row_id, d.state
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	RETURN d;
END
$$;

CREATE FUNCTION psymatch.parked_lock(row_id bigint) RETURNS psymatch.parked
LANGUAGE plpgsql AS $$
DECLARE
	p psymatch.parked;
BEGIN
	SELECT * INTO p FROM psymatch.parked WHERE id = row_id FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no parked event has the number %', row_id
			USING ERRCODE = 'no_data_found';
	END IF;
	RETURN p;
END
$$;

CREATE FUNCTION psymatch.dead_edit(row_id bigint, bytes bytea, who text, why text,
	new_event_id uuid DEFAULT NULL, new_type text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	d psymatch.dead_letter := psymatch.dead_lock(row_id);
BEGIN
	IF d.event_id <> new_event_id THEN
		RAISE EXCEPTION 'the bytes are those of another event'
			USING ERRCODE = 'unique_violation';
	END IF;
	INSERT INTO psymatch.dead_audit (action, source, row_id, consumer,
		event_id, type, who, why, before_sha256, after_sha256)
	VALUES ('edit', 'dead', d.id, d.consumer, coalesce(d.event_id,
		new_event_id), coalesce(new_type, d.type), who, why,
		sha256(coalesce(d.edited_raw, d.raw)), sha256(bytes));
	UPDATE psymatch.dead_letter SET edited_raw = bytes,
		event_id = coalesce(event_id, new_event_id),
		type = coalesce(new_type, type) WHERE id = d.id;
END
$$;
COMMENT ON FUNCTION psymatch.dead_edit(bigint, bytea, text, text, uuid, text) IS
	'Other bytes for a dead letter; what came is kept beside them';

-- A letter of the outbox goes back there, from its bytes as an envelope.
CREATE FUNCTION psymatch.dead_to_outbox(d psymatch.dead_letter) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	event  json := convert_from(coalesce(d.edited_raw, d.raw), 'UTF8')::json;
	new_id bigint;
BEGIN
	INSERT INTO psymatch.outbox (event_id, aggregatetype, aggregateid, type,
		version, producer, event_time, topic, payload, headers)
	VALUES ((event->>'event_id')::uuid, split_part(event->>'event_type', '.', 1),
		d.key, event->>'event_type', event->>'version', event->>'producer',
		(event->>'timestamp')::timestamptz, d.topic,
		(event->'payload')::text, d.headers)
	RETURNING id INTO new_id;
	RETURN new_id;
END
$$;

-- Behind what is parked of its key: events that came after it may have been
-- handled, and those that wait must not be overtaken again.
CREATE FUNCTION psymatch.dead_to_parked(d psymatch.dead_letter) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	its_key text := coalesce(d.key, '');
	new_id  bigint;
BEGIN
	PERFORM pg_advisory_xact_lock(
		hashtextextended(d.consumer || '/' || its_key, 8102661386));
	INSERT INTO psymatch.parked (consumer, key, event_id, type, topic,
		partition, "offset", raw, headers, attempts, state, last_code,
		last_error)
	VALUES (d.consumer, its_key, d.event_id, d.type, d.topic, d.partition,
		d."offset", coalesce(d.edited_raw, d.raw), d.headers, d.attempts,
		CASE WHEN EXISTS (SELECT FROM psymatch.parked p WHERE
			p.consumer = d.consumer AND p.key = its_key)
		THEN 'waiting' ELSE 'retry' END, d.code, d.reason)
	RETURNING id INTO new_id;
	RETURN new_id;
END
$$;

CREATE FUNCTION psymatch.dead_release(row_id bigint, who text, why text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	d      psymatch.dead_letter := psymatch.dead_lock(row_id);
	new_id bigint;
BEGIN
	IF coalesce(d.edited_raw, d.raw) IS NULL THEN
		RAISE EXCEPTION 'dead letter % has no bytes, edit it first', row_id
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	INSERT INTO psymatch.dead_audit (action, source, row_id, consumer,
		event_id, type, who, why)
	VALUES ('release', 'dead', d.id, d.consumer, d.event_id, d.type, who, why);
	IF d.consumer = 'outbox' THEN
		new_id := psymatch.dead_to_outbox(d);
	ELSE
		new_id := psymatch.dead_to_parked(d);
	END IF;
	UPDATE psymatch.dead_letter SET state = 'released' WHERE id = d.id;
	RETURN new_id;
END
$$;
COMMENT ON FUNCTION psymatch.dead_release(bigint, text, text) IS
	'Have a dead letter tried once more; its number in parked (in outbox, of the relay)';

CREATE FUNCTION psymatch.dead_skip(row_id bigint, who text, why text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	d psymatch.dead_letter := psymatch.dead_lock(row_id);
BEGIN
	INSERT INTO psymatch.dead_audit (action, source, row_id, consumer,
		event_id, type, who, why)
	VALUES ('skip', 'dead', d.id, d.consumer, d.event_id, d.type, who, why);
	UPDATE psymatch.dead_letter SET state = 'skipped' WHERE id = d.id;
END
$$;
COMMENT ON FUNCTION psymatch.dead_skip(bigint, text, text) IS
	'Give a dead letter up; it stays to be read';

CREATE FUNCTION psymatch.parked_edit(row_id bigint, bytes bytea, who text,
	why text, new_event_id uuid DEFAULT NULL, new_type text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	p psymatch.parked := psymatch.parked_lock(row_id);
BEGIN
	IF p.event_id <> new_event_id THEN
		RAISE EXCEPTION 'the bytes are those of another event'
			USING ERRCODE = 'unique_violation';
	END IF;
	INSERT INTO psymatch.dead_audit (action, source, row_id, consumer,
		event_id, type, who, why, before_sha256, after_sha256)
	VALUES ('edit', 'parked', p.id, p.consumer, coalesce(p.event_id,
		new_event_id), coalesce(new_type, p.type), who, why,
		sha256(p.raw), sha256(bytes));
	UPDATE psymatch.parked SET raw = bytes,
		event_id = coalesce(event_id, new_event_id),
		type = coalesce(new_type, type) WHERE id = p.id;
END
$$;
COMMENT ON FUNCTION psymatch.parked_edit(bigint, bytea, text, text, uuid, text) IS
	'Other bytes for a parked event';

CREATE FUNCTION psymatch.parked_release(row_id bigint, who text, why text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	p psymatch.parked := psymatch.parked_lock(row_id);
BEGIN
	IF EXISTS (SELECT FROM psymatch.parked o WHERE o.consumer = p.consumer
		AND o.key = p.key AND o.id < p.id) THEN
		RAISE EXCEPTION 'parked event % waits for one of its key', row_id
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	INSERT INTO psymatch.dead_audit (action, source, row_id, consumer,
		event_id, type, who, why)
	VALUES ('release', 'parked', p.id, p.consumer, p.event_id, p.type, who, why);
	UPDATE psymatch.parked SET state = 'retry', next_at = now()
	WHERE id = p.id;
	RETURN p.id;
END
$$;
COMMENT ON FUNCTION psymatch.parked_release(bigint, text, text) IS
	'Have the first parked event of a key tried now';

CREATE FUNCTION psymatch.parked_skip(row_id bigint, who text, why text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	p psymatch.parked := psymatch.parked_lock(row_id);
BEGIN
	INSERT INTO psymatch.dead_audit (action, source, row_id, consumer,
		event_id, type, who, why)
	VALUES ('skip', 'parked', p.id, p.consumer, p.event_id, p.type, who, why);
	INSERT INTO psymatch.dead_letter (consumer, topic, partition, "offset",
		key, raw, event_id, type, code, reason, headers, attempts, state)
	VALUES (p.consumer, p.topic, p.partition, p."offset", p.key, p.raw,
		p.event_id, p.type, coalesce(p.last_code, 'PSM_ERR_REJECT'),
		coalesce(p.last_error, 'skipped while it waited'), p.headers,
		p.attempts, 'skipped');
	DELETE FROM psymatch.parked WHERE id = p.id;
	-- The next one of the key, if it is the first now.
	UPDATE psymatch.parked SET state = 'retry', next_at = now()
	WHERE state = 'waiting' AND id = (SELECT min(id) FROM psymatch.parked
		WHERE consumer = p.consumer AND key = p.key);
END
$$;
COMMENT ON FUNCTION psymatch.parked_skip(bigint, text, text) IS
	'Give a parked event up: it becomes a skipped dead letter, the next of its key goes on';

-- One row as JSON, with its history. The bytes only if asked for: they hold
-- personal data.
CREATE FUNCTION psymatch.dead_text(bytes bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
	RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN data_exception THEN
	RETURN encode(bytes, 'escape');
END
$$;

CREATE FUNCTION psymatch.dead_history(its_source text, its_row bigint)
RETURNS json LANGUAGE sql STABLE AS $$
	SELECT coalesce(json_agg(json_build_object('at', at, 'action', action,
		'who', who, 'why', why) ORDER BY id), '[]')
	FROM psymatch.dead_audit WHERE source = its_source AND row_id = its_row
$$;

CREATE FUNCTION psymatch.dead_show(row_id bigint, payload boolean DEFAULT false)
RETURNS json LANGUAGE sql STABLE AS $$
	SELECT json_build_object('id', id, 'consumer', consumer, 'state', state,
		'event_id', event_id, 'type', type, 'topic', topic,
		'partition', partition, 'offset', "offset", 'key', key,
		'code', code, 'reason', reason, 'pointer', pointer,
		'attempts', attempts, 'failed_at', failed_at, 'headers', headers,
		'bytes', octet_length(raw), 'edited', edited_raw IS NOT NULL,
		'raw', CASE WHEN payload THEN psymatch.dead_text(raw) END,
		'edited_raw', CASE WHEN payload THEN psymatch.dead_text(edited_raw) END,
		'history', psymatch.dead_history('dead', id))
	FROM psymatch.dead_letter WHERE id = row_id
$$;

CREATE FUNCTION psymatch.parked_show(row_id bigint, payload boolean DEFAULT false)
RETURNS json LANGUAGE sql STABLE AS $$
	SELECT json_build_object('id', id, 'consumer', consumer, 'state', state,
		'event_id', event_id, 'type', type, 'topic', topic,
		'partition', partition, 'offset', "offset", 'key', key,
		'code', last_code, 'reason', last_error,
		'attempts', attempts, 'parked_at', parked_at, 'next_at', next_at,
		'headers', headers, 'bytes', octet_length(raw),
		'raw', CASE WHEN payload THEN psymatch.dead_text(raw) END,
		'history', psymatch.dead_history('parked', id))
	FROM psymatch.parked WHERE id = row_id
$$;

CREATE VIEW psymatch.v_dead AS
	SELECT id, consumer, state, type, event_id, topic, partition, "offset",
		key, code, reason, pointer, attempts, failed_at,
		octet_length(raw) AS bytes, edited_raw IS NOT NULL AS edited
	FROM psymatch.dead_letter;
COMMENT ON VIEW psymatch.v_dead IS 'Dead letters, without payloads';

CREATE VIEW psymatch.v_parked AS
	SELECT id, consumer, state, type, event_id, topic, partition, "offset",
		key, last_code AS code, last_error AS reason, attempts, parked_at,
		next_at, octet_length(raw) AS bytes,
		row_number() OVER (PARTITION BY consumer, key ORDER BY id) AS place
	FROM psymatch.parked;
COMMENT ON VIEW psymatch.v_parked IS
	'Parked events, without payloads; place 1 is the head of its key';

CREATE VIEW psymatch.v_dead_stats AS
	SELECT 'dead' AS source, consumer, state, code, count(*) AS count,
		min(failed_at) AS oldest, max(failed_at) AS newest
	FROM psymatch.dead_letter GROUP BY consumer, state, code
	UNION ALL
	SELECT 'parked', consumer, state, last_code, count(*), min(parked_at),
		max(parked_at)
	FROM psymatch.parked GROUP BY consumer, state, last_code;
COMMENT ON VIEW psymatch.v_dead_stats IS
	'How many dead letters and parked events there are, by consumer and cause';
