-- Events that become due at one time, e.g. all that were released together, are
-- not sorted for each look at the first of them.

DROP INDEX psymatch.parked_due;
CREATE INDEX parked_due ON psymatch.parked (consumer, next_at, id)
	WHERE state = 'retry';
