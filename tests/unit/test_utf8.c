/* UTF-8 validation */
#include "proto/utf8.h"

#include "tests/unit/test.h"

/*
 * Another decoder to compare with. It goes by the definition (RFC 3629 section 3):
 * puts the bits together and then asks whether that is a character, in its
 * shortest form. Return: the character's size, or 0.
 */
static size_t decode_one(const uint8_t *p, size_t len)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = p[0] >> 7 == 0	  ? 1
		      : p[0] >> 5 == 0x6  ? 2
		      : p[0] >> 4 == 0xe  ? 3
		      : p[0] >> 3 == 0x1e ? 4
					  : 0;
	uint32_t code;

	if (!size || size > len)
		return 0;
	code = size == 1 ? p[0] : p[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < smallest[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return size;
}

static bool decodes(const uint8_t *p, size_t len)
{
	for (size_t n; len; p += n, len -= n) {
		n = decode_one(p, len);
		if (!n)
			return false;
	}
	return true;
}

static void compare(const uint8_t *p, size_t len)
{
	bool expected = decodes(p, len);

	if (utf8_is_valid((const char *)p, len) == expected)
		return;
	for (size_t i = 0; i < len; i++)
		print_error("%02x ", p[i]);
	fail_msg("should be %s", expected ? "valid" : "invalid");
}

static void test_one_and_two_bytes(void **state)
{
	for (unsigned int i = 0; i < 0x100; i++) {
		const uint8_t one[] = {(uint8_t)i};

		compare(one, 1);
		for (unsigned int j = 0; j < 0x100; j++) {
			const uint8_t two[] = {(uint8_t)i, (uint8_t)j};

			compare(two, 2);
		}
	}
}

/* All that begin with a byte that isn't ASCII. */
static void test_three_bytes(void **state)
{
	for (unsigned int i = 0x800000; i < 0x1000000; i++) {
		const uint8_t three[] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

		compare(three, 3);
	}
}

/* Each byte at the edges of what can stand there. */
static void test_four_bytes(void **state)
{
	static const uint8_t edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
					0xbf, 0xc0, 0xc2, 0xe0, 0xef, 0xf0, 0xf4, 0xff};

	for (unsigned int i = 0; i < 0x100; i++) {
		for (unsigned int j = 0; j < 16 * 16 * 16; j++) {
			const uint8_t four[] = {(uint8_t)i, edges[j >> 8], edges[j >> 4 & 15],
						edges[j & 15]};

			compare(four, 4);
		}
	}
}

static size_t encode(uint32_t code, uint8_t out[4])
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (uint8_t)(0xc0 | code >> 6);
		out[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (uint8_t)(0xe0 | code >> 12);
		out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | code >> 18);
	out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (code & 0x3f));
	return 4;
}

static void test_every_code_point(void **state)
{
	uint8_t bytes[4];

	for (uint32_t code = 0; code < 0x140000; code++) {
		bool is_character = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
		size_t n = encode(code, bytes);

		if (utf8_is_valid((const char *)bytes, n) != is_character)
			fail_msg("U+%04X", code);
		for (size_t i = 1; i < n; i++) /* cut short */
			assert_false(utf8_is_valid((const char *)bytes, i));
	}
}

struct sample {
	const char *bytes;
	bool is_valid;
};

static const struct sample samples[] = {
    {"", true},
    {"\x7f", true},
    {"\xc2\x80", true},		/* the first of two bytes */
    {"\xdf\xbf", true},		/* and the last */
    {"\xe0\xa0\x80", true},	/* the first of three */
    {"\xed\x9f\xbf", true},	/* before the surrogates */
    {"\xee\x80\x80", true},	/* behind them */
    {"\xef\xbf\xbe", true},	/* no character, but well formed */
    {"\xef\xbf\xbf", true},	/* the last of three */
    {"\xef\xbb\xbf", true},	/* byte order mark */
    {"\xf0\x90\x80\x80", true}, /* the first of four */
    {"\xf4\x8f\xbf\xbf", true}, /* U+10FFFF */
    {"\x80", false},
    {"\xbf", false},
    {"\xc0\x80", false}, /* overlong NUL */
    {"\xc0\xaf", false}, /* overlong slash, in two, three and four bytes */
    {"\xe0\x80\xaf", false},
    {"\xf0\x80\x80\xaf", false},
    {"\xc1\xbf", false},
    {"\xe0\x9f\xbf", false},
    {"\xf0\x8f\xbf\xbf", false},
    {"\xed\xa0\x80", false}, /* U+D800 */
    {"\xed\xaf\xbf", false},
    {"\xed\xb0\x80", false},
    {"\xed\xbf\xbf", false},		 /* U+DFFF */
    {"\xed\xa0\x81\xed\xb0\x80", false}, /* a pair of surrogates (CESU-8) */
    {"\xf4\x90\x80\x80", false},	 /* U+110000 */
    {"\xf5\x80\x80\x80", false},
    {"\xf8\x88\x80\x80\x80", false}, /* five and six bytes, as long ago */
    {"\xfc\x84\x80\x80\x80\x80", false},
    {"\xfe", false},
    {"\xff", false},
    {"\xc2", false}, /* cut short, also by another character */
    {"\xe2\x82", false},
    {"\xf0\x9f\x98", false},
    {"\xe2\x82\xc3\xa9", false},
    {"\xf0\x9f\x98\xe2\x82\xac", false},
    {"\xc3\xa9\xa9", false},
};

/* Wherever it stands in a text, since ASCII is skipped eight bytes at a time. */
static void test_samples_at_every_position(void **state)
{
	for (size_t i = 0; i < N_ELEMENTS(samples); i++) {
		size_t n = strlen(samples[i].bytes);

		for (size_t before = 0; before < 20; before++) {
			for (size_t after = 0; after < 20; after++) {
				size_t len = before + n + after;
				char *text = exact_copy("01234567890123456789", before);

				text = realloc(text, len ? len : 1);
				assert_non_null(text);
				memcpy(text + before, samples[i].bytes, n);
				memset(text + before + n, 'a', after);
				if (utf8_is_valid(text, len) != samples[i].is_valid)
					fail_msg("sample %zu behind %zu, before %zu", i, before,
						 after);
				free(text);
			}
		}
	}
}

static void test_nul_is_a_character(void **state)
{
	assert_true(utf8_is_valid("\0\0\0\0\0\0\0\0\0", 9));
	assert_false(utf8_is_valid("\0\0\0\0\0\0\0\0\0\xff", 10));
}

static void test_floor(void **state)
{
	/* One, two, three and four bytes long. */
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
	static const size_t floors[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};

	assert_int_equal(sizeof(text), N_ELEMENTS(floors));
	for (size_t i = 0; i < sizeof(text); i++)
		assert_int_equal(utf8_floor(text, i), floors[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_and_two_bytes),
	    cmocka_unit_test(test_three_bytes),
	    cmocka_unit_test(test_four_bytes),
	    cmocka_unit_test(test_every_code_point),
	    cmocka_unit_test(test_samples_at_every_position),
	    cmocka_unit_test(test_nul_is_a_character),
	    cmocka_unit_test(test_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
