/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fuzz target is one function with libFuzzer's name and shape. In make check
 * it is linked with fuzz_replay.c, which feeds it every file of a folder of
 * test data, each cut at every length and with every byte changed. For a real
 * run compile the target alone: clang -fsanitize=fuzzer,address.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
