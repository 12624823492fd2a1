/* JSON scanner: on its own, and compared with jansson */
#include "proto/json.h"

#include <jansson.h>

#include "proto/utf8.h"
#include "tests/unit/test.h"

#define N_MUTATIONS 200000u

static const char *const names[] = {"a", "type", "content"};

struct found {
	struct json_span spans[N_ELEMENTS(names)];
	char *text; /* what they point into */
	int r;
};

static struct found find(const char *text, size_t len)
{
	struct found f = {.text = exact_copy(text, len)};

	f.r = json_find_members(f.text, len, names, N_ELEMENTS(names), f.spans);
	return f;
}

static void assert_scans(const char *text, size_t len, int expected)
{
	struct found f = find(text, len);

	if (f.r != expected)
		fail_msg("%d instead of %d: %.*s", f.r, expected, len < 100 ? (int)len : 100, text);
	free(f.text);
}

#define assert_text(text, expected) assert_scans(text, sizeof(text) - 1, expected)

/* ---- compared with jansson ---- */

static const char *const seeds[] = {
    "{}",
    "[]",
    "\"\"",
    "0",
    "-0.5e+10",
    "true",
    "false",
    "null",
    " [ 1 , 2 , [ ] , { } ] ",
    "{\"type\":\"message\",\"content\":\"Hello\",\"sender\":\"Alice\"}",
    "{ \"type\" : \"ping\" }",
    "\t{\r\n\"a\"\t:\n1\r}\n",
    "{\"a\":{\"a\":[{\"a\":null}]},\"a\":[1,2.50,-3e-7,0,10],\"content\":{}}",
    "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\\u0000\"}",
    "{\"\\u0061\":1,\"t\\u0079pe\":2,\"conten\\u0074\":3,\"b\":4}",
    "{\"a\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",\"\xc3\xa9\":true,\"\":false}",
    "[1E5,1e+5,1e-5,0.0,0e0,-1,123456789012345678901234567890]",
    "[\"0123456789abcdef\\\\\",\"01234567\\\"89abcdef\",\"\x7f\"]",
    "[[[[[[[[[[{\"a\":[[[{}]]]}]]]]]]]]]]",
};

/* Pieces that grammar cares for, and some that it shouldn't. */
static const char *const pieces[] = {
    "{",	"}",   "[",   "]",     ",",  ":",    "\"",   "\\",    "\\u",  "\\u0041",
    "\\ud83d",	"\\n", "\\x", "0",     "1",  "-",    "+",    ".",     "e",    "E5",
    " ",	"\n",  "\t",  "\v",    "\f", "true", "null", "nulla", "tru",  "\"a\":",
    "\"a\":1,", "{}",  "[]",  "\"a\"", "'",  "/",    "//",   "NaN",   "01",   "\x01",
    "\xc3\xa9", "x",   "-0",  "1.",    ".5", "1e",   "[[",   "]]",    "\x1f", "\x7f",
};

struct tally {
	size_t n_valid, n_invalid, n_different;
};

/*
 * Where jansson refuses what the scanner needn't: lone surrogate escapes, NUL in
 * names, numbers beyond double. It stops at them, so it can't say about the rest.
 */
static bool is_documented_difference(const json_error_t *error)
{
	enum json_error_code code = json_error_code(error);

	return code == json_error_null_byte_in_key || code == json_error_numeric_overflow ||
	       strstr(error->text, "invalid Unicode");
}

static json_t *jansson_parse(const char *text, size_t len, json_error_t *error)
{
	return json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL,
			  error);
}

static void compare_spans(const struct found *f, const json_t *root)
{
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		const json_t *expected = json_object_get(root, names[i]);
		json_t *value;

		if (!expected) {
			assert_null(f->spans[i].at);
			continue;
		}
		assert_non_null(f->spans[i].at);
		value = jansson_parse(f->spans[i].at, f->spans[i].len, NULL);
		assert_true(json_equal(value, expected));
		json_decref(value);
	}
}

