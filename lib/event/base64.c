/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64 with padding (RFC 4648, 4), as data_base64 of a CloudEvent has it. */
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "event/cloudevent.h"

/* Bytes that make a whole number of groups, and not too many for an int. */
#define STEP 3072

void
psm__base64_put(struct psm__buf *b, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;
	unsigned char text[STEP / 3 * 4 + 1];
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = len - i < STEP ? len - i : STEP;
		psm__buf_put(b, (const char *)text,
		             (size_t)EVP_EncodeBlock(text, from + i, (int)n));
	}
}

int
psm__base64_read(const char *text, char *to, size_t *len)
{
	size_t digits = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                             "abcdefghijklmnopqrstuvwxyz0123456789+/");
	size_t pad = strspn(text + digits, "="), size = digits + pad;
	unsigned char *bytes = (unsigned char *)to, last[5];

	*len = 0;
	if (text[size] != '\0' || size % 4 != 0 || pad > 2 || size > INT_MAX)
		return 0;
	if (size == 0)
		return 1;
	if (EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)size) < 0)
		return 0;
	*len = size / 4 * 3 - pad;
	/* It overlooks bits of a byte that is not there. */
	(void)EVP_EncodeBlock(last, bytes + size / 4 * 3 - 3, (int)(3 - pad));
	return memcmp(last, text + size - 4, 4) == 0;
}
