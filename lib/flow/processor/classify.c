/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/processor/processor_int.h"

/* What is the system's fault: the next message would meet it too. */
static int
is_system(int code)
{
	return code == PSM_ERR_DB || code == PSM_ERR_NOMEM ||
	       code == PSM_ERR_FENCED || code == PSM_ERR_CLOSED;
}

/* What passes: a remote service, a lock, a full queue. */
static int
is_transient(int code)
{
	return code == PSM_ERR_RETRY || code == PSM_ERR_TIMEOUT ||
	       code == PSM_ERR_BROKER || code == PSM_ERR_FULL ||
	       code == PSM_ERR_IO;
}

enum psm__failure
psm__classify(int failed, int *code)
{
	/* A handler can take a failed statement for its own or return as if
	 * nothing were; what the database said counts. */
	if (is_system(failed) || is_transient(failed))
		*code = failed;
	if (*code == 0)
		*code = failed;
	if (*code == 0)
		return PSM__NO_FAILURE;
	if (*code > 0)
		*code = PSM_ERR_INVAL; /* not a result of the contract */
	if (is_system(*code))
		return PSM__FAILURE_SYSTEM;
	return is_transient(*code) ? PSM__FAILURE_TRANSIENT
	                           : PSM__FAILURE_PERMANENT;
}

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
