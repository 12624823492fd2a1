/* Numbers with units */
#include "src/value.h"

#include "tests/unit/test.h"

typedef const char *parse_fn(const char *text, uint64_t min, uint64_t max, uint64_t *out);

static void accepts(parse_fn *parse, const char *text, uint64_t expected)
{
	uint64_t out = 1;
	const char *why = parse(text, 0, UINT64_MAX, &out);

	if (why || out != expected)
		fail_msg("\"%s\" %s: %llu", text, why ? why : "is", (unsigned long long)out);
}

/* @reason: how the complaint begins */
static void refuses(parse_fn *parse, const char *text, const char *reason)
{
	uint64_t out = 4711;
	const char *why = parse(text, 10, 10000, &out);

	if (!why || strncmp(why, reason, strlen(reason)) != 0)
		fail_msg("\"%s\" %s", text, why ? why : "is accepted");
	assert_int_equal(out, 4711);
}

static void test_count(void **state)
{
	accepts(value_parse_count, "0", 0);
	accepts(value_parse_count, "10000", 10000);
	accepts(value_parse_count, "007", 7);
	accepts(value_parse_count, "18446744073709551615", UINT64_MAX);
}

static void test_size(void **state)
{
	accepts(value_parse_size, "0", 0);
	accepts(value_parse_size, "0K", 0);
	accepts(value_parse_size, "1500", 1500);
	accepts(value_parse_size, "64K", 65536);
	accepts(value_parse_size, "1M", 1 << 20);
	accepts(value_parse_size, "3G", UINT64_C(3) << 30);
	accepts(value_parse_size, "17179869183G", UINT64_C(17179869183) << 30);
}

static void test_time(void **state)
{
	accepts(value_parse_time, "0", 0);
	accepts(value_parse_time, "0d", 0);
	accepts(value_parse_time, "20", 20000); /* seconds */
	accepts(value_parse_time, "20s", 20000);
	accepts(value_parse_time, "1500ms", 1500);
	accepts(value_parse_time, "2m", 120000);
	accepts(value_parse_time, "3h", 10800000);
	accepts(value_parse_time, "7d", 604800000);
}

static void test_what_is_no_number(void **state)
{
	static const char *const texts[] = {"",	   " ",	  "x",	  "-1",	 "+1", " 1",  "1 ",
					    "1.5", "1,5", "0x10", "1e3", "K",  "1 K", "1KK"};

	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		refuses(value_parse_count, texts[i], "is not a whole number");
		refuses(value_parse_size, texts[i], "is not a size");
		refuses(value_parse_time, texts[i], "is not a time");
	}
}

static void test_foreign_units(void **state)
{
	refuses(value_parse_count, "100K", "is not a whole number");
	refuses(value_parse_count, "100s", "is not a whole number");
	refuses(value_parse_size, "100k", "is not a size");
	refuses(value_parse_size, "100KB", "is not a size");
	refuses(value_parse_size, "100T", "is not a size");
	refuses(value_parse_size, "100s", "is not a size");
	refuses(value_parse_time, "1S", "is not a time");
	refuses(value_parse_time, "1sec", "is not a time");
	refuses(value_parse_time, "1w", "is not a time");
	refuses(value_parse_time, "1K", "is not a time");
}

static void test_range(void **state)
{
	uint64_t out;

	refuses(value_parse_count, "9", "is out of range: from 10 to 10000, or 0");
	refuses(value_parse_count, "10001", "is out of range");
	refuses(value_parse_size, "10K", "is out of range: from 10 to 10000, or 0");
	refuses(value_parse_time, "9ms", "is out of range: from 10ms to 10s, or 0");
	refuses(value_parse_time, "11", "is out of range");
	assert_null(value_parse_count("10", 10, 20, &out));
	assert_int_equal(out, 10);
	assert_null(value_parse_count("20", 10, 20, &out));
	assert_int_equal(out, 20);
	assert_null(value_parse_count("0", 10, 20, &out)); /* off */
	assert_int_equal(out, 0);
}

static void test_overflow(void **state)
{
	static const char *const texts[] = {"18446744073709551616", "99999999999999999999999"};
	uint64_t out = 4711;

	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		refuses(value_parse_count, texts[i], "is out of range");
		assert_non_null(value_parse_count(texts[i], 0, UINT64_MAX, &out));
		assert_non_null(value_parse_size(texts[i], 0, UINT64_MAX, &out));
	}
	assert_non_null(value_parse_size("17179869184G", 0, UINT64_MAX, &out));
	assert_non_null(value_parse_size("18446744073709551615K", 0, UINT64_MAX, &out));
	assert_non_null(value_parse_time("18446744073709551615", 0, UINT64_MAX, &out));
	assert_int_equal(out, 4711);
}

static void test_format_size(void **state)
{
	static const struct {
		uint64_t value;
		const char *text;
	} cases[] = {{0, "0"},
		     {1, "1"},
		     {1000, "1000"},
		     {1023, "1023"},
		     {1024, "1K"},
		     {1025, "1025"},
		     {65536, "64K"},
		     {1 << 20, "1M"},
		     {1536 << 10, "1536K"},
		     {UINT64_C(5) << 30, "5G"},
		     {UINT64_C(2048) << 30, "2048G"},
		     {UINT64_MAX, "18446744073709551615"}};
	char text[VALUE_TEXT_MAX];

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		value_format_size(cases[i].value, text);
		assert_string_equal(text, cases[i].text);
		accepts(value_parse_size, text, cases[i].value);
	}
}

static void test_format_time(void **state)
{
	static const struct {
		uint64_t value;
		const char *text;
	} cases[] = {{0, "0"},	       {1, "1ms"},	  {999, "999ms"},
		     {1000, "1s"},     {1500, "1500ms"},  {20000, "20s"},
		     {60000, "1m"},    {90000, "90s"},	  {3600000, "1h"},
		     {86400000, "1d"}, {90000000, "25h"}, {UINT64_MAX, "18446744073709551615ms"}};
	char text[VALUE_TEXT_MAX];

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		value_format_time(cases[i].value, text);
		assert_string_equal(text, cases[i].text);
		accepts(value_parse_time, text, cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_count),	  cmocka_unit_test(test_size),
	    cmocka_unit_test(test_time),	  cmocka_unit_test(test_what_is_no_number),
	    cmocka_unit_test(test_foreign_units), cmocka_unit_test(test_range),
	    cmocka_unit_test(test_overflow),	  cmocka_unit_test(test_format_size),
	    cmocka_unit_test(test_format_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
