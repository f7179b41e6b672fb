-- What travels with an event beside its envelope: causation_id, correlation_id
-- and traceparent, as an object of texts; null when there is none of them. The
-- outbox has every column that Debezium's event router reads by default, with
-- the types it takes.

ALTER TABLE psymatch.outbox
	ALTER COLUMN headers TYPE jsonb USING headers::jsonb;
COMMENT ON COLUMN psymatch.outbox.headers IS
	'Record headers, {"name": "text"}; null: none';
