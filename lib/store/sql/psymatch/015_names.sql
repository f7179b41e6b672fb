-- The words that all of the library uses for these.
ALTER TABLE psymatch.consumer_offset RENAME COLUMN born TO incarnation;
COMMENT ON COLUMN psymatch.consumer_offset.incarnation IS
	'Of the topic that next is of: a topic that was deleted and recreated has another one; NULL: not known';
ALTER TABLE psymatch.consumer_ahead RENAME TO consumer_out_of_order;
ALTER TABLE psymatch.consumer_out_of_order
	RENAME CONSTRAINT consumer_ahead_pkey TO consumer_out_of_order_pkey;
COMMENT ON COLUMN psymatch.consumer_out_of_order.checksum IS
	'CRC-32C of the value: in a topic that was recreated the offset means another message';
