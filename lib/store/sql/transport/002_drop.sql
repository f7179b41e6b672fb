-- A topic goes with its messages and with what groups know of it, also those of
-- processors in this database: a new topic of the name begins at 0, and nobody
-- may begin behind its first messages.
CREATE FUNCTION psymatch.topic_drop(the_topic text)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	-- The partitions go first: writers wait for them, and find nothing.
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
	WHERE group_name IN (SELECT group_name FROM psymatch.group_member
		WHERE the_topic = ANY (topics));
	RETURN true;
END $$;
