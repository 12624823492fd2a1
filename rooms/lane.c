/* Lane: log, readers, passes */
#include "rooms/lane.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "rooms/fanout.h"

/*
 * An idle lane has no block, a quiet one a small one; under load it goes on in
 * large ones. A frame that is larger still has a block to itself.
 */
#define BLOCK_SMALL 2048u
#define BLOCK_LARGE 65536u

struct lane_block {
	struct lane_block *next;
	uint64_t start; /* the offset of its first byte */
	size_t used;
	size_t capacity;
	uint32_t n_holds; /* choked readers whose cursor is in it */
	uint8_t bytes[];
};

static uint64_t block_end(const struct lane_block *b)
{
	return b->start + b->used;
}

/* ---- blocks ---- */

static struct lane_block *block_new(struct lane *lane, size_t n)
{
	size_t size = lane->first ? BLOCK_LARGE : BLOCK_SMALL;
	struct lane_block *b;

	if (n > size - sizeof(*b))
		size = n <= BLOCK_LARGE - sizeof(*b) ? BLOCK_LARGE : sizeof(*b) + n;
	b = malloc(size);
	if (!b)
		return NULL;
	*b = (struct lane_block){.start = lane->end, .capacity = size - sizeof(*b)};
	fanout_hold(lane->fanout, (int64_t)size);
	return b;
}

static void block_free(struct lane *lane, struct lane_block *b)
{
	fanout_hold(lane->fanout, -(int64_t)(sizeof(*b) + b->capacity));
	free(b);
}

/* Lets go of the blocks that nobody needs any more. */
static void lane_trim(struct lane *lane)
{
	while (lane->first && lane->first != lane->floor_block && !lane->first->n_holds) {
		struct lane_block *b = lane->first;

		lane->first = b->next;
		if (!lane->first)
			lane->last = NULL;
		block_free(lane, b);
	}
}

static void lane_raise_floor(struct lane *lane, uint64_t floor)
{
	lane->floor = floor;
	while (lane->floor_block && block_end(lane->floor_block) <= floor)
		lane->floor_block = lane->floor_block->next;
	lane_trim(lane);
}

/* A block with @n bytes free at the lane's end, or NULL. */
static struct lane_block *lane_reserve(struct lane *lane, size_t n)
{
	struct lane_block *b = lane->last;

	if (b && n <= b->capacity - b->used)
		return b;
	b = block_new(lane, n);
	if (!b)
		return NULL;
	if (lane->last)
		lane->last->next = b;
	else
		lane->first = b;
	lane->last = b;
	b->n_holds = lane->n_held_ahead;
	lane->n_held_ahead = 0;
	return b;
}

/* ---- readers: what their edits take ---- */

static void reader_clear_edits(struct reader *r)
{
	fanout_hold(r->lane->fanout, -(int64_t)(r->edits.capacity * sizeof(struct edit)));
	edits_clear(&r->edits);
}

/* The edit at the lane's end, or NULL without memory. */
static struct edit *reader_edit(struct reader *r)
{
	uint32_t before = r->edits.capacity;
	struct edit *edit = edits_for(&r->edits, r->lane->end);

	fanout_hold(r->lane->fanout,
		    (int64_t)(r->edits.capacity - before) * (int64_t)sizeof(struct edit));
	return edit;
}

/* ---- publishing ---- */

uint8_t *lane_append(struct lane *lane, struct reader *from, size_t n)
{
	struct edit *edit = NULL;
	struct lane_block *b;
	uint8_t *bytes;

	if (from) {
		assert(from->lane == lane);
		edit = reader_edit(from);
		if (!edit)
			return NULL;
		if (n > UINT32_MAX - edit->skip)
			return NULL;
	}
	b = lane_reserve(lane, n);
	if (!b)
		return NULL; /* an edit that does nothing may be left: harmless */
	if (edit)
		edit->skip += (uint32_t)n;

	bytes = b->bytes + b->used;
	b->used += n;
	lane->end += n;
	if (!lane->floor_block)
		lane->floor_block = b;
	if (!list_is_linked(&lane->dirty))
		list_append(&lane->fanout->dirty, &lane->dirty);
	return bytes;
}

