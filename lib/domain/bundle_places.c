/* SPDX-License-Identifier: BSD-2-Clause */
/* Postal codes: their areas, and where they are. */
#include <stdlib.h>
#include <string.h>

#include "domain/bundle.h"
#include "domain/geo.h"

size_t
psm__bundle_places(const struct psm_bundle *b)
{
	return PSM__CODES / b->areas + 1;
}

uint32_t
psm__bundle_plz(const char *plz)
{
	return psm__is_digits(plz, 5) ? (uint32_t)strtoul(plz, NULL, 10)
	                              : PSM__NO_PLZ;
}

uint16_t
psm__bundle_area(const struct psm_bundle *b, const char *plz)
{
	unsigned area = 0;

	for (int i = 0; i < b->digits; i++) {
		if (plz == NULL || plz[i] < '0' || plz[i] > '9')
			return PSM__NO_AREA;
		area = area * 10 + (unsigned)(plz[i] - '0');
	}
	return (uint16_t)area;
}

int
psm_bundle_place(psm_bundle *b, const char *plz, double lat, double lon,
                 psm_error *err)
{
	uint32_t code = psm__bundle_plz(plz);

	psm__error_clear(err);
	if (b == NULL || code == PSM__NO_PLZ || !psm__geo_in_range(lat, lon))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a bundle, five digits, a latitude and "
		                 "a longitude");
	b->lat[code] = lat;
	b->lon[code] = lon;
	return 0;
}

void
psm__bundle_begin_question(psm_bundle *b)
{
	if (++b->question != 0)
		return;
	b->question = 1; /* once in 2^32 */
	memset(b->km_of, 0, psm__bundle_places(b) * sizeof(*b->km_of));
	for (size_t i = 0; i < b->therapist_size; i++)
		if (b->therapists[i] != NULL)
			b->therapists[i]->question = 0;
}
