-- SPDX-License-Identifier: BSD-2-Clause
-- Types where the former platform has them, and where people find them without a schema; they stay in psymatch if only others may
-- make things in public.
DO $$
DECLARE
	name text;
BEGIN
	IF to_regnamespace('public') IS NULL OR NOT has_schema_privilege('public', 'CREATE') THEN
		RETURN;
	END IF;
	FOR name IN SELECT typname FROM pg_type WHERE typnamespace = 'psymatch'::regnamespace AND typname IN (
			'anrede', 'geschlecht', 'patientenstatus', 'therapeutgeschlechtspraeferenz', 'therapieverfahren', 'therapeutstatus',
			'suchstatus', 'antworttyp', 'anfrage_patient_status', 'patientenergebnis', 'emailstatus', 'telefonanrufstatus')
			AND typtype = 'e' AND pg_has_role(typowner, 'USAGE')
			AND to_regtype(format('public.%I', typname)) IS NULL LOOP
		EXECUTE format('ALTER TYPE psymatch.%I SET SCHEMA public', name);
	END LOOP;
END
$$;
