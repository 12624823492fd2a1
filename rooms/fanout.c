/* Fan-out at the end of a turn, and the members' side of it */
#include "rooms/fanout.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "rooms/lane.h"
#include "rooms/member.h"

/* Members told per turn, at most, that they are too slow when too much is held in all: the owner
 * gets to close them, which frees memory, before more are picked. */
#define TOO_SLOW_PER_TURN 16u

int fanout_init(struct fanout *f, struct fanout_limits limits)
{
	*f = (struct fanout){.limits = limits};
	f->scratch = malloc(FANOUT_SCRATCH);
	if (!f->scratch)
		return -ENOMEM;
	list_init(&f->dirty);
	list_init(&f->pending);
	list_init(&f->choked);
	list_init(&f->too_slow);
	return 0;
}

void fanout_deinit(struct fanout *f)
{
	assert(!f->held_bytes);
	assert(list_is_empty(&f->dirty) && list_is_empty(&f->pending));
	assert(list_is_empty(&f->choked) && list_is_empty(&f->too_slow));
	free(f->scratch);
}

/* ---- members ---- */

void member_init(struct member *m, const struct member_ops *ops, struct fanout *fanout, uint64_t id)
{
	*m = (struct member){.ops = ops, .fanout = fanout, .id = id};
}

void member_deinit(struct member *m)
{
	member_drop_queued(m);
	list_unlink(&m->pending);
	list_unlink(&m->choked);
}

static void member_mark_pending(struct member *m)
{
	if (!list_is_linked(&m->pending))
		list_append(&m->fanout->pending, &m->pending);
}

void member_find_too_slow(struct member *m)
{
	if (m->is_too_slow)
		return;
	m->is_too_slow = true;
	m->ops->too_slow(m);
}

int member_send(struct member *m, const uint8_t *frames, size_t n)
{
	uint64_t limit = m->fanout->limits.lag_bytes;

	if (n > UINT32_MAX || buffer_append(&m->out, frames, n))
		return -ENOMEM;
	if (!m->readers) {
		m->n_loose += n;
	} else if (reader_insert(m->readers, (uint32_t)n)) {
		m->out.len -= n;
		return -ENOMEM;
	}
	fanout_hold(m->fanout, (int64_t)n);
	member_mark_pending(m);
	if (limit && m->out.len > limit)
		member_find_too_slow(m);
	return 0;
}

void member_drop_queued(struct member *m)
{
	assert(!m->readers);
	fanout_hold(m->fanout, -(int64_t)m->out.len);
	buffer_deinit(&m->out);
	m->n_loose = 0;
}

void member_unchoke(struct member *m)
{
	list_unlink(&m->choked);
	member_mark_pending(m);
}

bool member_is_drained(const struct member *m)
{
	if (m->out.len || member_is_choked(m))
		return false;
	for (const struct reader *r = m->readers; r; r = r->next)
		if (reader_lag(r))
			return false;
	return true;
}

static void member_flush(struct member *m, unsigned int *budgetp)
{
	if (m->unfinished)
		reader_flush(m->unfinished, budgetp);
	member_flush_loose(m, budgetp);
	for (struct reader *r = m->readers; r; r = r->next)
		reader_flush(r, budgetp);
}

/* ---- the end of a turn ---- */

static void flush_pending(struct fanout *f, unsigned int *budgetp)
{
	struct list_node *node;

	while (*budgetp && (node = list_first(&f->pending))) {
		struct member *m = container_of(node, struct member, pending);

		unsigned int before = *budgetp;

		list_unlink(node);
		member_flush(m, budgetp);
		/* To find that a member is choked costs something, too. */
		*budgetp -= *budgetp == before;
	}
}

static void flush_dirty(struct fanout *f, unsigned int *budgetp)
{
	struct list_node *node;

	while (*budgetp && (node = list_first(&f->dirty))) {
		struct lane *lane = container_of(node, struct lane, dirty);
		unsigned int slice = *budgetp < FANOUT_SLICE ? *budgetp : FANOUT_SLICE;
		unsigned int rest = slice;
		bool is_dirty;

		list_unlink(node);
		is_dirty = lane_flush(lane, &rest);
		if (is_dirty)
			list_append(&f->dirty, node);
		/* A pass that finds nothing to write costs something, too. */
		*budgetp -= rest < slice ? slice - rest : 1;
	}
}

static void relieve(struct fanout *f)
{
	uint64_t limit = f->limits.buffered_bytes;
	unsigned int n;

	if (!limit || f->held_bytes <= limit)
		return;
	/* One may be enough; where the limit is left far behind there's no time to find out. */
	n = f->held_bytes - limit > limit / 8 ? TOO_SLOW_PER_TURN : 1;
	for (unsigned int i = 0; i < n;) {
		struct list_node *node = list_first(&f->choked);
		struct member *m = node ? container_of(node, struct member, choked) : NULL;

		if (!m)
			return;
		/* It stays choked until it is gone: out of the way of the others. */
		list_move_to_end(&f->too_slow, node);
		i += !m->is_too_slow;
		member_find_too_slow(m);
	}
}

bool fanout_flush(struct fanout *f)
{
	unsigned int answers = FANOUT_BUDGET / 2, budget;

	/* Answers first: whoever asked gets what was published before along with them, and
	 * that then needs no second write. But no more than half of the turn is for them. */
	flush_pending(f, &answers);
	budget = FANOUT_BUDGET / 2 + answers;
	flush_dirty(f, &budget);
	relieve(f);
	return !list_is_empty(&f->pending) || !list_is_empty(&f->dirty);
}
