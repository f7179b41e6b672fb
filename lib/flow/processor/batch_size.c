/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/processor/processor_int.h"

int
psm__batch_size(int size, int max, size_t count, int64_t took_ms)
{
	int64_t fit;

	if (count == 0)
		return size;
	if (took_ms > PSM__BATCH_WORK_MS) {
		fit = (int64_t)count * PSM__BATCH_WORK_MS / took_ms;
		return fit < 1 ? 1 : (int)fit;
	}
	if ((int64_t)count < size || took_ms > PSM__BATCH_WORK_MS / 2)
		return size;
	return size * 2 < max ? size * 2 : max;
}
