/* Numbers with units */
#include "src/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* Smallest first; the first is what a bare number means. */
static const struct unit counts[] = {{"", 1}, {NULL, 0}};
static const struct unit sizes[] = {
    {"", 1}, {"K", 1u << 10}, {"M", 1u << 20}, {"G", 1u << 30}, {NULL, 0}};
static const struct unit times[] = {{"ms", 1},	    {"s", 1000},     {"m", 60000},
				    {"h", 3600000}, {"d", 86400000}, {NULL, 0}};

static void format(uint64_t value, const struct unit *units, char *text)
{
	const struct unit *best = units;

	for (const struct unit *u = units; u->name; u++)
		if (value && value % u->factor == 0)
			best = u;
	snprintf(text, VALUE_TEXT_MAX, "%" PRIu64 "%s", value / best->factor,
		 value ? best->name : "");
}

static const char *parse(const char *text, const struct unit *units, const char *bare,
			 const char *complaint, uint64_t min, uint64_t max, uint64_t *out)
{
	static char out_of_range[128];
	char low[VALUE_TEXT_MAX], high[VALUE_TEXT_MAX];
	unsigned long long number;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return complaint;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (!*end && *bare)
		end = (char *)bare;
	for (const struct unit *u = units; u->name; u++) {
		uint64_t value;

		if (strcmp(u->name, end) != 0)
			continue;
		if (!errno && !__builtin_mul_overflow(number, u->factor, &value) &&
		    (!value || (value >= min && value <= max))) {
			*out = value;
			return NULL;
		}
		format(min, units, low);
		format(max, units, high);
		snprintf(out_of_range, sizeof(out_of_range),
			 "is out of range: from %s to %s, or 0 for off", low, high);
		return out_of_range;
	}
	return complaint;
}

const char *value_parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return parse(text, counts, "", "is not a whole number", min, max, out);
}

const char *value_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return parse(text, sizes, "", "is not a size (a whole number of bytes, or with K, M or G)",
		     min, max, out);
}

const char *value_parse_time(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return parse(text, times, "s", "is not a time (a whole number with ms, s, m, h or d)", min,
		     max, out);
}

void value_format_size(uint64_t bytes, char text[static VALUE_TEXT_MAX])
{
	format(bytes, sizes, text);
}

void value_format_time(uint64_t ms, char text[static VALUE_TEXT_MAX])
{
	format(ms, times, text);
}
