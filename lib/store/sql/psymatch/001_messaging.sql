-- The tables of messaging: what goes out, what came in, and what could not be
-- handled. Column names of the outbox are those of Debezium's event router.

CREATE TABLE psymatch.outbox (
	id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	event_id      uuid NOT NULL,
	aggregatetype text NOT NULL,
	aggregateid   text NOT NULL,
	type          text NOT NULL,
	version       text NOT NULL,
	producer      text NOT NULL,
	event_time    timestamptz NOT NULL,
	topic         text NOT NULL,
	payload       text NOT NULL,
	headers       text,
	created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE psymatch.outbox IS
	'Events of committed transactions that the broker has not acknowledged yet';
COMMENT ON COLUMN psymatch.outbox.payload IS 'JSON as it was written, byte for byte';

-- A UUIDv7 begins with the time, so a range of ids is a span of time: an old
-- span can be dropped as a partition.
CREATE TABLE psymatch.inbox (
	consumer text NOT NULL,
	event_id uuid NOT NULL,
	done_at  timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (consumer, event_id)
) PARTITION BY RANGE (event_id);
CREATE TABLE psymatch.inbox_default PARTITION OF psymatch.inbox DEFAULT;
COMMENT ON TABLE psymatch.inbox IS
	'Events whose effects a consumer has in its tables; a second delivery does nothing';

CREATE TABLE psymatch.consumer_offset (
	consumer   text NOT NULL,
	topic      text NOT NULL,
	partition  integer NOT NULL,
	next       bigint NOT NULL,
	owner      text NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (consumer, topic, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE psymatch.consumer_offset IS
	'The next message a consumer handles, moved in the transaction of the effects';

CREATE TABLE psymatch.dead_letter (
	id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	consumer  text NOT NULL,
	topic     text NOT NULL,
	partition integer,
	"offset"  bigint,
	key       text,
	raw       bytea,
	event_id  uuid,
	type      text,
	code      text NOT NULL,
	reason    text NOT NULL,
	pointer   text,
	failed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dead_letter_consumer ON psymatch.dead_letter (consumer, failed_at);
COMMENT ON TABLE psymatch.dead_letter IS
	'Messages that cannot be handled, with their bytes and where they came from';
COMMENT ON COLUMN psymatch.dead_letter.key IS
	'Printable bytes as they are, others as encode(key, ''escape'') writes them';
COMMENT ON COLUMN psymatch.dead_letter.code IS 'As psm_error_name()';
