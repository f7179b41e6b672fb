/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is everything there that the services need? One line per thing that was
 * looked at, with what to do where something is wrong. Nothing is changed.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <psymatch/service.h>

#include "tool.h"

static const char usage[] =
    "usage: psymatch-doctor [--json] [--wait SECONDS]\n"
    "Looks at settings, database, rights, migrations, broker, topics, spool,\n"
    "clock and what waits for a person; changes nothing.\n"
    "  --json          one JSON object a line\n"
    "  --wait SECONDS  for a broker (10)\n"
    "  -h, --help      print this text\n"
    "  --version       print the version\n"
    "Exit status: 0 all is well, 1 something is to be done, 2 not how it is\n"
    "used.\n";

enum state { OK, NOTE, WRONG };

static const char *const state_names[] = {"ok", "note", "wrong"};

struct doctor {
	int json;
	long wait_s;
	int wrong; /* how many */
	psm_config *cfg;
	psm_store *store;
	psm_error *err;
};

/* -- telling */

static void
tell_json(const struct doctor *d, const char *what, enum state state,
          const char *found, const char *remedy)
{
	psm_json_writer *w = psm_json_writer_new();
	const char *text;

	psm_json_write_object(w);
	psm_json_write_key(w, "check");
	psm_json_write_string(w, what);
	psm_json_write_key(w, "state");
	psm_json_write_string(w, state_names[state]);
	psm_json_write_key(w, "found");
	psm_json_write_string(w, found);
	psm_json_write_key(w, "remedy");
	if (remedy)
		psm_json_write_string(w, remedy);
	else
		psm_json_write_null(w);
	psm_json_write_end(w);
	if (psm_json_writer_finish(w, &text, NULL, d->err) == 0)
		puts(text);
	psm_json_writer_free(w);
}

/* remedy: what to do; NULL: nothing. */
static void
tell(struct doctor *d, const char *what, enum state state, const char *found,
     const char *remedy)
{
	d->wrong += state == WRONG;
	if (d->json) {
		tell_json(d, what, state, found, remedy);
		return;
	}
	printf("%-5s  %-10s  %s\n", state_names[state], what, found);
	if (remedy)
		printf("       %-10s  -> %s\n", "", remedy);
	(void)fflush(stdout);
}

static void
tell_error(struct doctor *d, const char *what, const char *remedy)
{
	tell(d, what, WRONG, psm_error_message(d->err), remedy);
}

/* -- the database */

/* The rows, or NULL: that is said. */
static psm_rows *
ask(struct doctor *d, const char *what, const char *sql, const char *remedy)
{
	psm_rows *rows = NULL;

	if (psm_store_exec(d->store, sql, 0, NULL, &rows, d->err) == 0)
		return rows;
	tell_error(d, what, remedy);
	return NULL;
}

static void
look_at_clock(struct doctor *d, int64_t theirs_us, int64_t before_us)
{
	int64_t now = psm_now_us(), off_ms = 0;
	char found[100];

	/* Between the question and the answer any time is right. */
	if (theirs_us < before_us)
		off_ms = (before_us - theirs_us) / 1000;
	else if (theirs_us > now)
		off_ms = (now - theirs_us) / 1000;
	(void)snprintf(
	    found, sizeof found, "%lld.%03lld s %s the clock of the database",
	    (long long)llabs(off_ms) / 1000, (long long)llabs(off_ms) % 1000,
	    off_ms < 0 ? "behind" : "ahead of");
	if (llabs(off_ms) <= 1000)
		tell(d, "clock", OK, found, NULL);
	else
		tell(d, "clock", NOTE, found,
		     "let NTP set the clocks of both machines");
}

