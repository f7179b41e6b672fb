-- The record as it will travel: its value, and a column for each header. The
-- relay sends these very bytes, and so does Debezium's event router. Rows of an
-- older release have none; headers and payload are for its relay.
ALTER TABLE psymatch.outbox
	ADD COLUMN envelope       text,
	ADD COLUMN causation_id   text,
	ADD COLUMN correlation_id text,
	ADD COLUMN traceparent    text,
	ADD COLUMN tracestate     text;
COMMENT ON COLUMN psymatch.outbox.envelope IS
	'The value of the record, byte for byte; NULL: to be made of the other columns';
COMMENT ON COLUMN psymatch.outbox.causation_id IS 'Record header; NULL: none';
COMMENT ON COLUMN psymatch.outbox.correlation_id IS 'Record header; NULL: none';
COMMENT ON COLUMN psymatch.outbox.traceparent IS 'Record header; NULL: none';
COMMENT ON COLUMN psymatch.outbox.tracestate IS 'Record header; NULL: none';

-- As before, with the bytes themselves.
CREATE OR REPLACE FUNCTION psymatch.dead_to_outbox(d psymatch.dead_letter)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	bytes  text := convert_from(coalesce(d.edited_raw, d.raw), 'UTF8');
	event  json := bytes::json;
	new_id bigint;
BEGIN
	INSERT INTO psymatch.outbox (event_id, aggregatetype, aggregateid, type,
		version, producer, event_time, topic, payload, headers, envelope,
		causation_id, correlation_id, traceparent, tracestate)
	VALUES (coalesce(event->>'event_id', event->>'eventId')::uuid,
		split_part(coalesce(event->>'event_type', event->>'eventType'), '.', 1),
		d.key, coalesce(event->>'event_type', event->>'eventType'),
		event->>'version', event->>'producer',
		(event->>'timestamp')::timestamptz, d.topic,
		(event->'payload')::text, d.headers, bytes,
		d.headers->>'causation_id', d.headers->>'correlation_id',
		d.headers->>'traceparent', d.headers->>'tracestate')
	RETURNING id INTO new_id;
	RETURN new_id;
END
$$;
