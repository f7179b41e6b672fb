-- The first event of each key, to count keys by: what waits behind them is not
-- read for it.

CREATE INDEX parked_first ON psymatch.parked (consumer)
	WHERE state <> 'waiting';
