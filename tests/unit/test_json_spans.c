/* JSON scanner: where it says that values stand, and how it looks at strings */
#include "proto/json.h"

#include "tests/unit/test.h"

static const char *const names[] = {"a", "type", "content"};

/* That each name's value is this text of it; NULL: missing. */
static void assert_values(const char *text, const char *a, const char *type, const char *content)
{
	const char *const expected[] = {a, type, content};
	size_t len = strlen(text);
	char *exact = exact_copy(text, len);
	struct json_span spans[N_ELEMENTS(names)];

	assert_int_equal(json_find_members(exact, len, names, N_ELEMENTS(names), spans), 0);
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (!expected[i]) {
			assert_null(spans[i].at);
			continue;
		}
		assert_non_null(spans[i].at);
		assert_true(spans[i].at > exact && spans[i].at + spans[i].len < exact + len);
		assert_int_equal(spans[i].len, strlen(expected[i]));
		assert_memory_equal(spans[i].at, expected[i], spans[i].len);
	}
	free(exact);
}

static int scan(const char *text, size_t len)
{
	char *exact = exact_copy(text, len);
	struct json_span span;
	int r = json_find_members(exact, len, names, 1, &span);

	free(exact);
	return r;
}

static void test_exact_text(void **state)
{
	assert_values("{\"a\":1.50e+01,\"type\":\"x\\u0041\\n\",\"content\":[1, 2 ,{}]}",
		      "1.50e+01", "\"x\\u0041\\n\"", "[1, 2 ,{}]");
	assert_values("{\"a\":null,\"type\":true,\"content\":false}", "null", "true", "false");
	assert_values("{\"a\":\"\",\"type\":{},\"content\":[]}", "\"\"", "{}", "[]");
	assert_values("{\"a\":-0,\"type\":\"\xf0\x9f\x98\x80\"}", "-0", "\"\xf0\x9f\x98\x80\"",
		      NULL);
	assert_values("{\"a\":9999999999999999999999,\"content\":\"\\ud800\"}",
		      "9999999999999999999999", NULL, "\"\\ud800\"");
}

static void test_missing(void **state)
{
	assert_values("{}", NULL, NULL, NULL);
	assert_values("{\"b\":1,\"\":2,\"A\":3,\"aa\":4,\"Type\":5}", NULL, NULL, NULL);
}

static void test_white_space_is_not_part_of_it(void **state)
{
	assert_values("\t\r\n { \"a\" \t:\r\n 1 \n,\"type\": \"x\"\t, \"content\" :\n[ 1 ] \r}\n ",
		      "1", "\"x\"", "[ 1 ]");
}

static void test_last_of_several_counts(void **state)
{
	assert_values("{\"a\":1,\"a\":2}", "2", NULL, NULL);
	assert_values("{\"a\":[1],\"type\":0,\"a\":\"x\",\"\\u0061\":{\"b\":3}}", "{\"b\":3}", "0",
		      NULL);
}

static void test_escaped_names(void **state)
{
	assert_values("{\"\\u0061\":1,\"t\\u0079p\\u0065\":2,\"\\u0063onten\\u0074\":3}", "1", "2",
		      "3");
	assert_values("{\"\\u0061\\u0000\":1,\"\\u00e1\":2,\"\\\\u0061\":3,\"\\u0161\":4}", NULL,
		      NULL, NULL);
}

static void test_nested_names_are_ignored(void **state)
{
	assert_values("{\"b\":{\"a\":1,\"type\":2},\"content\":[{\"a\":3}]}", NULL, NULL,
		      "[{\"a\":3}]");
	assert_values("{\"a\":1,\"b\":{\"a\":2},\"c\":[{\"a\":3}]}", "1", NULL, NULL);
	assert_values("{\"b\":\"\\\"a\\\":1\",\"c\":[\"a\",1]}", NULL, NULL, NULL);
}

static void test_same_name_asked_twice(void **state)
{
	static const char *const twice[] = {"a", "a", ""};
	static const char text[] = "{\"a\":1,\"\":2}";
	struct json_span spans[3];

	assert_int_equal(json_find_members(text, sizeof(text) - 1, twice, 3, spans), 0);
	assert_ptr_equal(spans[0].at, text + 5);
	assert_ptr_equal(spans[1].at, text + 5);
	assert_ptr_equal(spans[2].at, text + 10);
	assert_int_equal(json_find_members(text, sizeof(text) - 1, NULL, 0, NULL), 0);
}