static void compare(const char *text, size_t len, struct tally *tally)
{
	json_error_t error;
	json_t *root;
	struct found f;
	int expected;

	if (!utf8_is_valid(text, len))
		return; /* not for the scanner to see */
	root = jansson_parse(text, len, &error);
	if (!root && is_documented_difference(&error)) {
		tally->n_different++;
		return;
	}
	expected = !root ? JSON_E_INVALID : json_is_object(root) ? 0 : JSON_E_NOT_OBJECT;
	f = find(text, len);
	if (f.r != expected)
		fail_msg("%d instead of %d: %.*s", f.r, expected, (int)len, text);
	if (!f.r)
		compare_spans(&f, root);
	*(root ? &tally->n_valid : &tally->n_invalid) += 1;
	free(f.text);
	json_decref(root);
}

static size_t put_in(char *text, size_t len, size_t at, const char *piece)
{
	size_t n = strlen(piece);

	memmove(text + at + n, text + at, len - at);
	memcpy(text + at, piece, n);
	return len + n;
}

static size_t cut_out(char *text, size_t len, size_t at, size_t n)
{
	memmove(text + at, text + at + n, len - at - n);
	return len - n;
}

/* Up to four changes to the @len bytes; there's room for as much again. Returns how many. */
static size_t mutate(char *text, size_t len, uint64_t *random)
{
	char part[16];

	for (size_t n = 1 + random_below(random, 4); n; n--) {
		const char *piece = pieces[random_below(random, N_ELEMENTS(pieces))];
		size_t at = random_below(random, len + 1);
		size_t rest = len - at < sizeof(part) ? len - at : sizeof(part) - 1;
		size_t size = random_below(random, rest + 1);

		switch (random_below(random, 5)) {
		case 0:
			len = cut_out(text, len, at, size);
			break;
		case 1:
			len = cut_out(text, len, at, rest ? 1 : 0);
			break;
		case 2: /* a part of it again, elsewhere */
			memcpy(part, text + at, size);
			part[size] = '\0';
			len = put_in(text, len, random_below(random, len + 1), part);
			break;
		case 3:
			len = cut_out(text, len, at, rest ? 1 : 0);
			/* fall through */
		default:
			len = put_in(text, len, at, piece);
			break;
		}
	}
	return len;
}

static void test_like_jansson(void **state)
{
	struct tally tally = {0};
	uint64_t random = 1;
	char text[512];

	for (size_t i = 0; i < N_ELEMENTS(seeds); i++)
		compare(seeds[i], strlen(seeds[i]), &tally);
	assert_int_equal(tally.n_valid, N_ELEMENTS(seeds));
	for (size_t i = 0; i < N_ELEMENTS(pieces); i++)
		compare(pieces[i], strlen(pieces[i]), &tally);
	for (size_t i = 0; i < N_MUTATIONS; i++) {
		const char *seed = seeds[random_below(&random, N_ELEMENTS(seeds))];
		size_t len = strlen(seed);

		memcpy(text, seed, len);
		compare(text, mutate(text, len, &random), &tally);
	}
	/* Both kinds came up often enough to mean something. */
	assert_true(tally.n_valid > N_MUTATIONS / 20);
	assert_true(tally.n_invalid > N_MUTATIONS / 2);
	assert_true(tally.n_different < N_MUTATIONS / 20);
}

/* Every text of up to five of the bytes that grammar is made of. */
static void test_like_jansson_short(void **state)
{
	static const char bytes[] = "{}[],:\"\\0-.e1a ";
	const size_t base = sizeof(bytes) - 1;
	struct tally tally = {0};
	char text[5];

	for (size_t len = 0, n = 1; len <= sizeof(text); len++, n *= base) {
		for (size_t i = 0; i < n; i++) {
			for (size_t j = 0, rest = i; j < len; j++, rest /= base)
				text[j] = bytes[rest % base];
			compare(text, len, &tally);
		}
	}
	assert_true(tally.n_valid > 1000);
}

/* ---- where it differs from jansson, on purpose ---- */

static void assert_only_we_accept(const char *text)
{
	assert_null(jansson_parse(text, strlen(text), NULL));
	assert_scans(text, strlen(text), 0);
}

static void test_lone_surrogates(void **state)
{
	assert_only_we_accept("{\"a\":\"\\ud800\"}");
	assert_only_we_accept("{\"a\":\"\\udfff\"}");
	assert_only_we_accept("{\"a\":\"\\ude00\\ud83d\"}");
	assert_only_we_accept("{\"a\":\"\\uD83Dx\"}");
	assert_only_we_accept("{\"\\ud83d\":1}");
}

