/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_ERROR_H
#define PSYMATCH_ERROR_H

#define PSM_ERROR_MAP(X)                                                       \
	X(INVAL, -1, "invalid argument")                                       \
	X(NOMEM, -2, "out of memory")

#endif
