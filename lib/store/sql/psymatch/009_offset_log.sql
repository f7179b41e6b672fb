-- An offset says nothing without the log it is of: a topic in another database
-- may be dropped and made anew, which nobody tells here.
ALTER TABLE psymatch.consumer_offset ADD COLUMN born bigint;
COMMENT ON COLUMN psymatch.consumer_offset.born IS
	'The log that next is of, as its transport numbers them; NULL: not known';