static void reader_drop_inserts(struct reader *r)
{
	for (uint32_t i = 0; i < r->edits.n; i++)
		edits_at(&r->edits, i)->insert = 0;
}

/* ---- readers: where they stand ---- */

/* The block with the next byte for @r, or NULL at the lane's end. */
static struct lane_block *reader_block(const struct reader *r)
{
	struct lane_block *b = r->lane->floor_block;

	if (r->holds)
		b = r->block ? r->block : r->lane->first;
	while (b && r->cursor >= block_end(b))
		b = b->next;
	return b;
}

/* Lets the block go that @r holds, if any. */
static void reader_let_go(struct reader *r)
{
	struct lane *lane = r->lane;
	/* The first block that came after a hold ahead of all blocks inherited that hold. */
	struct lane_block *b = r->block ? r->block : lane->first;

	if (!r->holds)
		return;
	if (b)
		b->n_holds--;
	else
		lane->n_held_ahead--;
	r->block = NULL;
	r->holds = false;
}

/* Holds the block that @r stands in, so that it can stay behind the floor. */
static void reader_hold(struct reader *r)
{
	struct lane *lane = r->lane;
	struct lane_block *b = reader_block(r);

	/* At the end of the last block is a place to wait in, too: what comes next may go there. */
	if (!b)
		b = lane->last;
	reader_let_go(r);
	r->holds = true;
	r->block = b;
	if (b)
		b->n_holds++;
	else
		lane->n_held_ahead++;
	lane_trim(lane);
}

/* ---- readers: what they get ---- */

/*
 * The bytes that come next for @r: in place if they stand together, else
 * gathered in the scratch buffer. Changes nothing.
 *
 * Return: their number, whole frames; 0 if there is nothing.
 */
static size_t reader_gather(struct reader *r, const uint8_t **bytesp)
{
	struct member *m = r->member;
	uint8_t *scratch = r->lane->fanout->scratch;
	const uint8_t *inserts = buffer_bytes(&m->out);
	struct lane_block *b = reader_block(r);
	uint64_t at = r->cursor;
	uint32_t i = 0;
	size_t n = 0;

	for (;;) {
		struct edit *edit = i < r->edits.n ? edits_at(&r->edits, i) : NULL;
		const uint8_t *piece;
		size_t size;

		while (b && at >= block_end(b))
			b = b->next;

		if (edit && edit->at == at) {
			/* Skipped bytes can span blocks, inserted ones stand in one buffer; behind
			 * loose ones, which come first. */
			if (edit->insert && m->n_loose)
				break;
			piece = inserts;
			size = edit->insert;
			if (size)
				inserts += size; /* NULL where there are none */
			at += edit->skip;
			i++;
		} else if (b) {
			uint64_t to = block_end(b);

			if (edit && edit->at < to)
				to = edit->at;
			piece = b->bytes + (at - b->start);
			size = (size_t)(to - at);
			at = to;
		} else {
			break;
		}

		if (!size)
			continue;
		if (!n) {
			*bytesp = piece;
			n = size;
		} else if (n + size <= FANOUT_SCRATCH) {
			if (*bytesp != scratch) {
				memcpy(scratch, *bytesp, n);
				*bytesp = scratch;
			}
			memcpy(scratch + n, piece, size);
			n += size;
		} else {
			break;
		}
		if (n >= FANOUT_SCRATCH / 2)
			break;
	}
	return n;
}

