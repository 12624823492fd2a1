/*
 * Lanes and fan-out: against fake members who take as many bytes as they are
 * allowed, and against a model that keeps, for each member, what it must get.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "rooms/fanout.h"
#include "rooms/lane.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

#define N_LANES	  2u
#define UNLIMITED SIZE_MAX

/* ---- frames that can be told apart ---- */

/* A message's payload begins with its number. */
static void put_message(uint8_t *out, uint64_t number, size_t payload)
{
	struct frame_writer w = frame_writer(out, payload);
	uint8_t fill[256];

	assert_true(payload >= sizeof(number));
	frame_write(&w, &number, sizeof(number));
	memset(fill, (int)number, sizeof(fill));
	for (size_t left = payload - sizeof(number); left;) {
		size_t n = left < sizeof(fill) ? left : sizeof(fill);

		frame_write(&w, fill, n);
		left -= n;
	}
}

/* Reads the frame at @bytes; @number is that of the message it belongs to. Returns its size. */
static size_t read_frame(const uint8_t *bytes, uint64_t *number)
{
	size_t size = frames_boundary(bytes, SIZE_MAX, 1);
	size_t at = bytes[1] < 126 ? 2 : bytes[1] == 126 ? 4 : 10;

	if (!frame_is_continuation(bytes)) {
		memcpy(number, bytes + at, sizeof(*number));
		at += sizeof(*number);
	}
	for (; at < size; at++)
		if (bytes[at] != (uint8_t)*number)
			fail();
	return size;
}

/* ---- queues of numbers ---- */

struct queue {
	uint64_t *numbers;
	size_t head, n, capacity;
};

static void queue_push(struct queue *q, uint64_t number)
{
	if (q->head + q->n == q->capacity) {
		q->capacity = q->capacity ? 2 * q->capacity : 16;
		q->numbers = realloc(q->numbers, q->capacity * sizeof(*q->numbers));
		assert_non_null(q->numbers);
	}
	q->numbers[q->head + q->n++] = number;
}

static bool queue_pop(struct queue *q, uint64_t number)
{
	if (!q->n || q->numbers[q->head] != number)
		return false;
	q->head++;
	q->n--;
	return true;
}

static void queue_deinit(struct queue *q)
{
	free(q->numbers);
	*q = (struct queue){0};
}

/* ---- fake members ---- */

/* In a frame's number: for a member alone, or from which lane. */
#define NUMBER_OWN   (UINT64_C(1) << 63)
#define NUMBER_LANE1 (UINT64_C(1) << 62)

struct fake {
	struct member member;
	struct reader readers[N_LANES];
	bool is_in[N_LANES];
	size_t room;	/* bytes it takes before it is choked */
	bool is_within; /* a message of several frames, with this number */
	bool is_cut;	/* left within one */
	uint64_t number;
	unsigned int n_writes;
	unsigned int n_too_slow;
	uint64_t n_messages;
	struct queue
	    expected[N_LANES]; /* of each lane; its home's with its own frames among them */
	struct queue loose;    /* own frames in no lane's order: they come first */
};

static unsigned int home_of(const struct fake *f)
{
	return (unsigned int)(f->member.readers - f->readers);
}

static void check_message(struct fake *f, uint64_t number)
{
	bool is_right;

	if (!(number & NUMBER_OWN))
		is_right = queue_pop(&f->expected[number & NUMBER_LANE1 ? 1 : 0], number);
	else if (f->loose.n)
		is_right = queue_pop(&f->loose, number);
	else
		is_right = f->member.readers && queue_pop(&f->expected[home_of(f)], number);
	assert_true(is_right);
	f->n_messages++;
}

static bool fake_write(struct member *m, const uint8_t *frames, size_t n, size_t *takenp)
{
	struct fake *f = container_of(m, struct fake, member);
	size_t taken = 0;

	assert_true(n > 0);
	assert_false(member_is_choked(m));
	f->n_writes++;
	while (taken < n) {
		const uint8_t *frame = frames + taken;
		size_t size = read_frame(frame, &f->number);

		assert_true(taken + size <= n);
		assert_int_equal(f->is_within, frame_is_continuation(frame));
		if (f->room != UNLIMITED && size > f->room)
			break;
		if (f->room != UNLIMITED)
			f->room -= size;
		f->is_within = !(*frame & 0x80);
		if (!f->is_within)
			check_message(f, f->number);
		taken += size;
	}
	*takenp = taken;
	return taken == n && f->room;
}

static void fake_too_slow(struct member *m)
{
	container_of(m, struct fake, member)->n_too_slow++;
}

static const struct member_ops fake_ops = {fake_write, fake_too_slow};

/* ---- a small world ---- */

struct world {
	struct fanout fanout;
	struct lane lanes[N_LANES];
	uint64_t last_number;
	uint64_t last_id;
};

