-- Topics inside PostgreSQL: what Kafka is for programs that have one. Writers
-- append to partitions, groups of readers share them.

CREATE TABLE psymatch.topic (
	name       text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9._-]{1,249}$'),
	partitions integer NOT NULL CHECK (partitions BETWEEN 1 AND 1000),
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE psymatch.topic IS
	'Topics; the number of partitions never changes, or keys would move';

CREATE TABLE psymatch.log_partition (
	topic     text NOT NULL REFERENCES psymatch.topic ON DELETE CASCADE,
	partition integer NOT NULL,
	first     bigint NOT NULL DEFAULT 0,
	next      bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (topic, partition)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.0,
	autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE psymatch.log_partition IS
	'Where each partition begins and ends. A writer holds the row until its commit, so that offsets appear in their order and none is missing';

CREATE TABLE psymatch.log (
	topic     text NOT NULL,
	partition integer NOT NULL,
	"offset"  bigint NOT NULL,
	ts        timestamptz NOT NULL,
	key       bytea,
	value     bytea,
	headers   jsonb,
	PRIMARY KEY (topic, partition, "offset")
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 20000,
	autovacuum_vacuum_insert_scale_factor = 0.0,
	autovacuum_vacuum_insert_threshold = 100000);
COMMENT ON TABLE psymatch.log IS 'The messages, until their retention is over';
COMMENT ON COLUMN psymatch.log.headers IS
	'[[name, text or {"hex": bytes} or null], ..] in their order';

CREATE TABLE psymatch.log_writer (
	writer  uuid PRIMARY KEY,
	batch   bigint NOT NULL,
	seen_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.0,
	autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE psymatch.log_writer IS
	'The last batch of each writer: sent again because nobody answered, it is not appended again';

CREATE TABLE psymatch.group_state (
	group_name text PRIMARY KEY,
	generation bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE psymatch.group_state IS
	'Groups of readers; the generation changes with the members and their partitions';

CREATE TABLE psymatch.group_member (
	group_name text NOT NULL REFERENCES psymatch.group_state ON DELETE CASCADE,
	member     uuid NOT NULL,
	topics     text[] NOT NULL,
	joined_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
	expires_at timestamptz NOT NULL,
	PRIMARY KEY (group_name, member)
) WITH (fillfactor = 20);

CREATE TABLE psymatch.group_partition (
	group_name text NOT NULL REFERENCES psymatch.group_state ON DELETE CASCADE,
	topic      text NOT NULL,
	partition  integer NOT NULL,
	next       bigint,
	owner      uuid,
	PRIMARY KEY (group_name, topic, partition),
	FOREIGN KEY (topic, partition) REFERENCES psymatch.log_partition ON DELETE CASCADE
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.0,
	autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE psymatch.group_partition IS
	'Who reads a partition, and the next message that the group has not handled';

-- Topics that are not there are made. Two programs that want different numbers
-- of partitions get those of the first one.
CREATE FUNCTION psymatch.topic_ensure(names text[], wanted integer)
RETURNS TABLE (name text, partitions integer) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO psymatch.topic (name, partitions)
	SELECT n, wanted FROM unnest(names) AS u(n)
	WHERE NOT EXISTS (SELECT FROM psymatch.topic AS t WHERE t.name = n)
	ORDER BY n ON CONFLICT DO NOTHING;
	IF FOUND THEN
		INSERT INTO psymatch.log_partition (topic, partition)
		SELECT t.name, i
		FROM psymatch.topic AS t, generate_series(0, t.partitions - 1) AS i
		WHERE t.name = ANY (names)
		ORDER BY t.name, i ON CONFLICT DO NOTHING;
	END IF;
	RETURN QUERY SELECT t.name, t.partitions FROM psymatch.topic AS t
		WHERE t.name = ANY (names);
END $$;

-- All or nothing; false: this batch had been appended before.
CREATE FUNCTION psymatch.log_append(
	me uuid, number bigint, topics text[], partitions integer[],
	keys bytea[], contents bytea[], heads text[])
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	appended bigint;
BEGIN
	INSERT INTO psymatch.log_writer AS w (writer, batch) VALUES (me, number)
	ON CONFLICT (writer) DO UPDATE
		SET batch = excluded.batch, seen_at = excluded.seen_at
		WHERE w.batch < excluded.batch;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	-- In one order for all writers, so that none waits for another in a ring.
	PERFORM FROM psymatch.log_partition AS p
	WHERE (p.topic, p.partition) IN
		(SELECT t, n FROM unnest(topics, partitions) AS u(t, n))
	ORDER BY p.topic, p.partition FOR NO KEY UPDATE;
	WITH message AS (
		SELECT u.*, row_number() OVER
			(PARTITION BY u.topic, u.partition ORDER BY u.nth) AS ahead
		FROM unnest(topics, partitions, keys, contents, heads)
			WITH ORDINALITY
			AS u(topic, partition, key, value, headers, nth)
	), per_partition AS (
		SELECT m.topic, m.partition, count(*) AS n
		FROM message AS m GROUP BY m.topic, m.partition
	), moved AS (
		UPDATE psymatch.log_partition AS p SET next = p.next + c.n
		FROM per_partition AS c
		WHERE p.topic = c.topic AND p.partition = c.partition
		RETURNING p.topic, p.partition, p.next - c.n AS base
	)
	INSERT INTO psymatch.log
		(topic, partition, "offset", ts, key, value, headers)
	SELECT m.topic, m.partition, d.base + m.ahead - 1, clock_timestamp(),
		m.key, m.value, m.headers::jsonb
	FROM message AS m
	JOIN moved AS d ON d.topic = m.topic AND d.partition = m.partition;
	GET DIAGNOSTICS appended = ROW_COUNT;
	IF appended <> cardinality(topics) THEN
		RAISE EXCEPTION 'a topic or a partition is not there'
			USING ERRCODE = 'undefined_object';
	END IF;
	RETURN true;
END $$;

-- Delete the beginning of one partition whose messages are older than keep_ms,
-- at most so many; how many. One program at a time does it.
CREATE FUNCTION psymatch.log_expire(keep_ms bigint, most integer)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	too_old timestamptz := clock_timestamp() - keep_ms * interval '1 ms';
	p record;
	upto bigint;
BEGIN
	IF NOT pg_try_advisory_xact_lock(8102661386253625456) THEN
		RETURN 0;
	END IF;
	DELETE FROM psymatch.log_writer
	WHERE seen_at < clock_timestamp() - interval '1 day';
	FOR p IN SELECT * FROM psymatch.log_partition WHERE next > first
		ORDER BY topic, partition
	LOOP
		CONTINUE WHEN NOT EXISTS (SELECT FROM (SELECT l.ts
			FROM psymatch.log AS l
			WHERE l.topic = p.topic AND l.partition = p.partition
			AND l."offset" >= p.first
			ORDER BY l."offset" LIMIT 1) AS oldest
			WHERE oldest.ts < too_old);
		SELECT coalesce(min(h."offset") FILTER (WHERE h.ts >= too_old),
			max(h."offset") + 1)
		INTO upto
		FROM (SELECT l."offset", l.ts FROM psymatch.log AS l
			WHERE l.topic = p.topic AND l.partition = p.partition
			AND l."offset" >= p.first
			ORDER BY l."offset" LIMIT most) AS h;
		CONTINUE WHEN upto IS NULL OR upto <= p.first;
		DELETE FROM psymatch.log
		WHERE topic = p.topic AND partition = p.partition
			AND "offset" >= p.first AND "offset" < upto;
		UPDATE psymatch.log_partition SET first = upto
		WHERE topic = p.topic AND partition = p.partition;
		RETURN upto - p.first;
	END LOOP;
	RETURN 0;
END $$;

-- Be a member, put out those whose lease is over, and take the partitions that
-- are free and meant for me. The rows are all partitions that I have: keep is
-- false for one that another member is to have, fresh is true for one that I
-- did not have before. Without partitions there is one row with a null topic.
CREATE FUNCTION psymatch.group_follow(
	the_group text, me uuid, my_topics text[], lease_ms bigint)
RETURNS TABLE (generation bigint, topic text, partition integer, keep boolean,
	fresh boolean, next bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	changed boolean := false;
	now_at timestamptz;
	current_generation bigint;
BEGIN
	INSERT INTO psymatch.group_state (group_name) VALUES (the_group)
	ON CONFLICT DO NOTHING;
	PERFORM FROM psymatch.group_state WHERE group_name = the_group FOR UPDATE;
	now_at := clock_timestamp();

	UPDATE psymatch.group_member
	SET expires_at = now_at + lease_ms * interval '1 ms', topics = my_topics
	WHERE group_name = the_group AND member = me;
	IF NOT FOUND THEN
		INSERT INTO psymatch.group_member
			(group_name, member, topics, joined_at, expires_at)
		VALUES (the_group, me, my_topics, now_at,
			now_at + lease_ms * interval '1 ms');
		changed := true;
	END IF;
	DELETE FROM psymatch.group_member
	WHERE group_name = the_group AND expires_at < now_at;
	changed := changed OR FOUND;
	UPDATE psymatch.group_partition AS g SET owner = NULL
	WHERE g.group_name = the_group AND g.owner IS NOT NULL
		AND NOT EXISTS (SELECT FROM psymatch.group_member AS m
			WHERE m.group_name = the_group AND m.member = g.owner);
	changed := changed OR FOUND;
	INSERT INTO psymatch.group_partition (group_name, topic, partition)
	SELECT the_group, p.topic, p.partition FROM psymatch.log_partition AS p
	WHERE p.topic = ANY (my_topics)
	ON CONFLICT DO NOTHING;

	-- Neighbouring partitions go to the same member, as Kafka's range
	-- assignor does it.
	RETURN QUERY
	WITH reader AS (
		SELECT t.topic, m.member,
			row_number() OVER w - 1 AS place,
			count(*) OVER (PARTITION BY t.topic) AS readers
		FROM psymatch.group_member AS m, unnest(m.topics) AS t(topic)
		WHERE m.group_name = the_group
		WINDOW w AS (PARTITION BY t.topic ORDER BY m.joined_at, m.member)
	), meant AS (
		SELECT g.topic, g.partition, g.owner,
			r.member IS NOT NULL AS mine
		FROM psymatch.group_partition AS g
		JOIN psymatch.topic AS t ON t.name = g.topic
		LEFT JOIN reader AS r ON r.topic = g.topic AND r.member = me
			AND r.place = g.partition * r.readers / t.partitions
		WHERE g.group_name = the_group
	), taken AS (
		UPDATE psymatch.group_partition AS g SET owner = me
		FROM meant
		WHERE g.group_name = the_group AND g.topic = meant.topic
			AND g.partition = meant.partition
			AND meant.mine AND meant.owner IS NULL
		RETURNING g.topic, g.partition, g.next
	)
	SELECT 0::bigint, k.topic, k.partition, true, true, k.next FROM taken AS k
	UNION ALL
	SELECT 0::bigint, g.topic, g.partition, meant.mine, false, g.next
	FROM psymatch.group_partition AS g
	JOIN meant ON meant.topic = g.topic AND meant.partition = g.partition
	WHERE g.group_name = the_group AND meant.owner = me;

	UPDATE psymatch.group_state AS s
	SET generation = s.generation + changed::integer
	WHERE s.group_name = the_group
	RETURNING s.generation INTO current_generation;
	RETURN QUERY SELECT current_generation, NULL::text, NULL::integer,
		NULL::boolean, NULL::boolean, NULL::bigint;
END $$;

-- Partitions that I have given up; the others look again.
CREATE FUNCTION psymatch.group_release(
	the_group text, me uuid, topics text[], partitions integer[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE psymatch.group_state SET generation = generation + 1
	WHERE group_name = the_group;
	UPDATE psymatch.group_partition AS g SET owner = NULL
	FROM unnest(topics, partitions) AS u(t, n)
	WHERE g.group_name = the_group AND g.topic = u.t AND g.partition = u.n
		AND g.owner = me;
END $$;

CREATE FUNCTION psymatch.group_leave(the_group text, me uuid)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE psymatch.group_state SET generation = generation + 1
	WHERE group_name = the_group;
	UPDATE psymatch.group_partition SET owner = NULL
	WHERE group_name = the_group AND owner = me;
	DELETE FROM psymatch.group_member
	WHERE group_name = the_group AND member = me;
END $$;

-- How far each partition is; how many of them were mine.
CREATE FUNCTION psymatch.group_commit(
	the_group text, me uuid, topics text[], partitions integer[],
	nexts bigint[])
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	mine bigint;
BEGIN
	UPDATE psymatch.group_partition AS g SET next = u.upto
	FROM unnest(topics, partitions, nexts) AS u(t, n, upto)
	WHERE g.group_name = the_group AND g.topic = u.t AND g.partition = u.n
		AND g.owner = me;
	GET DIAGNOSTICS mine = ROW_COUNT;
	RETURN mine;
END $$;
