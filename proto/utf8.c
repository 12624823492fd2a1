/* UTF-8 validation */
#include "proto/utf8.h"

#include <string.h>

/* How many of the bytes from @p are ASCII; looks at eight at a time. */
static size_t ascii_run(const uint8_t *p, size_t len)
{
	size_t i = 0;

	for (; i + 8 <= len; i += 8) {
		uint64_t word;

		memcpy(&word, p + i, 8);
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < len && p[i] < 0x80)
		i++;
	return i;
}

static bool is_continuation(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* The length of the well-formed character at @p (Unicode 15, table 3-7), 0 if there is none. */
static size_t character_size(const uint8_t *p, size_t len)
{
	uint8_t low = 0x80, high = 0xbf; /* what the second byte may be */
	size_t n;

	if (p[0] < 0xc2)
		return 0; /* a continuation byte, or an overlong form of ASCII */
	if (p[0] < 0xe0) {
		n = 2;
	} else if (p[0] < 0xf0) {
		n = 3;
		if (p[0] == 0xe0)
			low = 0xa0; /* overlong below */
		if (p[0] == 0xed)
			high = 0x9f; /* surrogates above */
	} else if (p[0] < 0xf5) {
		n = 4;
		if (p[0] == 0xf0)
			low = 0x90; /* overlong below */
		if (p[0] == 0xf4)
			high = 0x8f; /* beyond U+10FFFF */
	} else {
		return 0;
	}

	if (len < n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (!is_continuation(p[i]))
			return 0;
	return n;
}

bool utf8_is_valid(const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t i = 0;

	while (i < len) {
		size_t n = ascii_run(p + i, len - i);

		i += n;
		if (i == len)
			break;
		n = character_size(p + i, len - i);
		if (!n)
			return false;
		i += n;
	}
	return true;
}

size_t utf8_floor(const char *text, size_t len)
{
	while (len && is_continuation((uint8_t)text[len]))
		len--;
	return len;
}
