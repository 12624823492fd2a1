/* Publishing in rooms */
#include "tests/unit/registry_harness.h"

static void test_the_others_get_it_in_order(void **state)
{
	for (size_t i = 0; i < 3; i++)
		join(i, 0, "a");
	join(3, 0, "b");
	say(0, 0, "1");
	say(1, 0, "2");
	say(0, 0, "3");
	say(2, 0, "4");
	for (size_t i = 0; i < 4; i++)
		assert_got(i, ""); /* not before the turn's end */
	flush();
	assert_got(0, "24");
	assert_got(1, "134");
	assert_got(2, "123");
	assert_got(3, "");
	assert_int_equal(fanout.held_bytes, 0);
	assert_int_equal(fanout.n_writes, 3); /* one for each */
	flush();
	for (size_t i = 0; i < 4; i++)
		assert_got(i, "");
}

static void test_alone_it_costs_nothing(void **state)
{
	size_t count;

	join(0, 0, "a");
	count = alloc_count();
	say(0, 0, "1");
	assert_int_equal(alloc_count(), count);
	assert_int_equal(fanout.held_bytes, 0);
	join(1, 0, "a"); /* who comes later doesn't get it */
	flush();
	assert_int_equal(fanout.n_writes, 0);
	assert_got(0, "");
	assert_got(1, "");
}

static void test_joining_and_leaving_within_a_turn(void **state)
{
	join(0, 0, "a");
	join(1, 0, "a");
	say(0, 0, "1");
	join(2, 0, "a");
	say(0, 0, "2");
	leave(0, 0); /* what it has said stays said */
	leave(1, 0); /* what was for it doesn't come any more */
	flush();
	assert_got(0, "");
	assert_got(1, "");
	assert_got(2, "2");
	leave(2, 0);
	assert_int_equal(fanout.held_bytes, 0);
}

static void test_stuck_member_holds_memory_until_it_leaves(void **state)
{
	for (size_t i = 0; i < 3; i++)
		join(i, 0, "a");
	fakes[1].is_stuck = true;
	for (int i = 0; i < 1000; i++) {
		say(0, 0, "1");
		flush();
		assert_got(2, "1");
	}
	assert_true(fanout.held_bytes > 0);
	leave(1, 0);
	assert_int_equal(fanout.held_bytes, 0);
	say(0, 0, "2");
	flush();
	assert_got(2, "2");
}

/* ---- no memory ---- */

static void test_no_memory_to_publish(void **state)
{
	for (size_t i = 0; i < 3; i++)
		join(i, 0, "a");
	assert_enomem_changes_nothing(try_say(0, 0, "1"), assert_int_equal(fanout.held_bytes, 0));
	say(1, 0, "2");
	flush();
	assert_got(0, "2");
	assert_got(1, "1");
	assert_got(2, "12");
}

/* What couldn't be published nobody gets, all else everybody: none lost, none twice. */
static void test_no_memory_now_and_then(void **state)
{
	char expected[3][101] = {0};
	size_t n_failed = 0;
	uint64_t seed = 1;

	for (size_t i = 0; i < 3; i++)
		join(i, 0, "a");
	for (size_t i = 0; i < 10000; i++) {
		size_t from = random_below(&seed, 3);
		char content[] = {(char)('0' + i % 10), '\0'};
		bool is_told;

		alloc_fail_at(1 + i % 2);
		is_told = !try_say(from, 0, content);
		alloc_fail_none();
		n_failed += !is_told;
		for (size_t j = 0; j < 3; j++)
			if (is_told && j != from)
				strcat(expected[j], content);
		if (random_below(&seed, 10) && i % 100 != 99)
			continue;
		flush();
		for (size_t j = 0; j < 3; j++) {
			assert_got(j, expected[j]);
			expected[j][0] = '\0';
		}
	}
	assert_true(n_failed > 100 && n_failed < 9900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_REGISTRY(test_the_others_get_it_in_order),
	    WITH_REGISTRY(test_alone_it_costs_nothing),
	    WITH_REGISTRY(test_joining_and_leaving_within_a_turn),
	    WITH_REGISTRY(test_stuck_member_holds_memory_until_it_leaves),
	    WITH_REGISTRY(test_no_memory_to_publish),
	    WITH_REGISTRY(test_no_memory_now_and_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
