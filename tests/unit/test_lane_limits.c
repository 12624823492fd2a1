/* Lanes and fan-out: bounded work per turn, and who is too slow */
#include <stdlib.h>

#include "tests/unit/lane_harness.h"

/* ---- bounded work ---- */

static void test_a_large_room_takes_turns_with_a_small_one(void **state)
{
	enum { LARGE = 5000 };
	struct fake *f = calloc(LARGE + 2, sizeof(*f));
	struct world w;
	unsigned int turns = 1;

	(void)state;
	assert_non_null(f);
	world_init(&w, (struct fanout_limits){0});
	for (int i = 0; i < LARGE + 2; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, i < LARGE ? 0 : 1);
	}
	publish(&w, 0, f, LARGE + 2, &f[0], 50);
	publish(&w, 1, f, LARGE + 2, &f[LARGE], 50);
	assert_true(fanout_flush(&w.fanout));
	assert_true(w.fanout.n_writes <= FANOUT_BUDGET);
	assert_int_equal(f[LARGE + 1].n_messages,
			 1); /* the small room is served in the first turn */

	/* What is said during the pass reaches everybody, too: those served already in the next. */
	publish(&w, 0, f, LARGE + 2, &f[1], 50);
	while (fanout_flush(&w.fanout)) {
		publish(&w, 1, f, LARGE + 2, &f[LARGE], 50);
		turns++;
		assert_true(w.fanout.n_writes <= (uint64_t)turns * FANOUT_BUDGET);
	}
	assert_true(turns >= LARGE / FANOUT_BUDGET);
	flush_all(&w);
	assert_nothing_left(f, LARGE + 2);
	assert_int_equal(w.fanout.held_bytes, 0);
	for (int i = 0; i < LARGE + 2; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
	free(f);
}

/* Whoever takes the place of one who has left still gets its turn in the pass. */
static void test_leaving_during_a_pass(void **state)
{
	struct world w;
	struct fake f[4];
	unsigned int one = 1;

	(void)state;
	set_up(&w, (struct fanout_limits){0}, f, 4);
	publish(&w, 0, f, 4, NULL, 60000);
	assert_true(lane_flush(&w.lanes[0], &one)); /* the first has had its turn */
	assert_int_equal(f[0].n_messages, 1);
	fake_leave(&f[0], 0);
	flush_all(&w);
	publish(&w, 0, f, 4, NULL, 60000);
	flush_all(&w);
	assert_nothing_left(f, 4);
	for (int i = 1; i < 4; i++)
		assert_int_equal(f[i].n_writes, 2); /* and only one */
	tear_down(&w, f, 4);
}

/* What comes in faster than it goes out is waited for. */
static void test_too_much_published_in_a_pass_ends_it(void **state)
{
	enum { LARGE = 2000 };
	struct fake *f = calloc(LARGE, sizeof(*f));
	struct world w;

	(void)state;
	assert_non_null(f);
	set_up(&w, (struct fanout_limits){0}, f, LARGE);
	publish(&w, 0, f, LARGE, NULL, 50);
	assert_true(fanout_flush(&w.fanout));
	publish(&w, 0, f, LARGE, NULL, FANOUT_BACKLOG_MAX + 1);
	fanout_flush(&w.fanout);
	for (int i = 0; i < LARGE; i++)
		assert_true(f[i].n_messages >= 1);
	flush_all(&w);
	assert_nothing_left(f, LARGE);
	tear_down(&w, f, LARGE);
	free(f);
}

/* ---- limits ---- */

static void test_too_slow_by_its_own_lag(void **state)
{
	struct world w;
	struct fake f[3];

	(void)state;
	set_up(&w, (struct fanout_limits){.lag_bytes = 10000}, f, 3);
	f[2].room = 0;
	for (int i = 0; i < 99; i++) {
		publish(&w, 0, f, 3, &f[0], 99);
		flush_all(&w);
	}
	assert_int_equal(f[2].n_too_slow, 0);
	for (int i = 0; i < 10; i++) {
		publish(&w, 0, f, 3, &f[0], 99);
		flush_all(&w);
	}
	assert_int_equal(f[2].n_too_slow, 1); /* told once */
	assert_int_equal(f[0].n_too_slow + f[1].n_too_slow, 0);
	fake_leave(&f[2], 0);
	assert_int_equal(w.fanout.held_bytes, 0);
	tear_down(&w, f, 3);
}

