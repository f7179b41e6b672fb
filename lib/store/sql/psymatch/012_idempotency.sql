-- Answers to requests that named an Idempotency-Key: the row is written in the
-- transaction of the change, so that there is either both or neither. id rises
-- with time: the oldest rows are the first ones.

CREATE TABLE psymatch.idempotency (
	scope text NOT NULL,
	key text NOT NULL,
	id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
	created_at timestamptz NOT NULL DEFAULT now(),
	request bytea NOT NULL,
	status integer,
	etag text,
	location text,
	body text,
	PRIMARY KEY (scope, key)
);
COMMENT ON COLUMN psymatch.idempotency.scope IS 'method and path';
COMMENT ON COLUMN psymatch.idempotency.request IS 'SHA-256 of the body';
