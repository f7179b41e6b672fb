/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_PSYMATCH_H
#define PSYMATCH_PSYMATCH_H

#include <psymatch/error.h>
#include <psymatch/event.h>

#endif
