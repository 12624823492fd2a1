/* Room names */
#include "proto/room_name.h"

#include "tests/unit/test.h"

/* @expected: the name, or NULL where the path is to be refused with @reason. */
static void check(const char *path, size_t len, const char *expected, const char *reason)
{
	char *exact = exact_copy(path, len);
	struct room_name name = {0};
	const char *why = room_name_from_path(exact, len, &name);

	if (expected) {
		assert_null(why);
		assert_int_equal(name.len, strlen(expected));
		assert_memory_equal(name.at, expected, name.len);
	} else {
		assert_non_null(why);
		assert_non_null(strstr(why, reason));
	}
	free(exact);
}

#define NAMES(path, expected) check(path, sizeof(path) - 1, expected, NULL)
#define REFUSED(path, reason) check(path, sizeof(path) - 1, NULL, reason)

static void test_slashes(void **state)
{
	NAMES("/room1", "room1");
	NAMES("room1", "room1");
	NAMES("///room1//", "room1");
	NAMES("/team/ops", "team/ops");
	NAMES("/team//ops/", "team//ops");
	NAMES("/.", ".");
	NAMES("/../etc", "../etc");
}

static void test_default(void **state)
{
	NAMES("", "general");
	NAMES("/", "general");
	NAMES("////", "general");
	NAMES("/general", "general");
}

static void test_any_character(void **state)
{
	NAMES("/ ", " ");
	NAMES("/%25", "%25"); /* has been decoded already */
	NAMES("/?a=b#c", "?a=b#c");
	NAMES("/caf\xc3\xa9", "caf\xc3\xa9");
	NAMES("/\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
	NAMES("/~", "~");
	NAMES("/\xc2\xa0", "\xc2\xa0");	  /* the first behind C1 */
	NAMES("/\xc3\x80", "\xc3\x80");	  /* second byte as in C1 */
	NAMES("/x\xc2\xbf", "x\xc2\xbf"); /* first byte as in C1 */
}

static void test_length(void **state)
{
	char path[200], expected[130];

	for (size_t n = 1; n <= 130; n++) {
		memset(expected, 'r', n);
		memset(path, '/', sizeof(path));
		memcpy(path + 7, expected, n);
		expected[n < 130 ? n : 129] = '\0';
		check(path, 7 + n + 5, n <= ROOM_NAME_MAX ? expected : NULL, "longer than 128");
	}
	/* Bytes are counted, not characters. */
	for (size_t i = 0; i < 65; i++)
		memcpy(path + 2 * i, "\xc3\xa9", 2);
	check(path, 130, NULL, "longer than 128");
	path[128] = '\0';
	check(path, 128, path, NULL);
}

static void test_bad_utf8(void **state)
{
	REFUSED("/\xff", "UTF-8");
	REFUSED("/room\xc3", "UTF-8");
	REFUSED("/\xed\xa0\x80", "UTF-8");
	REFUSED("/\xc0\xaf", "UTF-8");
	REFUSED("/caf\xe9", "UTF-8");
	REFUSED("/\xc2/", "UTF-8");
}

static void test_control_characters(void **state)
{
	REFUSED("/\0", "control");
	REFUSED("/room\0", "control");
	REFUSED("\0", "control");
	for (unsigned int c = 0; c < 0xa0; c++) {
		char c0[] = {'/', 'a', (char)c, 'b'};
		char c1[] = {'/', 'a', '\xc2', (char)c};

		if (c < 0x20 || c == 0x7f)
			check(c0, sizeof(c0), NULL, "control");
		if (c >= 0x80)
			check(c1, sizeof(c1), NULL, "control");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_slashes),	  cmocka_unit_test(test_default),
	    cmocka_unit_test(test_any_character), cmocka_unit_test(test_length),
	    cmocka_unit_test(test_bad_utf8),	  cmocka_unit_test(test_control_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
