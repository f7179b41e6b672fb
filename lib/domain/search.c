/* SPDX-License-Identifier: BSD-2-Clause */
/* Which status may follow which: searches and inquiries. */
#include "domain/domain.h"

#define TO(s) (1u << (s))

static const unsigned search_may[4] = {
    [PSM_SEARCH_AKTIV] = TO(PSM_SEARCH_PAUSIERT) | TO(PSM_SEARCH_ERFOLGREICH) |
                         TO(PSM_SEARCH_ABGEBROCHEN),
    [PSM_SEARCH_PAUSIERT] = TO(PSM_SEARCH_AKTIV) | TO(PSM_SEARCH_ABGEBROCHEN),
    [PSM_SEARCH_ERFOLGREICH] = 0,
    [PSM_SEARCH_ABGEBROCHEN] = 0,
};

static const unsigned inquiry_may[4] = {
    [PSM_INQUIRY_UNSENT] = TO(PSM_INQUIRY_SENT) | TO(PSM_INQUIRY_CANCELLED),
    [PSM_INQUIRY_SENT] = TO(PSM_INQUIRY_ANSWERED),
    [PSM_INQUIRY_ANSWERED] = 0,
    [PSM_INQUIRY_CANCELLED] = 0,
};

static const char *const inquiry_names[] = {"unsent", "sent", "answered",
                                            "cancelled", NULL};

const char *
psm_search_status_name(int status)
{
	if (status < PSM_SEARCH_AKTIV || status > PSM_SEARCH_ABGEBROCHEN)
		return NULL;
	return psm__words_suchstatus[status];
}

int
psm_search_status_from_name(const char *name)
{
	int i =
	    name == NULL ? -1 : psm__word_index(psm__words_suchstatus, name);

	return i < 0 ? PSM_ERR_INVAL : i;
}

const char *
psm_inquiry_state_name(int state)
{
	if (state < PSM_INQUIRY_UNSENT || state > PSM_INQUIRY_CANCELLED)
		return NULL;
	return inquiry_names[state];
}

int
psm_inquiry_state_from_name(const char *name)
{
	int i = name == NULL ? -1 : psm__word_index(inquiry_names, name);

	return i < 0 ? PSM_ERR_INVAL : i;
}

static int
transition(const char *what, const unsigned *may,
           const char *(*name)(int state), int from, int to, psm_error *err)
{
	if (name(from) == NULL || name(to) == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "%s: want two states, found %d and %d", what,
		                 from, to);
	if ((may[from] & TO(to)) == 0)
		return psm__fail(err, PSM_ERR_TRANSITION,
		                 "%s: \"%s\" may not follow \"%s\"", what,
		                 name(to), name(from));
	return 0;
}

int
psm_search_transition(int from, int to, psm_error *err)
{
	psm__error_clear(err);
	return transition("search", search_may, psm_search_status_name, from,
	                  to, err);
}

int
psm_inquiry_transition(int from, int to, psm_error *err)
{
	psm__error_clear(err);
	return transition("inquiry", inquiry_may, psm_inquiry_state_name, from,
	                  to, err);
}

int
psm_inquiry_state(int sent, int answered, int cancelled)
{
	if ((cancelled && (sent || answered)) || (answered && !sent))
		return PSM_ERR_INVAL;
	if (cancelled)
		return PSM_INQUIRY_CANCELLED;
	if (answered)
		return PSM_INQUIRY_ANSWERED;
	return sent ? PSM_INQUIRY_SENT : PSM_INQUIRY_UNSENT;
}
