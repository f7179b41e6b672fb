-- SPDX-License-Identifier: BSD-2-Clause
-- A row of the outbox is read once and removed soon: an event of up to 8 kB stays in it as it is. To compress it, as is
-- done with rows of more than 2 kB, took longer than to write it.
ALTER TABLE psymatch.outbox SET (toast_tuple_target = 8160);
