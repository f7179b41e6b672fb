/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace that the lines of a thread belong to. */
#ifndef PSM_LOG_TRACE_INT_H
#define PSM_LOG_TRACE_INT_H

/* From now on what this thread logs has the trace of a valid traceparent as
 * "trace_id"; NULL: none. */
void psm__log_trace(const char *traceparent);
/* That of this thread; "": none. */
const char *psm__log_trace_id(void);

#endif
