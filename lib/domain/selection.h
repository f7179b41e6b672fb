/* SPDX-License-Identifier: BSD-2-Clause */
/* Which therapists of an area can be asked, one for each mailbox, and in which
 * order. Pure. */
#ifndef PSM_SELECTION_RULES_INT_H
#define PSM_SELECTION_RULES_INT_H

#include <stddef.h>
#include <stdint.h>

#include <psymatch/error.h>

/* One therapist, who is asked for or shares a mailbox with one who is. Texts
 * may be NULL. */
struct psm__choice {
	int64_t id;
	const char *email, *titel, *vorname, *nachname; /* borrowed */
	unsigned char here;      /* 1: active, and of the area */
	unsigned char blocked;   /* 1: gesperrt */
	unsigned char pending;   /* 1: has an inquiry that waits */
	unsigned char cooling;   /* 1: may not be contacted today */
	unsigned char available; /* potenziell_verfuegbar */
	unsigned char informed;  /* ueber_curavani_informiert */
	size_t row;              /* the caller's */
	/* Of psm__selection(): */
	int tier;   /* 0 to 7, the best first */
	char *box;  /* the mailbox, folded; "" if there is none */
	int name;   /* how well the mailbox bears the name, 0: not */
	int chosen; /* 1: can be asked */
};

/*
 * Mark who of the list can be asked, and put these first, in their order; their
 * count or PSM_ERR_NOMEM. The order is total: the same rows in any order give
 * the same answer. psm__selection_free() follows in any case.
 */
int psm__selection(struct psm__choice *list, size_t count, psm_error *err);
/* Its two halves: what is made of one's texts alone, and the rest, which needs
 * no memory. */
int psm__selection_prepare(struct psm__choice *c);
int psm__selection_choose(struct psm__choice *list, size_t count);
void psm__selection_free(struct psm__choice *list, size_t count);

/* 0 to 7: available and informed come first, whoever has no mailbox last. */
int psm__selection_tier(int available, int informed, int has_mailbox);
/*
 * How well an address bears a last name: 3: its local part does as words of
 * their own ("mueller", "anna.mueller", "praxis-mueller", "a.mueller"), 2: as
 * one word with the first name, its initial or a usual addition ("amueller",
 * "praxismueller"), 1: one word of several ("mueller" of "Mueller-Luedenscheid"),
 * or words of the domain, of a name with more than three letters, 0: not; or PSM_ERR_NOMEM: nobody knows
 * then whether it is that of somebody blocked. All folded by
 * psm__selection_fold().
 */
int psm__mailbox_bears(const char *box, const char *first, const char *last);
/* As psm__text_fold(), and with ae, oe, ue for umlauts; new, NULL: no memory.
 */
char *psm__selection_fold(const char *text);

#endif