static void test_too_slow_by_what_is_for_it_alone(void **state)
{
	struct world w;
	struct fake f;

	(void)state;
	world_init(&w, (struct fanout_limits){.lag_bytes = 1000});
	fake_init(&f, &w);
	fake_join(&f, &w, 0);
	f.room = 0;
	for (int i = 0; i < 50 && !f.n_too_slow; i++) {
		fake_send(&f, &w, 30);
		flush_all(&w);
	}
	assert_int_equal(f.n_too_slow, 1);
	fake_deinit(&f);
	world_deinit(&w);
}

static void test_too_much_for_all_ends_the_longest_choked(void **state)
{
	struct world w;
	struct fake f[40];

	(void)state;
	set_up(&w, (struct fanout_limits){.buffered_bytes = 200000}, f, 40);
	f[7].room = f[8].room = 0;
	publish(&w, 0, f, 40, &f[0], 50);
	flush_all(&w);
	for (int i = 10; i < 40; i++)
		f[i].room = 0;
	for (int i = 0; i < 20; i++) {
		publish(&w, 0, f, 40, &f[0], 10000);
		if (f[7].n_too_slow)
			break;
		flush_all(&w);
	}
	flush_all(&w);
	assert_int_equal(f[7].n_too_slow, 1);
	assert_int_equal(f[8].n_too_slow, 1);
	assert_int_equal(f[1].n_too_slow, 0); /* reads */
	tear_down(&w, f, 40);
}

/* However many there are, and though those who have been told stay for a while. */
static void test_too_much_for_all_ends_as_many_as_it_takes(void **state)
{
	enum { MANY = 100 };
	struct fake *f = calloc(MANY, sizeof(*f));
	unsigned int n_told = 0;
	struct world w;

	(void)state;
	assert_non_null(f);
	world_init(&w, (struct fanout_limits){.buffered_bytes = 1});
	for (int i = 0; i < MANY; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, 0);
		f[i].room = 0;
	}
	publish(&w, 0, f, MANY, NULL, 50);
	flush_all(&w);
	for (int i = 0; i < MANY / 10; i++)
		fanout_flush(&w.fanout);
	for (int i = 0; i < MANY; i++)
		n_told += f[i].n_too_slow;
	assert_int_equal(n_told, MANY);
	tear_down(&w, f, MANY);
	free(f);
}

/* It has taken all but can't take more: that is choked, too. */
static void test_choked_with_nothing_left(void **state)
{
	struct world w;
	struct fake f[2];

	(void)state;
	set_up(&w, (struct fanout_limits){0}, f, 2);
	f[1].room = frame_message_size(50);
	publish(&w, 0, f, 2, &f[0], 50);
	flush_all(&w);
	assert_int_equal(f[1].n_messages, 1);
	assert_true(member_is_choked(&f[1].member));
	assert_int_equal(w.fanout.held_bytes, 0);
	publish(&w, 0, f, 2, &f[0], 50);
	flush_all(&w);
	assert_int_equal(f[1].n_messages, 1);
	fake_unchoke(&f[1], UNLIMITED);
	flush_all(&w);
	assert_nothing_left(f, 2);
	tear_down(&w, f, 2);
}

/* One message, however long, doesn't keep the loop for a whole room. */
static void test_a_long_message_is_no_reason_for_a_long_turn(void **state)
{
	enum { MANY = 500 };
	struct fake *f = calloc(MANY, sizeof(*f));
	struct world w;

	(void)state;
	assert_non_null(f);
	set_up(&w, (struct fanout_limits){0}, f, MANY);
	publish(&w, 0, f, MANY, NULL, 2u << 20);
	assert_true(fanout_flush(&w.fanout));
	assert_true(w.fanout.n_writes < 20);
	flush_all(&w);
	assert_nothing_left(f, MANY);
	tear_down(&w, f, MANY);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_large_room_takes_turns_with_a_small_one),
	    cmocka_unit_test(test_leaving_during_a_pass),
	    cmocka_unit_test(test_too_much_published_in_a_pass_ends_it),
	    cmocka_unit_test(test_too_slow_by_its_own_lag),
	    cmocka_unit_test(test_too_slow_by_what_is_for_it_alone),
	    cmocka_unit_test(test_too_much_for_all_ends_the_longest_choked),
	    cmocka_unit_test(test_too_much_for_all_ends_as_many_as_it_takes),
	    cmocka_unit_test(test_choked_with_nothing_left),
	    cmocka_unit_test(test_a_long_message_is_no_reason_for_a_long_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
