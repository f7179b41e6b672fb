-- Only the first parked event of a key is tried, so only it has the state retry:
-- whoever takes it away lets the next one have it. What waits is then never
-- looked at, however much it is.

CREATE FUNCTION psymatch.parked_promote(its_consumer text, its_key text)
RETURNS void LANGUAGE sql AS $$
	UPDATE psymatch.parked SET state = 'retry', next_at = now()
	WHERE state = 'waiting' AND id = (SELECT min(id) FROM psymatch.parked
		WHERE consumer = its_consumer AND key = its_key)
$$;
COMMENT ON FUNCTION psymatch.parked_promote(text, text) IS
	'After the first event of a key is gone: the next one is tried';

-- As before, but under the lock of the key: a retry that takes the first event
-- away at the same time would let the one have its place that is skipped here.
CREATE OR REPLACE FUNCTION psymatch.parked_skip(row_id bigint, who text, why text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	p psymatch.parked;
BEGIN
	PERFORM pg_advisory_xact_lock(
		hashtextextended(consumer || '/' || key, 8102661386))
	FROM psymatch.parked WHERE id = row_id;
	p := psymatch.parked_lock(row_id);
	INSERT INTO psymatch.dead_audit (action, source, row_id, consumer,
		event_id, type, who, why)
	VALUES ('skip', 'parked', p.id, p.consumer, p.event_id, p.type, who, why);
	INSERT INTO psymatch.dead_letter (consumer, topic, partition, "offset",
		key, raw, event_id, type, code, reason, headers, attempts, state)
	VALUES (p.consumer, p.topic, p.partition, p."offset", p.key, p.raw,
		p.event_id, p.type, coalesce(p.last_code, 'PSM_ERR_REJECT'),
		coalesce(p.last_error, 'skipped while it waited'), p.headers,
		p.attempts, 'skipped');
	DELETE FROM psymatch.parked WHERE id = p.id;
	PERFORM psymatch.parked_promote(p.consumer, p.key);
END
$$;

-- First ones that nobody has let have it yet.
UPDATE psymatch.parked AS p SET state = 'retry', next_at = now()
WHERE state = 'waiting' AND NOT EXISTS (SELECT FROM psymatch.parked AS o
	WHERE o.consumer = p.consumer AND o.key = p.key AND o.id < p.id);
