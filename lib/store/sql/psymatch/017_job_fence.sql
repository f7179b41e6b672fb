-- SPDX-License-Identifier: BSD-2-Clause
-- A worker chooses the number before it takes a job, so it knows which one it has also where it got no answer.
COMMENT ON COLUMN psymatch.job.fence IS 'Another one with each taking: only the worker that took it last can end it or give it back';
