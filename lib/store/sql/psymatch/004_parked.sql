-- Events that failed for now. The first of a key is tried again; those that came
-- behind it wait for it, so that the key keeps its order. Head of a key: the
-- lowest id of (consumer, key).

CREATE TABLE psymatch.parked (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	consumer   text NOT NULL,
	key        text NOT NULL,
	event_id   uuid,
	type       text,
	topic      text NOT NULL,
	partition  integer,
	"offset"   bigint,
	raw        bytea,
	headers    jsonb,
	attempts   integer NOT NULL DEFAULT 0,
	next_at    timestamptz NOT NULL DEFAULT now(),
	state      text NOT NULL CHECK (state IN ('retry', 'waiting', 'held')),
	last_code  text,
	last_error text,
	parked_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX parked_key ON psymatch.parked (consumer, key, id);
CREATE INDEX parked_due ON psymatch.parked (consumer, next_at)
	WHERE state = 'retry';
CREATE INDEX parked_event ON psymatch.parked (event_id);
COMMENT ON TABLE psymatch.parked IS
	'Events that will be tried again, each key in the order of its ids';
COMMENT ON COLUMN psymatch.parked.key IS 'As in dead_letter; '''' for none';
COMMENT ON COLUMN psymatch.parked.state IS
	'retry: at next_at; waiting: for one before it; held: for a person';

ALTER TABLE psymatch.dead_letter
	ADD COLUMN headers    jsonb,
	ADD COLUMN attempts   integer NOT NULL DEFAULT 1,
	ADD COLUMN state      text NOT NULL DEFAULT 'dead'
		CHECK (state IN ('dead', 'released', 'skipped')),
	ADD COLUMN edited_raw bytea;
CREATE INDEX dead_letter_event ON psymatch.dead_letter (event_id);
COMMENT ON COLUMN psymatch.dead_letter.state IS
	'dead; released: it was tried once more; skipped: a person gave it up';
COMMENT ON COLUMN psymatch.dead_letter.edited_raw IS
	'What a release uses in place of raw';