static int
look_at_database(struct doctor *d)
{
	static const char remedy[] =
	    "is PostgreSQL running? DB_HOST, DB_PORT, DB_NAME, DB_USER and "
	    "DB_PASSWORD say where: psymatch-settings(7)";
	int64_t before = psm_now_us();
	char found[300];
	psm_rows *rows;

	if (psm_store_open(d->cfg, &d->store, d->err) < 0) {
		tell_error(d, "database", remedy);
		return -1;
	}
	rows = ask(d, "database",
	           "SELECT current_setting('server_version'), "
	           "current_database(), current_user, "
	           "pg_is_in_recovery()::integer, "
	           "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint, "
	           "current_setting('server_version_num')::integer",
	           remedy);
	if (!rows)
		return -1;
	(void)snprintf(found, sizeof found, "PostgreSQL %.60s, %.80s as %.80s",
	               psm_rows_text(rows, 0, 0), psm_rows_text(rows, 0, 1),
	               psm_rows_text(rows, 0, 2));
	if (psm_rows_int(rows, 0, 3))
		tell(d, "database", WRONG,
		     "the server is a standby, it takes no changes",
		     "let DB_HOST name the primary server");
	else if (psm_rows_int(rows, 0, 5) < 130000)
		tell(d, "database", WRONG, found,
		     "take PostgreSQL 13 or newer");
	else
		tell(d, "database", OK, found, NULL);
	look_at_clock(d, psm_rows_int(rows, 0, 4), before);
	psm_rows_free(rows);
	return 0;
}

/* Whether the schema psymatch is there. */
static int
look_at_rights(struct doctor *d)
{
	static const char table[] = "tables of psymatch that may not be %s";
	char found[200];
	psm_rows *rows;
	int there = 0;

	rows = ask(
	    d, "rights",
	    "SELECT (n.oid IS NOT NULL)::integer, "
	    "coalesce(has_schema_privilege(n.oid, 'USAGE'), "
	    "has_database_privilege(current_database(), 'CREATE'))::integer, "
	    "(SELECT count(*) FROM pg_class AS c WHERE c.relnamespace = n.oid "
	    "AND c.relkind IN ('r', 'p') AND c.relname <> 'migration' AND NOT "
	    "(has_table_privilege(c.oid, 'SELECT') AND "
	    "has_table_privilege(c.oid, 'INSERT') AND "
	    "has_table_privilege(c.oid, 'UPDATE') AND "
	    "has_table_privilege(c.oid, 'DELETE'))) "
	    "FROM (SELECT 1) AS one LEFT JOIN pg_namespace AS n "
	    "ON n.nspname = 'psymatch'",
	    NULL);
	if (!rows)
		return 0;
	there = psm_rows_int(rows, 0, 0) == 1;
	if (psm_rows_int(rows, 0, 1) != 1)
		tell(d, "rights", WRONG,
		     there ? "the schema psymatch may not be used"
		           : "no schema psymatch, and none may be made",
		     there
		         ? "GRANT USAGE ON SCHEMA psymatch to this role"
		         : "GRANT CREATE ON DATABASE to this role, or let its "
		           "owner run: matching-service migrate");
	else if (psm_rows_int(rows, 0, 2) > 0) {
		(void)snprintf(found, sizeof found, table, "read and written");
		tell(d, "rights", WRONG, found,
		     "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN "
		     "SCHEMA psymatch to this role");
	} else
		tell(d, "rights", OK,
		     there ? "all tables of psymatch may be read and written"
		           : "a schema psymatch may be made",
		     NULL);
	psm_rows_free(rows);
	return there;
}

/* The set of the library, and those of services that were ever applied. */
static void
look_at_migrations(struct doctor *d)
{
	char found[200] = "", *end = found;
	psm_rows *rows;
	size_t i;

	rows = ask(d, "migrations",
	           "SELECT 'psymatch' UNION SELECT set FROM psymatch.migration "
	           "ORDER BY 1",
	           "GRANT SELECT ON psymatch.migration to this role");
	for (i = 0; i < psm_rows_count(rows); i++) {
		const char *set = psm_rows_text(rows, i, 0);
		int rc = psm_store_migrated(d->store, set, d->err);

		if (rc == 1 && found + sizeof found - end > 80)
			end += snprintf(end, 80, "%s%.60s",
			                end > found ? ", " : "", set);
		if (rc == 0) {
			char text[120];

			(void)snprintf(text, sizeof text,
			               "the set \"%.60s\" is not up to date",
			               set);
			tell(d, "migrations", WRONG, text,
			     "psymatch-platform migrate, or NAME-service "
			     "migrate of that service");
		} else if (rc == PSM_ERR_NOT_FOUND) {
			continue; /* of somebody else */
		} else if (rc < 0) {
			tell_error(d, "migrations",
			           "take the version of psymatch that made "
			           "this database, or a newer one");
		}
	}
	if (rows && end > found)
		tell(d, "migrations", OK, found, NULL);
	psm_rows_free(rows);
}