/* Moves @r on by @n bytes of what reader_gather() has found, and past what it leaves out. */
static void reader_advance(struct reader *r, size_t n)
{
	struct member *m = r->member;

	for (;;) {
		struct edit *edit = r->edits.n ? edits_at(&r->edits, 0) : NULL;
		size_t size;

		if (edit && edit->at == r->cursor) {
			size = n < edit->insert ? n : edit->insert;
			if (size) {
				fanout_hold(m->fanout, -(int64_t)size);
				buffer_consume(&m->out, size);
				edit->insert -= (uint32_t)size;
				n -= size;
			}
			if (edit->insert)
				return;
			r->cursor += edit->skip;
			edits_pop(&r->edits);
			if (!r->edits.n)
				reader_clear_edits(r);
			continue;
		}
		if (!n)
			return;
		size = edit && edit->at - r->cursor < n ? (size_t)(edit->at - r->cursor) : n;
		r->cursor += size;
		n -= size;
	}
}

static unsigned int write_cost(size_t n)
{
	return 1 + (unsigned int)(n / FANOUT_BYTES_PER_UNIT);
}

static void spend(unsigned int *budgetp, unsigned int units)
{
	*budgetp -= units < *budgetp ? units : *budgetp;
}

/* One write to a member that isn't choked; chokes it where it can't take more. */
static size_t member_write(struct member *m, const uint8_t *bytes, size_t n, unsigned int *budgetp)
{
	size_t taken;

	if (!m->ops->write(m, bytes, n, &taken))
		list_append(&m->fanout->choked, &m->choked);
	assert(taken == n || (taken < n && member_is_choked(m)));
	m->fanout->n_writes++;
	spend(budgetp, write_cost(n));
	return taken;
}

void member_flush_loose(struct member *m, unsigned int *budgetp)
{
	size_t taken;

	if (!m->n_loose || m->unfinished || member_is_choked(m))
		return;
	taken = member_write(m, buffer_bytes(&m->out), m->n_loose, budgetp);
	m->n_loose -= taken;
	fanout_hold(m->fanout, -(int64_t)taken);
	buffer_consume(&m->out, taken);
}

/* Whether the last that @r was written is a part of a message. */
static bool reader_is_within_message(const struct reader *r)
{
	const struct lane_block *b = reader_block(r);

	return b && frame_is_continuation(b->bytes + (r->cursor - b->start));
}

/* Whether there is anything to write to @r. Adjacent edits are one, so this doesn't loop far. */
static bool reader_has_more(struct reader *r)
{
	uint64_t at = r->cursor;

	for (uint32_t i = 0; i < r->edits.n; i++) {
		const struct edit *edit = edits_at(&r->edits, i);

		if (edit->at != at || edit->insert)
			return true;
		at += edit->skip;
	}
	return at < r->lane->end;
}

static bool reader_may_write(const struct reader *r)
{
	const struct member *m = r->member;

	return !member_is_choked(m) && !m->is_cut && (!m->unfinished || m->unfinished == r);
}

void reader_flush(struct reader *r, unsigned int *budgetp)
{
	struct member *m = r->member;
	const uint8_t *bytes = NULL;
	size_t n;

	/* What is gathered ends with a message; only what isn't taken can end within one. */
	for (;;) {
		member_flush_loose(m, budgetp);
		if (!reader_may_write(r) || !(n = reader_gather(r, &bytes)))
			break;
		reader_advance(r, member_write(m, bytes, n, budgetp));
		m->unfinished = member_is_choked(m) && reader_is_within_message(r) ? r : NULL;
	}
	if (reader_has_more(r)) {
		reader_hold(r);
		return;
	}
	reader_advance(r, 0); /* past its own messages at the very end */
	reader_let_go(r);
	lane_trim(r->lane);
}

/* ---- members' own frames in the order of the lane ---- */

int reader_insert(struct reader *r, uint32_t n)
{
	struct edit *edit = reader_edit(r);

	if (!edit || n > UINT32_MAX - edit->insert)
		return -ENOMEM;
	edit->insert += n;
	return 0;
}

/* ---- joining and leaving ---- */

