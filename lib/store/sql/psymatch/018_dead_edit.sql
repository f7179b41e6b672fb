-- SPDX-License-Identifier: BSD-2-Clause
-- An edited event is kept as it was given; only a letter of the outbox, which is taken apart in SQL, needs the envelope of one that is none.
DROP FUNCTION psymatch.dead_edit(bigint, bytea, text, text, uuid, text);
CREATE FUNCTION psymatch.dead_edit(row_id bigint, bytes bytea, who text, why text,
	new_event_id uuid DEFAULT NULL, new_type text DEFAULT NULL,
	envelope bytea DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	d      psymatch.dead_letter := psymatch.dead_lock(row_id);
	edited bytea := CASE WHEN d.consumer = 'outbox' THEN coalesce(envelope, bytes) ELSE bytes END;
BEGIN
	IF d.event_id <> new_event_id THEN
		RAISE EXCEPTION 'the bytes are those of another event'
			USING ERRCODE = 'unique_violation';
	END IF;
	INSERT INTO psymatch.dead_audit (action, source, row_id, consumer,
		event_id, type, who, why, before_sha256, after_sha256)
	VALUES ('edit', 'dead', d.id, d.consumer, coalesce(d.event_id,
		new_event_id), coalesce(new_type, d.type), who, why,
		sha256(coalesce(d.edited_raw, d.raw)), sha256(edited));
	UPDATE psymatch.dead_letter SET edited_raw = edited,
		event_id = coalesce(event_id, new_event_id),
		type = coalesce(new_type, type) WHERE id = d.id;
END
$$;
COMMENT ON FUNCTION psymatch.dead_edit(bigint, bytea, text, text, uuid, text, bytea) IS
	'Other bytes for a dead letter, and the same event as an envelope for one of the outbox; what came is kept beside them';