static void world_init(struct world *w, struct fanout_limits limits)
{
	*w = (struct world){0};
	assert_int_equal(fanout_init(&w->fanout, limits), 0);
	for (unsigned int i = 0; i < N_LANES; i++)
		lane_init(&w->lanes[i], &w->fanout);
}

static void world_deinit(struct world *w)
{
	for (unsigned int i = 0; i < N_LANES; i++) {
		assert_null(w->lanes[i].first);
		lane_deinit(&w->lanes[i]);
	}
	assert_int_equal(w->fanout.held_bytes, 0);
	fanout_deinit(&w->fanout);
}

static void fake_init(struct fake *f, struct world *w)
{
	*f = (struct fake){.room = UNLIMITED};
	member_init(&f->member, &fake_ops, &w->fanout, ++w->last_id);
}

static void fake_join(struct fake *f, struct world *w, unsigned int lane)
{
	assert_int_equal(lane_join(&w->lanes[lane], &f->readers[lane], &f->member), 0);
	f->is_in[lane] = true;
}

static void fake_leave(struct fake *f, unsigned int lane)
{
	if (f->member.readers == &f->readers[lane])
		for (size_t i = 0; i < f->expected[lane].n; i++) {
			uint64_t number = f->expected[lane].numbers[f->expected[lane].head + i];

			if (number & NUMBER_OWN)
				queue_push(&f->loose, number);
		}
	queue_deinit(&f->expected[lane]);
	f->is_cut |= f->member.unfinished == &f->readers[lane];
	lane_leave(&f->readers[lane]);
	f->is_in[lane] = false;
	if (f->is_cut) { /* such a one is closed: it gets nothing more, from nowhere */
		assert_int_equal(f->member.out.len, 0);
		queue_deinit(&f->loose);
		for (unsigned int i = 0; i < N_LANES; i++)
			if (f->is_in[i])
				fake_leave(f, i);
	}
}

static void fake_deinit(struct fake *f)
{
	for (unsigned int i = 0; i < N_LANES; i++)
		if (f->is_in[i])
			fake_leave(f, i);
	member_deinit(&f->member);
	queue_deinit(&f->loose);
}

static void fake_send(struct fake *f, struct world *w, size_t payload)
{
	uint64_t number = ++w->last_number | NUMBER_OWN;
	uint8_t *frame = malloc(frame_message_size(payload));

	assert_non_null(frame);
	put_message(frame, number, payload);
	assert_int_equal(member_send(&f->member, frame, frame_message_size(payload)), 0);
	free(frame);
	queue_push(f->member.readers ? &f->expected[home_of(f)] : &f->loose, number);
}

static void fake_unchoke(struct fake *f, size_t room)
{
	f->room = room;
	if (member_is_choked(&f->member))
		member_unchoke(&f->member);
}

/* @fakes: all there are; @from, in the lane, says something that the others get. */
static void publish(struct world *w, unsigned int lane, struct fake *fakes, size_t n,
		    struct fake *from, size_t payload)
{
	uint64_t number = ++w->last_number | (lane ? NUMBER_LANE1 : 0);
	uint8_t *frame = lane_append(&w->lanes[lane], from ? &from->readers[lane] : NULL,
				     frame_message_size(payload));

	assert_non_null(frame);
	put_message(frame, number, payload);
	for (size_t i = 0; i < n; i++)
		if (fakes[i].is_in[lane] && &fakes[i] != from)
			queue_push(&fakes[i].expected[lane], number);
}

static void flush_all(struct world *w)
{
	for (int i = 0; fanout_flush(&w->fanout); i++)
		assert_true(i < 100000);
}

static void assert_nothing_left(const struct fake *fakes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (unsigned int lane = 0; lane < N_LANES; lane++)
			assert_int_equal(fakes[i].expected[lane].n, 0);
		assert_int_equal(fakes[i].loose.n, 0);
	}
}

/* ---- what a turn does ---- */

static void test_one_write_per_member_and_turn(void **state)
{
	struct world w;
	struct fake f[3];

	(void)state;
	world_init(&w, (struct fanout_limits){0});
	for (int i = 0; i < 3; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, 0);
	}
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
	for (int i = 0; i < 3; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
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
	world_init(&w, (struct fanout_limits){0});
	for (int i = 0; i < 3; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, 0);
	}
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
	for (int i = 0; i < 3; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
}

/* Choked while there's no block to hold: the one that comes next is its. */
static void test_choked_in_an_empty_lane(void **state)
{
	struct world w;
	struct fake f[2];

	(void)state;
	world_init(&w, (struct fanout_limits){0});
	for (int i = 0; i < 2; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, 0);
	}
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