static void test_nul_in_names(void **state)
{
	assert_only_we_accept("{\"\\u0000\":1}");
	assert_only_we_accept("{\"a\\u0000\":{\"b\\u0000c\":1}}");
}

static void test_huge_numbers(void **state)
{
	assert_only_we_accept("{\"a\":1e999}");
	assert_only_we_accept("{\"a\":-1.5E+400}");
	assert_only_we_accept("{\"a\":1e99999999999999999999}");
	assert_text("{\"a\":1e-999}", 0);
}

/* jansson takes 2048 levels. */
static void test_depth(void **state)
{
	static const struct {
		const char *open, *close;
		int r;
	} kinds[] = {{"[", "]", JSON_E_NOT_OBJECT},
		     {"{\"a\":", "}", 0},
		     {"[{\"a\":", "}]", JSON_E_NOT_OBJECT},
		     {"{\"a\":[", "]}", 0}};
	char text[2 * 6 * JSON_DEPTH_MAX + 16];

	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		bool is_two = strlen(kinds[i].close) == 2;
		size_t n = JSON_DEPTH_MAX / (is_two ? 2 : 1), len = 0;

		for (size_t j = 0; j < n; j++)
			len = put_in(text, len, len, kinds[i].open);
		len = put_in(text, len, len, "1");
		for (size_t j = 0; j < n; j++)
			len = put_in(text, len, len, kinds[i].close);
		assert_scans(text, len, kinds[i].r);
		/* One more around it, or within. */
		len = put_in(text, len, 0, kinds[i].open);
		len = put_in(text, len, len, kinds[i].close);
		assert_scans(text, len, JSON_E_INVALID);
	}
}

/* What has been closed doesn't count any more. */
static void test_depth_of_neighbours(void **state)
{
	struct found f;
	char *text = malloc(1 << 20);
	size_t len = 0;

	assert_non_null(text);
	text[len++] = '{';
	for (size_t i = 0; i < 20; i++) {
		len += (size_t)sprintf(text + len, "\"b\":");
		memset(text + len, '[', JSON_DEPTH_MAX - 1);
		len += JSON_DEPTH_MAX - 1;
		memset(text + len, ']', JSON_DEPTH_MAX - 1);
		len += JSON_DEPTH_MAX - 1;
		text[len++] = ',';
	}
	len += (size_t)sprintf(text + len, "\"a\":5}");
	f = find(text, len);
	assert_int_equal(f.r, 0);
	assert_int_equal(f.spans[0].len, 1);
	free(f.text);
	memset(text, '[', 1 << 20); /* no stack overflow */
	assert_scans(text, 1 << 20, JSON_E_INVALID);
	free(text);
}

/* jansson has no limit to that as long as it is within double. */
static void test_integer_digits(void **state)
{
	char digits[JSON_INTEGER_DIGITS_MAX + 2], text[sizeof(digits) + 32];

	for (size_t n = JSON_INTEGER_DIGITS_MAX - 1; n <= JSON_INTEGER_DIGITS_MAX + 1; n++) {
		int r = n <= JSON_INTEGER_DIGITS_MAX ? 0 : JSON_E_INVALID;

		memset(digits, '7', n);
		digits[n] = '\0';
		assert_scans(text, (size_t)sprintf(text, "{\"a\":%s}", digits), r);
		assert_scans(text, (size_t)sprintf(text, "{\"a\":[-%s]}", digits), r);
		assert_scans(text, (size_t)sprintf(text, "{\"b\":%s, \"a\":1}", digits), r);
		assert_scans(text, (size_t)sprintf(text, "%s", digits), r ? r : JSON_E_NOT_OBJECT);
		/* Only integers are limited. */
		assert_scans(text, (size_t)sprintf(text, "{\"a\":%s.5}", digits), 0);
		assert_scans(text, (size_t)sprintf(text, "{\"a\":0.%s}", digits), 0);
		assert_scans(text, (size_t)sprintf(text, "{\"a\":%se0}", digits), 0);
		assert_scans(text, (size_t)sprintf(text, "{\"a\":0E%s}", digits), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_like_jansson),	cmocka_unit_test(test_like_jansson_short),
	    cmocka_unit_test(test_lone_surrogates),	cmocka_unit_test(test_nul_in_names),
	    cmocka_unit_test(test_huge_numbers),	cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_depth_of_neighbours), cmocka_unit_test(test_integer_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
