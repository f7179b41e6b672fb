/* SPDX-License-Identifier: BSD-2-Clause */
/* Places on the globe: distances and postal codes. Pure. */
#ifndef PSM_DOMAIN_GEO_H
#define PSM_DOMAIN_GEO_H

/*
 * The great circle between two places in degrees, in km, on a sphere with the
 * mean radius of 6371.0088 km. Never below 0; the places must be in range.
 */
double psm__geo_km(double lat1, double lon1, double lat2, double lon2);
/* 1: latitude -90 to 90 and longitude -180 to 180; 0: not, or NaN. */
int psm__geo_in_range(double lat, double lon);
/* To so many decimals, half away from zero: 2 for km that are shown, 6 for
 * degrees of a cache. */
double psm__geo_round(double number, int decimals);
/*
 * The first word of five digits in text that can be a postal code, 01001 to
 * 99998. 1: plz has it; 0: there is none.
 */
int psm__geo_find_plz(const char *text, char plz[6]);

#endif