static void test_frames_larger_than_a_block(void **state)
{
	struct world w;
	struct fake f[3];

	(void)state;
	world_init(&w, (struct fanout_limits){0});
	for (int i = 0; i < 3; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, 0);
	}
	for (int i = 0; i < 12; i++) {
		publish(&w, 0, f, 3, &f[i % 3], i % 2 ? 1u << 20 : 30);
		fake_send(&f[0], &w, i == 5 ? 100000 : 10);
	}
	flush_all(&w);
	assert_nothing_left(f, 3);
	for (int i = 0; i < 3; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
}

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
	world_init(&w, (struct fanout_limits){0});
	for (int i = 0; i < 4; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, 0);
	}
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
	for (int i = 0; i < 4; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
}

/* What comes in faster than it goes out is waited for. */
static void test_too_much_published_in_a_pass_ends_it(void **state)
{
	enum { LARGE = 2000 };
	struct fake *f = calloc(LARGE, sizeof(*f));
	struct world w;

	(void)state;
	assert_non_null(f);
	world_init(&w, (struct fanout_limits){0});
	for (int i = 0; i < LARGE; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, 0);
	}
	publish(&w, 0, f, LARGE, NULL, 50);
	assert_true(fanout_flush(&w.fanout));
	publish(&w, 0, f, LARGE, NULL, FANOUT_BACKLOG_MAX + 1);
	fanout_flush(&w.fanout);
	for (int i = 0; i < LARGE; i++)
		assert_true(f[i].n_messages >= 1);
	flush_all(&w);
	assert_nothing_left(f, LARGE);
	for (int i = 0; i < LARGE; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
	free(f);
}

/* ---- limits ---- */

static void test_too_slow_by_its_own_lag(void **state)
{
	struct world w;
	struct fake f[3];

	(void)state;
	world_init(&w, (struct fanout_limits){.lag_bytes = 10000});
	for (int i = 0; i < 3; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, 0);
	}
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
	for (int i = 0; i < 3; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
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
	world_init(&w, (struct fanout_limits){.buffered_bytes = 200000});
	for (int i = 0; i < 40; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, 0);
	}
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
	for (int i = 0; i < 40; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
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
	for (int i = 0; i < MANY; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
	free(f);
}

/* It has taken all but can't take more: that is choked, too. */
static void test_choked_with_nothing_left(void **state)
{
	struct world w;
	struct fake f[2];

	(void)state;
	world_init(&w, (struct fanout_limits){0});
	for (int i = 0; i < 2; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, 0);
	}
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
	for (int i = 0; i < 2; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
}

/* One message, however long, doesn't keep the loop for a whole room. */
static void test_a_long_message_is_no_reason_for_a_long_turn(void **state)
{
	enum { MANY = 500 };
	struct fake *f = calloc(MANY, sizeof(*f));
	struct world w;

	(void)state;
	assert_non_null(f);
	world_init(&w, (struct fanout_limits){0});
	for (int i = 0; i < MANY; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, 0);
	}
	publish(&w, 0, f, MANY, NULL, 2u << 20);
	assert_true(fanout_flush(&w.fanout));
	assert_true(w.fanout.n_writes < 20);
	flush_all(&w);
	assert_nothing_left(f, MANY);
	for (int i = 0; i < MANY; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
	free(f);
}

/* ---- without memory ---- */

static void test_append_without_memory_changes_nothing(void **state)
{
	struct world w;
	struct fake f[2];
	unsigned int n_failed = 0;

	(void)state;
	world_init(&w, (struct fanout_limits){0});
	for (int i = 0; i < 2; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, 0);
	}
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
	for (int i = 0; i < 2; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
}

static void test_send_without_memory_changes_nothing(void **state)
{
	static const uint8_t frame[] = {0x81, 8, 1, 2, 3, 4, 5, 6, 7, 8};
	struct world w;
	struct fake f[2];

	(void)state;
	world_init(&w, (struct fanout_limits){0});
	for (int i = 0; i < 2; i++) {
		fake_init(&f[i], &w);
		fake_join(&f[i], &w, 0);
	}
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
	for (int i = 0; i < 2; i++)
		fake_deinit(&f[i]);
	world_deinit(&w);
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
	    cmocka_unit_test(test_frames_larger_than_a_block),
	    cmocka_unit_test(test_a_large_room_takes_turns_with_a_small_one),
	    cmocka_unit_test(test_leaving_during_a_pass),
	    cmocka_unit_test(test_too_much_published_in_a_pass_ends_it),
	    cmocka_unit_test(test_a_long_message_is_no_reason_for_a_long_turn),
	    cmocka_unit_test(test_choked_with_nothing_left),
	    cmocka_unit_test(test_too_much_for_all_ends_as_many_as_it_takes),
	    cmocka_unit_test(test_too_slow_by_its_own_lag),
	    cmocka_unit_test(test_too_slow_by_what_is_for_it_alone),
	    cmocka_unit_test(test_too_much_for_all_ends_the_longest_choked),
	    cmocka_unit_test(test_append_without_memory_changes_nothing),
	    cmocka_unit_test(test_send_without_memory_changes_nothing),
	    cmocka_unit_test(test_join_without_memory_changes_nothing),
	    cmocka_unit_test(test_random_worlds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