static void
look_at_waiting(struct doctor *d)
{
	long long dead, parked;
	char found[120];
	psm_rows *rows;

	rows = ask(d, "events",
	           "SELECT (SELECT count(*) FROM psymatch.dead_letter), "
	           "(SELECT count(*) FROM psymatch.parked)",
	           NULL);
	if (!rows)
		return;
	dead = psm_rows_int(rows, 0, 0);
	parked = psm_rows_int(rows, 0, 1);
	(void)snprintf(found, sizeof found, "%lld dead letter%s, %lld parked",
	               dead, dead == 1 ? "" : "s", parked);
	tell(d, "events", dead + parked ? NOTE : OK, found,
	     dead + parked ? "psymatch-dead ls shows them" : NULL);
	psm_rows_free(rows);
}

/* -- the transport */

static void
look_at_broker(struct doctor *d)
{
	const char *transport = psm_config_string(d->cfg, "PSYMATCH_TRANSPORT");
	char *json = NULL, found[120];
	int rc;

	if (strcmp(transport, "kafka") != 0) {
		(void)snprintf(found, sizeof found,
		               "none is needed: PSYMATCH_TRANSPORT is %.40s",
		               transport);
		tell(d, "broker", strcmp(transport, "memory") ? OK : NOTE,
		     found,
		     strcmp(transport, "memory")
		         ? NULL
		         : "events in memory reach this process only");
		return;
	}
	rc = psm_topics_plan(d->cfg, 0, 0, 0, (int)d->wait_s * 1000, &json,
	                     d->err);
	psm_free(json);
	if (rc < 0) {
		tell_error(d, "broker",
		           "is Kafka running? KAFKA_BOOTSTRAP_SERVERS says "
		           "where; psymatch-kafka(7) has logins and TLS");
		return;
	}
	tell(d, "broker", OK,
	     psm_config_string(d->cfg, "KAFKA_BOOTSTRAP_SERVERS"), NULL);
	(void)snprintf(found, sizeof found, "%d %s missing or different", rc,
	               rc == 1 ? "is" : "are");
	if (rc > 0)
		tell(d, "topics", WRONG, found,
		     "psymatch-topics plan shows them, psymatch-topics apply "
		     "creates what is missing");
	else
		tell(d, "topics", OK, "all are as the catalogue wants them",
		     NULL);
}

/* -- the spool */

struct spool {
	long long waiting, damages;
};

static int
count_item(const psm_spool_item *i, void *user)
{
	struct spool *s = user;

	switch (psm_spool_item_what(i)) {
	case PSM_SPOOL_RECORD:
		s->waiting += !psm_spool_item_int(i, "settled");
		break;
	case PSM_SPOOL_DAMAGE:
		s->damages++;
		break;
	default:
		break;
	}
	return 0;
}

/* 1: this user may make dir, and what is missing above it. */
static int
can_make(const char *dir)
{
	char path[4200];
	struct stat st;
	char *end;

	(void)snprintf(path, sizeof path, "%.4199s", dir);
	while (stat(path, &st) != 0) {
		end = strrchr(path, '/');
		if (!end)
			(void)snprintf(path, sizeof path, ".");
		else
			end[end == path] = '\0';
	}
	return S_ISDIR(st.st_mode) && access(path, W_OK | X_OK) == 0;
}

static void
look_into_spool(struct doctor *d, const char *dir)
{
	struct spool s = {0};
	struct statvfs fs;
	char found[5000];
	long long free_mib = -1;
	int rc;

	rc = psm_spool_scan(
	    dir, psm_config_string(d->cfg, "PSYMATCH_SPOOL_KEY_FILE"),
	    count_item, &s, d->err);
	if (rc < 0 && access(dir, F_OK) != 0) {
		int can = can_make(dir);

		(void)snprintf(
		    found, sizeof found, "%.4000s: %s", dir,
		    can ? "not there yet, the first producer makes it"
			: "not there, and this user may not make it");
		tell(d, "spool", can ? OK : WRONG, found,
		     can ? NULL : "make it for the services' user");
		return;
	}
	if (rc < 0 && rc != PSM_ERR_NOT_FOUND) {
		tell_error(d, "spool",
		           "PSYMATCH_SPOOL_DIR wants a directory of the "
		           "services' own");
		return;
	}
	if (statvfs(dir, &fs) == 0)
		free_mib =
		    (long long)fs.f_bavail * (long long)fs.f_frsize >> 20;
	(void)snprintf(found, sizeof found,
	               "%.4000s: %lld event%s wait%s, %lld damaged place%s, "
	               "%lld MiB free",
	               dir, s.waiting, s.waiting == 1 ? "" : "s",
	               s.waiting == 1 ? "s" : "", s.damages,
	               s.damages == 1 ? "" : "s", free_mib);
	if (access(dir, W_OK | X_OK) != 0)
		tell(d, "spool", WRONG, found,
		     "this user may not write there; the services' user must");
	else if (s.damages)
		tell(d, "spool", WRONG, found,
		     "psymatch-spool verify says where, psymatch-spool repair "
		     "puts it aside");
	else if (free_mib >= 0 && free_mib < 256)
		tell(d, "spool", WRONG, found,
		     "make room: without it nothing is accepted");
	else
		tell(d, "spool", OK, found, NULL);
}

