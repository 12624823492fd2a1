/* Lanes: order, places, edits, memory; and everything at once, against the model */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/alloc.h"
#include "tests/unit/lane_harness.h"

/* ---- what a turn does ---- */

static void test_one_write_per_member_and_turn(void **state)
{
	struct world w;
	struct fake f[3];

	(void)state;
	set_up(&w, (struct fanout_limits){0}, f, 3);
	for (int i = 0; i < 10; i++)
		publish(&w, 0, f, 3, &f[i % 2], 50);
	fake_send(&f[1], &w, 20);
	publish(&w, 0, f, 3, &f[0], 50);
	assert_false(fanout_flush(&w.fanout));
	assert_nothing_left(f, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(f[i].n_writes, 1);
	assert_int_equal(f[2].n_messages, 11);

	/* Given back: an idle lane holds nothing. */
	assert_null(w.lanes[0].first);
	assert_int_equal(w.fanout.held_bytes, 0);
	tear_down(&w, f, 3);
}

static void test_nothing_to_write_is_no_write(void **state)
{
	struct world w;
	struct fake f[2];

	(void)state;
	world_init(&w, (struct fanout_limits){0});
	fake_init(&f[0], &w);
	fake_init(&f[1], &w);
	fake_join(&f[0], &w, 0);
	publish(&w, 0, f, 2, &f[0], 50);
	fake_join(&f[1], &w, 0); /* too late for that */
	assert_false(fanout_flush(&w.fanout));
	assert_int_equal(f[0].n_writes + f[1].n_writes, 0);
	assert_int_equal(w.fanout.held_bytes, 0);
	fake_deinit(&f[0]);
	fake_deinit(&f[1]);
	world_deinit(&w);
}

static void test_a_choked_member_keeps_its_place(void **state)
{
	struct world w;
	struct fake f[3];
	uint64_t held;

	(void)state;
	set_up(&w, (struct fanout_limits){0}, f, 3);
	f[2].room = 0;
	for (int i = 0; i < 2000; i++) {
		publish(&w, 0, f, 3, &f[0], 100);
		assert_false(fanout_flush(&w.fanout));
	}
	assert_int_equal(f[1].n_messages, 2000);
	assert_int_equal(f[2].n_messages, 0);
	assert_int_equal(f[2].n_writes, 1); /* no use in asking again */
	held = w.fanout.held_bytes;
	assert_true(held >= 2000 * 102);

	fake_unchoke(&f[2], 150000);
	flush_all(&w);
	assert_true(f[2].n_messages > 1000 && f[2].n_messages < 2000);
	assert_true(w.fanout.held_bytes < held); /* what it has got is given back */

	fake_unchoke(&f[2], UNLIMITED);
	flush_all(&w);
	assert_nothing_left(f, 3);
	assert_int_equal(w.fanout.held_bytes, 0);
	tear_down(&w, f, 3);
}

/* Choked while there's no block to hold: the one that comes next is its. */
static void test_choked_in_an_empty_lane(void **state)
{
	struct world w;
	struct fake f[2];

	(void)state;
	set_up(&w, (struct fanout_limits){0}, f, 2);
	f[1].room = 0;
	fake_send(&f[1], &w, 20);
	flush_all(&w);
	assert_true(member_is_choked(&f[1].member));
	assert_null(w.lanes[0].first);
	for (int i = 0; i < 100; i++) {
		publish(&w, 0, f, 2, &f[0], 1000);
		flush_all(&w);
	}
	fake_unchoke(&f[1], UNLIMITED);
	flush_all(&w);
	assert_nothing_left(f, 2);
	assert_int_equal(w.fanout.held_bytes, 0);

	/* And the same for one who leaves before anything comes. */
	f[1].room = 0;
	fake_send(&f[1], &w, 20);
	flush_all(&w);
	fake_deinit(&f[1]);
	fake_deinit(&f[0]);
	world_deinit(&w);
}

/* It can't be told anything more, in other lanes either, but to close. */
static void test_leaving_within_a_message(void **state)
{
	struct world w;
	struct fake f[2];

	(void)state;
	set_up(&w, (struct fanout_limits){0}, f, 2);
	fake_join(&f[0], &w, 1);
	fake_join(&f[1], &w, 1);
	f[0].room = frame_message_size(FRAME_FRAGMENT_MAX);
	publish(&w, 1, f, 2, &f[1], 100000);
	flush_all(&w);
	assert_true(f[0].is_within);
	fake_send(&f[0], &w, 50);
	publish(&w, 0, f, 2, &f[1], 50);

	lane_leave(&f[0].readers[1]);
	f[0].is_in[1] = false;
	assert_int_equal(f[0].member.out.len, 0);
	fake_unchoke(&f[0], UNLIMITED);
	flush_all(&w);
	assert_int_equal(f[0].n_messages, 0);
	f[0].expected[1].n = 0;
	fake_leave(&f[0], 0);
	assert_int_equal(w.fanout.held_bytes, 0);
	queue_deinit(&f[0].expected[1]);
	tear_down(&w, f, 2);
}

static void test_frames_larger_than_a_block(void **state)
{
	struct world w;
	struct fake f[3];

	(void)state;
	set_up(&w, (struct fanout_limits){0}, f, 3);
	for (int i = 0; i < 12; i++) {
		publish(&w, 0, f, 3, &f[i % 3], i % 2 ? 1u << 20 : 30);
		fake_send(&f[0], &w, i == 5 ? 100000 : 10);
	}
	flush_all(&w);
	assert_nothing_left(f, 3);
	tear_down(&w, f, 3);
}

/* ---- without memory ---- */

static void test_append_without_memory_changes_nothing(void **state)
{
	struct world w;
	struct fake f[2];
	unsigned int n_failed = 0;

	(void)state;
	set_up(&w, (struct fanout_limits){0}, f, 2);
	/* Messages that alternate, so that each needs an edit of its own, and some large ones. */
	for (int i = 0; i < 200; i++) {
		size_t n = frame_message_size(i % 10 ? 100 : 70000);
		uint8_t *frame;

		alloc_fail_at(1);
		frame = lane_append(&w.lanes[0], &f[i % 2].readers[0], n);
		alloc_fail_none();
		if (!frame) {
			n_failed++;
			publish(&w, 0, f, 2, &f[i % 2], i % 10 ? 100 : 70000);
			continue;
		}
		put_message(frame, ++w.last_number, i % 10 ? 100 : 70000);
		queue_push(&f[1 - i % 2].expected[0], w.last_number);
	}
	assert_true(n_failed > 20);
	flush_all(&w);
	assert_nothing_left(f, 2);
	tear_down(&w, f, 2);
}

static void test_send_without_memory_changes_nothing(void **state)
{
	static const uint8_t frame[] = {0x81, 8, 1, 2, 3, 4, 5, 6, 7, 8};
	struct world w;
	struct fake f[2];

	(void)state;
	set_up(&w, (struct fanout_limits){0}, f, 2);
	/* The second needs an edit of its own, and there's no memory for that one. */
	fake_send(&f[0], &w, 8);
	publish(&w, 0, f, 2, &f[1], 50);
	alloc_fail_at(1);
	assert_int_equal(member_send(&f[0].member, frame, sizeof(frame)), -ENOMEM);
	alloc_fail_none();
	flush_all(&w);
	assert_nothing_left(f, 2);
	/* And here there's none for the bytes. */
	alloc_fail_at(1);
	assert_int_equal(member_send(&f[0].member, frame, sizeof(frame)), -ENOMEM);
	alloc_fail_none();
	flush_all(&w);
	tear_down(&w, f, 2);
}

static void test_join_without_memory_changes_nothing(void **state)
{
	struct world w;
	struct fake f;

	(void)state;
	world_init(&w, (struct fanout_limits){0});
	fake_init(&f, &w);
	alloc_fail_at(1);
	assert_int_equal(lane_join(&w.lanes[0], &f.readers[0], &f.member), -ENOMEM);
	alloc_fail_none();
	assert_int_equal(w.lanes[0].n_readers, 0);
	assert_null(f.member.readers);
	fake_deinit(&f);
	world_deinit(&w);
}

/* ---- everything at once, against the model ---- */

static size_t random_payload(void)
{
	switch (rand() % 100) {
	case 0:
		return 60000 + (size_t)(rand() % 140000);
	case 1:
	case 2:
		return 1500 + (size_t)(rand() % 4000);
	default:
		return 8 + (size_t)(rand() % 200);
	}
}

static void random_step(struct world *w, struct fake *fakes, size_t n)
{
	struct fake *f = &fakes[(size_t)rand() % n];
	unsigned int lane = (unsigned int)rand() % N_LANES;

	if (f->is_cut)
		return;
	switch (rand() % 16) {
	case 0:
		if (!f->is_in[lane])
			fake_join(f, w, lane);
		break;
	case 1:
		if (f->is_in[lane] && rand() % 4 == 0)
			fake_leave(f, lane);
		break;
	case 2:
		f->room = (size_t)rand() % 5000;
		break;
	case 3:
		f->room = 0;
		break;
	case 4:
	case 5:
		fake_unchoke(f, rand() % 2 ? UNLIMITED : (size_t)rand() % 300000);
		break;
	case 6:
	case 7:
		fake_send(f, w, random_payload());
		break;
	case 8:
	case 9:
		fanout_flush(&w->fanout);
		break;
	default:
		if (f->is_in[lane])
			publish(w, lane, fakes, n, f, random_payload());
		break;
	}
}

static void random_world(unsigned int seed, size_t n, unsigned int n_steps)
{
	struct fake *f = calloc(n, sizeof(*f));
	struct world w;

	assert_non_null(f);
	srand(seed);
	world_init(&w, (struct fanout_limits){0});
	for (size_t i = 0; i < n; i++)
		fake_init(&f[i], &w);
	for (unsigned int i = 0; i < n_steps; i++)
		random_step(&w, f, n);

	/* When everybody reads again, everybody gets everything, and nothing is held any more. */
	for (size_t i = 0; i < n; i++)
		fake_unchoke(&f[i], UNLIMITED);
	flush_all(&w);
	assert_nothing_left(f, n);
	assert_int_equal(w.fanout.held_bytes, 0);
	for (size_t i = 0; i < n; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
	free(f);
}

static void test_random_worlds(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 150; seed++)
		random_world(seed, 2 + seed % 9, 600);
	for (unsigned int seed = 1000; seed < 1004; seed++)
		random_world(seed, 1500, 8000); /* passes that take several turns */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_write_per_member_and_turn),
	    cmocka_unit_test(test_nothing_to_write_is_no_write),
	    cmocka_unit_test(test_a_choked_member_keeps_its_place),
	    cmocka_unit_test(test_choked_in_an_empty_lane),
	    cmocka_unit_test(test_leaving_within_a_message),
	    cmocka_unit_test(test_frames_larger_than_a_block),
	    cmocka_unit_test(test_append_without_memory_changes_nothing),
	    cmocka_unit_test(test_send_without_memory_changes_nothing),
	    cmocka_unit_test(test_join_without_memory_changes_nothing),
	    cmocka_unit_test(test_random_worlds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
