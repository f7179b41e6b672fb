/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_VERSION_H
#define PSYMATCH_VERSION_H

#define PSM_VERSION "1"

#endif