static void
look_at_spool(struct doctor *d)
{
	const char *dir = psm_config_string(d->cfg, "PSYMATCH_SPOOL_DIR");
	const char *by = psm_config_string(d->cfg, "PSYMATCH_TRANSPORT");
	char usual[4200];

	if ((!dir || !dir[0]) && by && strcmp(by, "memory") == 0)
		dir = "none";
	if (dir && strcmp(dir, "none") == 0) {
		tell(d, "spool", NOTE,
		     "none: events that wait for the broker are in memory only",
		     "name a directory in PSYMATCH_SPOOL_DIR");
		return;
	}
	if (!dir || !dir[0])
		dir = tool_usual_spool(usual, sizeof usual);
	if (dir)
		look_into_spool(d, dir);
	else
		tell(
		    d, "spool", WRONG,
		    "PSYMATCH_SPOOL_DIR is not set, and neither "
		    "STATE_DIRECTORY nor XDG_STATE_HOME nor HOME names a place",
		    "name a directory in PSYMATCH_SPOOL_DIR");
}

/* -- all of it */

static void
look(struct doctor *d)
{
	char found[100];
	size_t i, given = 0;

	(void)snprintf(found, sizeof found, "psymatch %s, built for %s",
	               psm_version(), PSM_VERSION);
	tell(d, "version", strcmp(psm_version(), PSM_VERSION) ? NOTE : OK,
	     found, NULL);
	/* Those of the services, too. */
	if (psm_config_register(psm_service_settings(), d->err) < 0 ||
	    psm_config_from_env(&d->cfg, d->err) < 0) {
		tell_error(d, "settings",
		           "psymatch-settings(7) lists what each takes");
		return;
	}
	for (i = 0; i < psm_config_count(); i++)
		given += psm_config_given(d->cfg, psm_config_name_at(i)) == 1;
	(void)snprintf(found, sizeof found, "%zu of %zu are set", given,
	               psm_config_count());
	tell(d, "settings", OK, found, NULL);
	if (look_at_database(d) == 0 && look_at_rights(d)) {
		look_at_migrations(d);
		look_at_waiting(d);
	} else if (d->store && d->wrong == 0) {
		tell(d, "migrations", NOTE, "none was applied",
		     "services do so when they start");
	}
	look_at_broker(d);
	look_at_spool(d);
}

int
main(int argc, char **argv)
{
	static const struct option known[] = {
	    {"json", no_argument, NULL, 'j'},
	    {"wait", required_argument, NULL, 'w'},
	    TOOL_OPTIONS,
	};
	static char name[] = "psymatch-doctor";
	struct doctor d = {.wait_s = 10};
	int c, rc = 0;

	while (rc == 0 && (c = getopt_long(argc, argv, "h", known, NULL)) != -1)
		if (c == 'j')
			d.json = 1;
		else if (c == 'w')
			rc = tool_number(name, "--wait", optarg, 3600,
			                 &d.wait_s);
		else
			rc = tool_asked(c, name, usage);
	if (rc > 0)
		return tool_flush(name) < 0;
	if (rc == 0 && optind != argc) {
		fprintf(stderr, "%s: %s: want options only\n", name,
		        argv[optind]);
		rc = -1;
	}
	if (rc < 0)
		return fputs(usage, stderr), 2;
	tool_log_start(name);
	d.err = psm_error_new();
	look(&d);
	psm_store_free(d.store);
	psm_config_free(d.cfg);
	psm_error_free(d.err);
	return tool_flush(name) < 0 || d.wrong > 0;
}
