/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/conn_int.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a second connection is tried to find out what a pooler does. */
#define PROBE_MS 1000

static void
on_notice(void *user, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *severity =
	    PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	struct psm__conn *c = user;
	char text[160];

	/* Said to an idle connection: it will be closed. */
	if (severity && strcmp(severity, "FATAL") == 0)
		c->broken = 1;
	if (!psm_log_wanted(PSM_LOG_DEBUG))
		return;
	psm__sqlstate_text(state ? state : "", message ? message : "", text,
	                   sizeof text);
	psm__log(PSM_LOG_DEBUG, "database notice", "sqlstate",
	         state ? state : "", "text", text, NULL);
}

static int
finish_connect(struct psm__conn *c, int64_t deadline_ms, psm_error *err)
{
	PostgresPollingStatusType st = PGRES_POLLING_WRITING;
	int rc;

	while (st != PGRES_POLLING_OK) {
		rc = psm__conn_wait(
		    c, st == PGRES_POLLING_READING ? POLLIN : POLLOUT,
		    deadline_ms, err);
		if (rc < 0)
			return rc;
		st = PQconnectPoll(c->pg);
		if (st == PGRES_POLLING_FAILED)
			return psm__conn_fail(c, "cannot connect", err);
	}
	return 0;
}

/* Values go to libpq one by one, so nothing needs quoting and no value is read
 * as a connection string. */
static PGconn *
start_connect(const struct psm__conn_conf *conf, const char *name)
{
	const char *const keys[] = {"host",
	                            "port",
	                            "dbname",
	                            "user",
	                            "password",
	                            "application_name",
	                            "client_encoding",
	                            "keepalives_idle",
	                            "keepalives_interval",
	                            "keepalives_count",
	                            "tcp_user_timeout",
	                            "target_session_attrs",
	                            NULL};
	const char *const values[] = {
	    conf->host, conf->port, conf->dbname, conf->user, conf->password,
	    name, "UTF8", "30", "10", "3", "30000",
	    /* Of several hosts, the one that can be written to. */
	    strchr(conf->host, ',') ? "read-write" : "any", NULL};

	return PQconnectStartParams(keys, values, 0);
}

/* From the first bytes to a session as it is wanted. */
static int
set_up(struct psm__conn *c, int64_t deadline_ms, psm_error *err)
{
	int64_t left_ms;
	int rc = finish_connect(c, deadline_ms, err);

	if (rc < 0)
		return rc;
	if (PQsetnonblocking(c->pg, 1) != 0 || !PQenterPipelineMode(c->pg))
		return psm__conn_fail(c, "cannot set up the connection", err);
	left_ms = deadline_ms - psm__mono_ms();
	psm__conn_limits(c, left_ms > 1 ? (int)left_ms : 1, NULL);
	rc = psm__session_set_up(c, err);
	psm__conn_limits(c, 0, NULL);
	return rc;
}

void
psm__conn_close(struct psm__conn *c)
{
	if (!c)
		return;
	PQfinish(c->pg);
	psm__conn_unprepare(c);
	psm__free(c->queue);
	psm__free(c);
}

/* psm__conn_open without a look at what a pooler does. */
static int
open_one(const struct psm__conn_conf *conf, const char *purpose, int timeout_ms,
         struct psm__conn **out, psm_error *err)
{
	struct psm__conn *c;
	char name[64];
	int rc;

	*out = NULL;
	c = psm__alloc(sizeof *c);
	if (!c)
		return psm__nomem(err);
	psm__conn_limits(c, 0, NULL);
	(void)snprintf(name, sizeof name, "psymatch %s", purpose);
	c->pg = start_connect(conf, name);
	if (!c->pg) {
		rc = psm__nomem(err);
		goto out;
	}
	if (PQstatus(c->pg) == CONNECTION_BAD) {
		rc = psm__conn_fail(c, "cannot connect", err);
		goto out;
	}
	(void)PQsetNoticeReceiver(c->pg, on_notice, c);
	rc = set_up(c, psm__mono_ms() + timeout_ms, err);
	if (rc < 0)
		goto out;
	*out = c;
	c = NULL;
out:
	psm__conn_close(c);
	return rc;
}

/* Fails when a pooler gives the session of c to others between transactions. */
static int
check_pooler(const struct psm__conn *c, const struct psm__conn_conf *conf,
             psm_error *err)
{
	struct psm__conn *second;
	int same;

	if (open_one(conf, "probe", PROBE_MS, &second, NULL) < 0)
		return 0; /* no second one to be had: nothing is known */
	same = second->pid == c->pid;
	psm__conn_close(second);
	if (!same)
		return 0;
	(void)psm__fail(err, PSM_ERR_DB,
	                "database: the pooler shares one session between two "
	                "connections, want it in session mode (PgBouncer: "
	                "pool_mode = session)");
	psm__error_flags(err, 1, 0);
	return PSM_ERR_DB;
}

int
psm__conn_open(struct psm__conn_conf *conf, const char *purpose, int timeout_ms,
               struct psm__conn **out, psm_error *err)
{
	int rc = open_one(conf, purpose, timeout_ms, out, err);

	if (rc < 0 || !(*out)->pooled ||
	    __atomic_load_n(&conf->pooler_known, __ATOMIC_ACQUIRE))
		return rc;
	rc = check_pooler(*out, conf, err);
	if (rc == 0) {
		__atomic_store_n(&conf->pooler_known, 1, __ATOMIC_RELEASE);
		return 0;
	}
	psm__conn_close(*out);
	*out = NULL;
	return rc;
}

int
psm__conn_usable(struct psm__conn *c)
{
	struct pollfd fd = {PQsocket(c->pg), POLLIN, 0};

	if (c->broken || PQstatus(c->pg) != CONNECTION_OK)
		return 0;
	/* What a server says to an idle client is mostly good-bye. */
	if (poll(&fd, 1, 0) > 0) {
		if (!PQconsumeInput(c->pg))
			return 0;
		(void)PQisBusy(c->pg); /* hands a message to on_notice */
	}
	return !c->broken && PQstatus(c->pg) == CONNECTION_OK;
}

int
psm__conn_in_tx(const struct psm__conn *c)
{
	return PQtransactionStatus(c->pg) != PQTRANS_IDLE;
}

int
psm__conn_broken(const struct psm__conn *c)
{
	return c->broken;
}

int
psm__conn_writes(const struct psm__conn *c)
{
	return c->writes;
}

int
psm__conn_outdated(const struct psm__conn *c)
{
	return c->outdated;
}

int
psm__conn_clean(struct psm__conn *c)
{
	return c->changed ? psm__session_reset(c) : 0;
}

const char *
psm__conn_tag(const struct psm__conn *c)
{
	return c->tag;
}
