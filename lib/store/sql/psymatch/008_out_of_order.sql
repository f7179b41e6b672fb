-- Parallel workers commit before the offset moves, so a message can come again
-- that is already dead or parked. The inbox cannot say so: who is put aside is
-- not handled, and has to be fresh when it is released.

CREATE TABLE psymatch.consumer_ahead (
	consumer  text NOT NULL,
	topic     text NOT NULL,
	partition integer NOT NULL,
	"offset"  bigint NOT NULL,
	checksum  bigint NOT NULL,
	PRIMARY KEY (consumer, topic, partition, "offset")
);
COMMENT ON TABLE psymatch.consumer_ahead IS
	'Messages that are dead or parked already while consumer_offset.next is still before them';
COMMENT ON COLUMN psymatch.consumer_ahead.checksum IS
	'CRC-32C of the value: in a topic that was made anew the offset means another message';
