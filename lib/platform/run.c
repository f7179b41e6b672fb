/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/platform.h"

#include <signal.h>
#include <unistd.h>

/* The host first: what all share starts first and stops last. */
#define SEATS (PLATFORM_SERVICES + 1)

static int
listen_at(const psm_platform *pf, struct svc_seat *seat, const char *port,
          psm_error *err)
{
	const char *host = psm_config_string(pf->cfg, "PSYMATCH_HTTP_HOST");
	int number = (int)psm_config_int(pf->cfg, port);
	int rc;

	if (number == 0)
		return PSM_OK;
	rc = psm__svc_listen(host, number, &seat->fd, NULL, err);
	if (rc == PSM_OK)
		rc = psm__svc_door_may_listen(seat->svc, seat->fd, err);
	if (rc == PSM_OK)
		psm__log(PSM_LOG_INFO, "listening", "host", host, "name",
		         seat->svc->name, NULL);
	return rc;
}

/* With one port only the host listens, else all but the host. */
static int
take_seats(const psm_platform *pf, struct svc_seat *seats, size_t *count,
           psm_error *err)
{
	int one_port =
	    pf->host && psm_config_bool(pf->cfg, "PSYMATCH_HTTP_ONE_PORT");
	int rc = PSM_OK;

	if (pf->host)
		seats[(*count)++] = (struct svc_seat){pf->host, -1};
	if (one_port)
		rc = listen_at(pf, &seats[0], "PSYMATCH_HTTP_PORT", err);
	for (size_t i = 0; i < pf->count && rc == PSM_OK; i++) {
		struct svc_seat *seat = &seats[(*count)++];

		*seat = (struct svc_seat){pf->members[i].svc, -1};
		if (!one_port)
			rc = listen_at(pf, seat, pf->members[i].row->port, err);
	}
	return rc;
}

int
psm_platform_run(psm_platform *pf, psm_error *err)
{
	struct svc_seat seats[SEATS];
	size_t count = 0;
	int rc;

	psm_error_clear(err);
	if (!pf)
		return psm__fail(err, PSM_ERR_INVAL, "want services");
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return psm__fail(err, PSM_ERR_IO, "cannot ignore SIGPIPE");
	rc = take_seats(pf, seats, &count, err);
	if (rc == PSM_OK)
		return psm__svc_run_group(seats, count, err);
	while (count > 0)
		if (seats[--count].fd >= 0)
			close(seats[count].fd);
	return rc;
}

void
psm_platform_stop(psm_platform *pf)
{
	if (pf)
		psm_service_stop(pf->host ? pf->host : pf->members[0].svc);
}
