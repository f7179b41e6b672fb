-- The inbox by months. A UUIDv7 begins with its time in milliseconds, so the
-- ids of a month are a range: a month that is past is dropped whole, and the
-- cost of a claim does not grow with history. Other ids stay in the default
-- partition, which is cleaned by done_at, a bounded piece at a time.

CREATE FUNCTION psymatch.uuid_floor(at timestamptz) RETURNS uuid
LANGUAGE sql STABLE STRICT AS $$
	SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0')
		|| repeat('0', 20))::uuid
$$;
COMMENT ON FUNCTION psymatch.uuid_floor(timestamptz) IS
	'No UUIDv7 of that time or later is less';

CREATE INDEX inbox_default_done ON psymatch.inbox_default (done_at);

-- Make the partition of the month of that day. Rows of the month that had to go
-- to the default partition move over. Claims go on meanwhile, but for those in
-- the default partition, which wait.
CREATE FUNCTION psymatch.inbox_make(day date) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
	month timestamp := date_trunc('month', day::timestamp);
	low   uuid := psymatch.uuid_floor(month AT TIME ZONE 'UTC');
	high  uuid := psymatch.uuid_floor(
		(month + interval '1 month') AT TIME ZONE 'UTC');
	name  text := 'inbox_' || to_char(month, 'YYYY_MM');
BEGIN
	IF to_regclass('psymatch.' || name) IS NOT NULL THEN
		RETURN false;
	END IF;
	LOCK TABLE ONLY psymatch.inbox IN SHARE UPDATE EXCLUSIVE MODE;
	IF to_regclass('psymatch.' || name) IS NOT NULL THEN
		RETURN false;
	END IF;
	EXECUTE format('CREATE TABLE psymatch.%I '
		'(LIKE psymatch.inbox INCLUDING ALL)', name);
	LOCK TABLE psymatch.inbox_default IN ACCESS EXCLUSIVE MODE;
	EXECUTE format('WITH moved AS (DELETE FROM psymatch.inbox_default '
		'WHERE event_id >= %L AND event_id < %L RETURNING *) '
		'INSERT INTO psymatch.%I SELECT * FROM moved', low, high, name);
	EXECUTE format('ALTER TABLE psymatch.inbox ATTACH PARTITION psymatch.%I '
		'FOR VALUES FROM (%L) TO (%L)', name, low, high);
	RETURN true;
END
$$;
COMMENT ON FUNCTION psymatch.inbox_make(date) IS
	'True: the partition of that day''s month was made';

-- This month and the next two; then drop the months whose last event is older
-- than that many days. Returns how many were dropped.
CREATE FUNCTION psymatch.inbox_months(keep_days integer) RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
	today   date := (now() AT TIME ZONE 'UTC')::date;
	name    text;
	dropped integer := 0;
BEGIN
	FOR ahead IN 0..2 LOOP
		PERFORM psymatch.inbox_make(
			(date_trunc('month', today) + ahead * interval '1 month')::date);
	END LOOP;
	FOR name IN
		SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'psymatch.inbox'::regclass
		AND c.relname ~ '^inbox_[0-9]{4}_[0-9]{2}$'
		AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month'
			<= today - keep_days
		ORDER BY 1
	LOOP
		EXECUTE format('DROP TABLE psymatch.%I', name);
		dropped := dropped + 1;
	END LOOP;
	RETURN dropped;
END
$$;
COMMENT ON FUNCTION psymatch.inbox_months(integer) IS
	'Makes the partitions of the inbox that are due, drops those that are past';

-- Returns how many rows went; as many as "most": there may be more.
CREATE FUNCTION psymatch.inbox_clean(keep_days integer, most integer)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	gone integer;
BEGIN
	DELETE FROM psymatch.inbox_default WHERE ctid = ANY (ARRAY(
		SELECT ctid FROM psymatch.inbox_default
		WHERE done_at < now() - keep_days * interval '1 day'
		ORDER BY done_at LIMIT most));
	GET DIAGNOSTICS gone = ROW_COUNT;
	RETURN gone;
END
$$;
COMMENT ON FUNCTION psymatch.inbox_clean(integer, integer) IS
	'Removes old rows of the inbox''s default partition, at most so many';

-- Rows from before there were months.
DO $$
DECLARE
	month timestamp;
BEGIN
	FOR month IN
		SELECT m FROM generate_series(
			date_trunc('month', now() AT TIME ZONE 'UTC') - interval '24 months',
			date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months',
			interval '1 month') AS m
		WHERE m >= date_trunc('month', now() AT TIME ZONE 'UTC')
		OR EXISTS (SELECT FROM psymatch.inbox_default WHERE
			event_id >= psymatch.uuid_floor(m AT TIME ZONE 'UTC') AND
			event_id < psymatch.uuid_floor(
				(m + interval '1 month') AT TIME ZONE 'UTC'))
	LOOP
		PERFORM psymatch.inbox_make(month::date);
	END LOOP;
END
$$;
