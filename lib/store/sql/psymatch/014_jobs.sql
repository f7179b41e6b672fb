-- Work that is to be done later, or each day: one row per kind and key, made in
-- the transaction that wants it done.

CREATE TABLE psymatch.job (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind       text NOT NULL,
	key        text NOT NULL,
	payload    text NOT NULL DEFAULT '{}',
	day        date,
	state      text NOT NULL DEFAULT 'waiting'
	           CHECK (state IN ('waiting', 'running', 'done', 'missed', 'failed')),
	run_at     timestamptz NOT NULL,
	due_at     timestamptz NOT NULL,
	attempts   integer NOT NULL DEFAULT 0,
	fence      bigint NOT NULL DEFAULT 0,
	started_at timestamptz,
	ended_at   timestamptz,
	error_code text,
	UNIQUE (kind, key)
) WITH (fillfactor = 70);
CREATE INDEX job_due ON psymatch.job (kind, due_at, id) WHERE state IN ('waiting', 'running');
CREATE INDEX job_ended ON psymatch.job (ended_at) WHERE state IN ('done', 'missed');
CREATE INDEX job_failed ON psymatch.job (kind, ended_at) WHERE state = 'failed';
COMMENT ON TABLE psymatch.job IS 'Work to be done later; the payload has numbers of rows, nothing about people';
COMMENT ON COLUMN psymatch.job.day IS 'Of a daily job: the local date it is for; key is the same';
COMMENT ON COLUMN psymatch.job.run_at IS 'When it was to be done';
COMMENT ON COLUMN psymatch.job.due_at IS
	'When a worker may take it: the next try, or the end of the lease of the one that runs it';
COMMENT ON COLUMN psymatch.job.fence IS 'Rises with each taking: only the worker that took it last can end it';

CREATE TABLE psymatch.job_schedule (
	kind     text PRIMARY KEY,
	daily_at time NOT NULL,
	run_late boolean NOT NULL
);
COMMENT ON TABLE psymatch.job_schedule IS
	'Daily jobs as the last program that runs them declared them: the time of day in Berlin; run_late: '
	'one that was missed is done later the same day, else it is left out';

-- Make the rows of a daily job up to the next one; its time. At a change of the
-- clocks PostgreSQL takes a time that does not exist as standard time (02:30 is
-- 03:30 in summer), and of one that exists twice the second one.
CREATE FUNCTION psymatch.job_plan(the_kind text, the_time time, late boolean, grace interval, moment timestamptz)
RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
	zone constant text := 'Europe/Berlin';
	today constant date := (moment AT TIME ZONE zone)::date;
	newest date;
	due date := today;
BEGIN
	INSERT INTO psymatch.job_schedule AS s VALUES (the_kind, the_time, late)
	ON CONFLICT (kind) DO UPDATE SET daily_at = the_time, run_late = late
	WHERE (s.daily_at, s.run_late) IS DISTINCT FROM (the_time, late);
	IF (today + the_time) AT TIME ZONE zone > moment THEN
		due := today - 1;
	END IF;
	SELECT j.day INTO newest FROM psymatch.job j
	WHERE j.kind = the_kind AND j.day IS NOT NULL ORDER BY j.key DESC LIMIT 1;
	-- What fell into a time when no program ran; a job that is new missed nothing.
	IF newest IS NOT NULL THEN
		INSERT INTO psymatch.job (kind, key, day, run_at, due_at)
		SELECT the_kind, d::date::text, d::date, t.instant, t.instant
		FROM generate_series(greatest(newest + 1, due - 366)::timestamp, due, '1 day') d
		CROSS JOIN LATERAL (SELECT (d::date + the_time) AT TIME ZONE zone AS instant) t
		ON CONFLICT DO NOTHING;
	END IF;
	-- The latest one stands for those before it.
	UPDATE psymatch.job SET state = CASE WHEN attempts = 0 THEN 'missed' ELSE 'failed' END,
		ended_at = moment, fence = fence + 1,
		error_code = coalesce(error_code, CASE WHEN attempts > 0 THEN 'PSM_ERR_TIMEOUT' END)
	WHERE kind = the_kind AND day IS NOT NULL AND state IN ('waiting', 'running')
	AND ((state = 'waiting' AND (day < due OR (NOT late AND attempts = 0 AND run_at < moment - grace)))
	OR (state = 'running' AND day < due AND due_at <= moment));
	INSERT INTO psymatch.job (kind, key, day, run_at, due_at)
	SELECT the_kind, (due + 1)::text, due + 1, t.instant, t.instant
	FROM (SELECT (due + 1 + the_time) AT TIME ZONE zone AS instant) t
	ON CONFLICT DO NOTHING;
	-- The time of day was changed.
	UPDATE psymatch.job SET run_at = (day + the_time) AT TIME ZONE zone, due_at = (day + the_time) AT TIME ZONE zone
	WHERE kind = the_kind AND state = 'waiting' AND attempts = 0 AND day > due
	AND run_at <> (day + the_time) AT TIME ZONE zone;
	RETURN (SELECT min(due_at) FROM psymatch.job WHERE kind = the_kind AND state IN ('waiting', 'running'));
END
$$;

-- A time as the library writes it.
CREATE FUNCTION psymatch.job_time(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

CREATE FUNCTION psymatch.job_status() RETURNS json LANGUAGE sql STABLE AS $$
	SELECT coalesce(json_agg(json_build_object(
		'kind', kind,
		'daily_at', to_char(s.daily_at, 'HH24:MI'),
		'when_missed', CASE s.run_late WHEN true THEN 'late' WHEN false THEN 'skip' END,
		'waiting', coalesce(c.waiting, 0), 'running', coalesce(c.running, 0), 'done', coalesce(c.done, 0),
		'missed', coalesce(c.missed, 0), 'failed', coalesce(c.failed, 0),
		'last_run', psymatch.job_time(l.started_at), 'last_state', l.state, 'last_error', l.error_code,
		'next_run', psymatch.job_time(c.next_run)) ORDER BY kind), '[]')
	FROM psymatch.job_schedule s
	FULL JOIN (
		SELECT kind, count(*) FILTER (WHERE state = 'waiting') AS waiting,
			count(*) FILTER (WHERE state = 'running') AS running,
			count(*) FILTER (WHERE state = 'done') AS done,
			count(*) FILTER (WHERE state = 'missed') AS missed,
			count(*) FILTER (WHERE state = 'failed') AS failed,
			min(due_at) FILTER (WHERE state = 'waiting') AS next_run,
			max(started_at) AS last_run
		FROM psymatch.job GROUP BY kind) c USING (kind)
	LEFT JOIN LATERAL (
		SELECT started_at, state, error_code FROM psymatch.job j
		WHERE j.kind = c.kind AND j.started_at = c.last_run LIMIT 1) l ON true
$$;
