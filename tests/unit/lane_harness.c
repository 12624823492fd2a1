/* A world of two lanes, and fake members */
#include "tests/unit/lane_harness.h"

#include <stdlib.h>
#include <string.h>

/* ---- frames that can be told apart ---- */

void put_message(uint8_t *out, uint64_t number, size_t payload)
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

void queue_push(struct queue *q, uint64_t number)
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

void queue_deinit(struct queue *q)
{
	free(q->numbers);
	*q = (struct queue){0};
}

/* ---- fake members ---- */

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

void world_init(struct world *w, struct fanout_limits limits)
{
	*w = (struct world){0};
	assert_int_equal(fanout_init(&w->fanout, limits), 0);
	for (unsigned int i = 0; i < N_LANES; i++)
		lane_init(&w->lanes[i], &w->fanout);
}

void world_deinit(struct world *w)
{
	for (unsigned int i = 0; i < N_LANES; i++) {
		assert_null(w->lanes[i].first);
		lane_deinit(&w->lanes[i]);
	}
	assert_int_equal(w->fanout.held_bytes, 0);
	fanout_deinit(&w->fanout);
}

void fake_init(struct fake *f, struct world *w)
{
	*f = (struct fake){.room = UNLIMITED};
	member_init(&f->member, &fake_ops, &w->fanout, ++w->last_id);
}

void fake_join(struct fake *f, struct world *w, unsigned int lane)
{
	assert_int_equal(lane_join(&w->lanes[lane], &f->readers[lane], &f->member), 0);
	f->is_in[lane] = true;
}

void fake_leave(struct fake *f, unsigned int lane)
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

void fake_deinit(struct fake *f)
{
	for (unsigned int i = 0; i < N_LANES; i++)
		if (f->is_in[i])
			fake_leave(f, i);
	member_deinit(&f->member);
	queue_deinit(&f->loose);
}

void fake_send(struct fake *f, struct world *w, size_t payload)
{
	uint64_t number = ++w->last_number | NUMBER_OWN;
	uint8_t *frame = malloc(frame_message_size(payload));

	assert_non_null(frame);
	put_message(frame, number, payload);
	assert_int_equal(member_send(&f->member, frame, frame_message_size(payload)), 0);
	free(frame);
	queue_push(f->member.readers ? &f->expected[home_of(f)] : &f->loose, number);
}

void fake_unchoke(struct fake *f, size_t room)
{
	f->room = room;
	if (member_is_choked(&f->member))
		member_unchoke(&f->member);
}

void publish(struct world *w, unsigned int lane, struct fake *fakes, size_t n, struct fake *from,
	     size_t payload)
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

void flush_all(struct world *w)
{
	for (int i = 0; fanout_flush(&w->fanout); i++)
		assert_true(i < 100000);
}

void assert_nothing_left(const struct fake *fakes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (unsigned int lane = 0; lane < N_LANES; lane++)
			assert_int_equal(fakes[i].expected[lane].n, 0);
		assert_int_equal(fakes[i].loose.n, 0);
	}
}

void set_up(struct world *w, struct fanout_limits limits, struct fake *fakes, size_t n)
{
	world_init(w, limits);
	for (size_t i = 0; i < n; i++) {
		fake_init(&fakes[i], w);
		fake_join(&fakes[i], w, 0);
	}
}

void tear_down(struct world *w, struct fake *fakes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fake_deinit(&fakes[i]);
	world_deinit(w);
}
