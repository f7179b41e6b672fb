-- Which consumers run, and what they handle: a commit that is to be read
-- elsewhere waits for those, and for no other. Nothing of it is worth keeping
-- across a crash of the server.

CREATE UNLOGGED TABLE psymatch.consumer_alive (
	consumer text NOT NULL,
	instance text NOT NULL,
	types    text[],
	seen_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (consumer, instance)
) WITH (fillfactor = 50);
COMMENT ON TABLE psymatch.consumer_alive IS
	'Heartbeats: a consumer writes its row every 2 s, and is dead without one for 7 s';
COMMENT ON COLUMN psymatch.consumer_alive.types IS
	'Event types that it has a handler for; null: every type';
