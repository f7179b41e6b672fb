/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "domain/geo.h"

#define RADIUS_KM 6371.0088
#define RADIAN (3.14159265358979323846 / 180)

/* The haversine form: exact also for places that are close to each other. */
double
psm__geo_km(double lat1, double lon1, double lat2, double lon2)
{
	double up = sin((lat2 - lat1) * RADIAN / 2);
	double along = sin((lon2 - lon1) * RADIAN / 2);
	double h =
	    up * up + cos(lat1 * RADIAN) * cos(lat2 * RADIAN) * along * along;

	/* Rounding may make h a little more than 1 on the other side. */
	return 2 * RADIUS_KM * asin(sqrt(h < 1 ? h : 1));
}

int
psm__geo_in_range(double lat, double lon)
{
	return lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180;
}

double
psm__geo_round(double number, int decimals)
{
	double scale = pow(10, decimals);

	return round(number * scale) / scale;
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A letter, digit or underscore; each byte beyond ASCII counts as a letter. */
static int
is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static int
is_plz(const char *word, size_t len)
{
	char text[6] = "";
	long n;

	if (len != 5)
		return 0;
	for (size_t i = 0; i < len; i++)
		if (!is_digit(word[i]))
			return 0;
	memcpy(text, word, len);
	n = strtol(text, NULL, 10);
	return n >= 1001 && n <= 99998;
}

int
psm__geo_find_plz(const char *text, char plz[6])
{
	size_t len;

	for (; *text; text += len ? len : 1) {
		for (len = 0; is_word(text[len]); len++)
			;
		if (!is_plz(text, len))
			continue;
		memcpy(plz, text, len);
		plz[len] = '\0';
		return 1;
	}
	return 0;
}
