-- As it was, but the groups come first, as they do in psymatch.group_follow():
-- in the other order a member and this could wait for each other. A group made
-- meanwhile looks again by itself.
CREATE OR REPLACE FUNCTION psymatch.topic_drop(the_topic text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	groups text[] := ARRAY(SELECT group_name FROM psymatch.group_state
		ORDER BY group_name FOR UPDATE);
BEGIN
	-- The partitions go next: writers wait for them, and find nothing.
	DELETE FROM psymatch.topic WHERE name = the_topic;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	DELETE FROM psymatch.log WHERE topic = the_topic;
	IF to_regclass('psymatch.consumer_offset') IS NOT NULL THEN
		DELETE FROM psymatch.consumer_offset
		WHERE topic = 'postgres/' || the_topic;
	END IF;
	UPDATE psymatch.group_state SET generation = generation + 1
	WHERE group_name = ANY (groups)
		AND group_name IN (SELECT group_name FROM psymatch.group_member
			WHERE the_topic = ANY (topics));
	RETURN true;
END $$;