/* Strings are looked at in words of eight bytes: each position counts. */
static void test_special_bytes_at_every_position(void **state)
{
	char text[64];

	for (size_t before = 0; before < 20; before++) {
		for (size_t after = 0; after < 20; after++) {
			for (int c = 0; c < 0x100; c++) {
				size_t len = (size_t)sprintf(text, "{\"a\":\"%.*s?%.*s\"}",
							     (int)before, "abcdefghijklmnopqrst",
							     (int)after, "nuvwxyzabcdefghijklm");
				bool is_valid = c >= 0x20 && c != '"' && c != '\\';

				text[6 + before] = (char)c;
				if (c == '\\') /* makes \n of what follows, or takes the quote */
					is_valid = after > 0;
				if (scan(text, len) != (is_valid ? 0 : JSON_E_INVALID))
					fail_msg("%02x behind %zu, before %zu", c, before, after);
			}
		}
	}
}

static void test_every_escape(void **state)
{
	char text[] = "{\"a\":\"\\?  \"}", hex[] = "{\"a\":\"\\u0000\"}";

	for (int c = 0; c < 0x100; c++) {
		bool is_known;

		text[7] = (char)c;
		is_known = c && strchr("\"\\/bfnrt", c);
		if (scan(text, sizeof(text) - 1) != (is_known ? 0 : JSON_E_INVALID))
			fail_msg("%02x behind a backslash", c);
		for (size_t at = 8; at < 12; at++) {
			bool is_hex = c && strchr("0123456789abcdefABCDEF", c);

			hex[at] = (char)c;
			if (scan(hex, sizeof(hex) - 1) != (is_hex ? 0 : JSON_E_INVALID))
				fail_msg("%02x as digit %zu", c, at - 8);
			hex[at] = '0';
		}
	}
}

/* No beginning of an object is one; nor is there a look beyond the end. */
static void test_cut_short(void **state)
{
	static const char text[] =
	    "{\"a\" : [true,false,null,-1.5e+3,0] ,\"type\":\"\\u00e9\\\"0123456789\","
	    "\"content\":{\"x\":{},\"y\":[]}}";

	for (size_t n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(scan(text, n), JSON_E_INVALID);
	assert_int_equal(scan(text, sizeof(text) - 1), 0);
	assert_int_equal(scan(text, sizeof(text)), JSON_E_INVALID); /* NUL */
}

static void test_not_object(void **state)
{
	static const char *const texts[] = {"[]",   "[{\"a\":1}]", "\"a\"", "0",  "-1.5",
					    "true", "false",	   "null",  " 1 "};
	static const char *const invalid[] = {"",    " ",	"{}{}",	 "{} x",
					      "1 2", "[]]",	"nul",	 "True",
					      "NaN", "{\"a\"}", "{a:1}", "\xef\xbb\xbf{}"};

	for (size_t i = 0; i < N_ELEMENTS(texts); i++)
		assert_int_equal(scan(texts[i], strlen(texts[i])), JSON_E_NOT_OBJECT);
	for (size_t i = 0; i < N_ELEMENTS(invalid); i++)
		assert_int_equal(scan(invalid[i], strlen(invalid[i])), JSON_E_INVALID);
}

static bool is_string(const char *value, const char *ascii)
{
	size_t len = strlen(value);
	char *exact = exact_copy(value, len);
	bool is = json_is_string((struct json_span){exact, len}, ascii);

	free(exact);
	return is;
}

static void test_is_string(void **state)
{
	assert_true(is_string("\"ping\"", "ping"));
	assert_true(is_string("\"\"", ""));
	assert_true(is_string("\"p\\u0069n\\u0067\"", "ping"));
	assert_true(is_string("\"\\u004A\\u004a\"", "JJ"));
	assert_true(is_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"));
	assert_false(is_string("\"pin\"", "ping"));
	assert_false(is_string("\"pings\"", "ping"));
	assert_false(is_string("\"Ping\"", "ping"));
	assert_false(is_string("\"\"", "ping"));
	assert_false(is_string("\"ping\"", ""));
	assert_false(is_string("\"ping\\u0000\"", "ping"));
	assert_false(is_string("\"\\u0000\"", ""));
	assert_false(is_string("\"\\u0170ing\"", "ping")); /* low byte of p */
	assert_false(is_string("\"\xc3\xb0ing\"", "ping"));
	assert_false(is_string("null", ""));
	assert_false(is_string("1", "1"));
	assert_false(is_string("[\"a\"]", "a"));
	assert_false(is_string("{}", ""));
	assert_false(is_string("\"\\\"\"", "\\"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_exact_text),
	    cmocka_unit_test(test_missing),
	    cmocka_unit_test(test_white_space_is_not_part_of_it),
	    cmocka_unit_test(test_last_of_several_counts),
	    cmocka_unit_test(test_escaped_names),
	    cmocka_unit_test(test_nested_names_are_ignored),
	    cmocka_unit_test(test_same_name_asked_twice),
	    cmocka_unit_test(test_special_bytes_at_every_position),
	    cmocka_unit_test(test_every_escape),
	    cmocka_unit_test(test_cut_short),
	    cmocka_unit_test(test_not_object),
	    cmocka_unit_test(test_is_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
