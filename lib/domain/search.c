/* SPDX-License-Identifier: BSD-2-Clause */
/* The states of searches and inquiries, by their tables. */
#include "domain/domain.h"

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
	return psm__words_inquiry_state[state];
}

int
psm_inquiry_state_from_name(const char *name)
{
	int i =
	    name == NULL ? -1 : psm__word_index(psm__words_inquiry_state, name);

	return i < 0 ? PSM_ERR_INVAL : i;
}

static int
transition(const struct psm_entity *e, int from, int to, psm_error *err)
{
	if (from < 0 || from > 3 || to < 0 || to > 3)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "%s: want two states, found %d and %d",
		                 e->name, from, to);
	return psm__state_may_follow(e, from, to, err);
}

int
psm_search_transition(int from, int to, psm_error *err)
{
	psm__error_clear(err);
	return transition(&psm__entity_search, from, to, err);
}

int
psm_inquiry_transition(int from, int to, psm_error *err)
{
	psm__error_clear(err);
	return transition(&psm__entity_inquiry, from, to, err);
}

int
psm_inquiry_state(int sent, int answered, int cancelled)
{
	int state = psm__inquiry_state(sent, answered, cancelled);

	return state < 0 ? PSM_ERR_INVAL : state;
}