void lane_init(struct lane *lane, struct fanout *fanout)
{
	*lane = (struct lane){.fanout = fanout};
}

void lane_deinit(struct lane *lane)
{
	assert(!lane->n_readers && !lane->first && !lane->n_held_ahead);
	list_unlink(&lane->dirty);
	free(lane->readers);
}

int lane_join(struct lane *lane, struct reader *r, struct member *m)
{
	if (lane->n_readers == lane->capacity) {
		uint32_t capacity = lane->capacity ? 2 * lane->capacity : 4;
		struct reader **readers =
		    realloc(lane->readers, capacity * sizeof(struct reader *));

		if (!readers)
			return -ENOMEM;
		lane->readers = readers;
		lane->capacity = capacity;
	}
	*r = (struct reader){
	    .lane = lane, .member = m, .cursor = lane->end, .index = lane->n_readers};
	lane->readers[lane->n_readers++] = r;
	if (m->readers) {
		r->next = m->readers->next;
		m->readers->next = r;
	} else {
		m->readers = r;
	}
	return 0;
}

static void lane_put_reader(struct lane *lane, uint32_t index, struct reader *r)
{
	lane->readers[index] = r;
	r->index = index;
}

void lane_leave(struct reader *r)
{
	struct lane *lane = r->lane;
	struct member *m = r->member;
	struct reader **link = &m->readers;
	uint32_t hole = r->index;

	reader_let_go(r);
	reader_clear_edits(r);
	if (m->readers == r)
		m->n_loose = m->out.len;
	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	if (m->unfinished == r) {
		m->unfinished = NULL;
		m->is_cut = true;
		fanout_hold(m->fanout, -(int64_t)m->out.len);
		buffer_deinit(&m->out);
		m->n_loose = 0;
		if (m->readers) /* the home, or what is that from now on */
			reader_drop_inserts(m->readers);
	}

	/* Close the hole with the last reader; in a pass, without mixing those who have had
	 * their turn with those who have not. */
	if (lane->in_pass && hole < lane->pass_next) {
		lane_put_reader(lane, hole, lane->readers[lane->pass_next - 1]);
		hole = --lane->pass_next;
	}
	lane_put_reader(lane, hole, lane->readers[lane->n_readers - 1]);
	lane->n_readers--;
	if (lane->capacity > 16 && lane->n_readers < lane->capacity / 4) {
		struct reader **readers =
		    realloc(lane->readers, lane->capacity / 2 * sizeof(struct reader *));

		if (readers) {
			lane->readers = readers;
			lane->capacity /= 2;
		}
	}

	if (!lane->n_readers) {
		lane->in_pass = false;
		list_unlink(&lane->dirty);
		lane_raise_floor(lane, lane->end);
	}
	lane_trim(lane);
	r->lane = NULL;
}

/* ---- passes ---- */

static void check_lag(struct reader *r)
{
	struct member *m = r->member;
	uint64_t limit = m->fanout->limits.lag_bytes;

	if (limit && reader_lag(r) > limit)
		member_find_too_slow(m);
}

bool lane_flush(struct lane *lane, unsigned int *budgetp)
{
	if (!lane->in_pass) {
		lane->in_pass = true;
		lane->pass_next = 0;
		lane->pass_end = lane->end;
	}
	while (lane->pass_next < lane->n_readers) {
		struct reader *r = lane->readers[lane->pass_next];

		if (!*budgetp && lane->end - lane->pass_end <= FANOUT_BACKLOG_MAX)
			return true;
		lane->pass_next++;
		if (member_is_choked(r->member)) {
			spend(budgetp, 1);
			if (!r->holds && reader_lag(r))
				reader_hold(r);
			check_lag(r);
		} else {
			reader_flush(r, budgetp);
		}
	}
	lane->in_pass = false;
	lane_raise_floor(lane, lane->pass_end);
	return lane->end > lane->pass_end;
}
