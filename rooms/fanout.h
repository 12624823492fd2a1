#pragma once
/*
 * Fan-out: what happens at the end of each turn of the event loop.
 *
 * During a turn messages are only appended, to lanes and to members' own
 * queues. At its end fanout_flush() writes: to each member that has something
 * to get, in one call for all of it.
 *
 * Work is bounded per turn, so that the loop gets to read and to serve others:
 * dirty lanes take turns (round robin), a slice of writes each, until the
 * turn's budget is used up. A room of 20,000 then takes many turns for a pass,
 * during which a room of two is served once per turn. But nobody may fall behind
 * for good: if more than FANOUT_BACKLOG_MAX is published in a lane while a pass of
 * it goes on, the rest of the pass is done at once. The loop reads nothing
 * meanwhile, which slows the senders down.
 */
#include "rooms/list.h"

struct member;

/* In units of about one small write: 3-5 us of CPU here, nearly all of it the kernel's. */
#define FANOUT_BUDGET 128u /* per turn: some 0.5 ms */
#define FANOUT_SLICE  32u  /* per lane before the next one's turn */

/* A write of this many bytes costs about as much again as a small one. */
#define FANOUT_BYTES_PER_UNIT 16384u

/* Bytes published in a lane during one of its passes beyond which it isn't interrupted any more. */
#define FANOUT_BACKLOG_MAX (1024u * 1024u)

/* Bytes gathered for one write where edits have to be made. */
#define FANOUT_SCRATCH 65536u

struct fanout_limits {
	uint64_t lag_bytes;	 /* what one member may be behind; 0: no limit */
	uint64_t buffered_bytes; /* what may be held for all of them; 0: no limit */
};

struct fanout {
	struct fanout_limits limits;
	uint64_t held_bytes;  /* in lanes' blocks, members' queues and below (fanout_hold) */
	struct list dirty;    /* lanes */
	struct list pending;  /* members with something of their own to be written */
	struct list choked;   /* members, the one choked longest first */
	struct list too_slow; /* members that are choked and have been told */
	uint8_t *scratch;
	uint64_t n_writes; /* since the start, for statistics and tests */
};

/* Return: 0 or -ENOMEM. */
int fanout_init(struct fanout *f, struct fanout_limits limits) _must_check_;
void fanout_deinit(struct fanout *f);

/**
 * fanout_flush() - write what has been published, as far as the budget goes
 *
 * Then, while more is held than limits.buffered_bytes, tells members that they
 * are too slow, those choked longest first.
 *
 * Return: whether there's more to write: the loop shouldn't wait for events then.
 */
bool fanout_flush(struct fanout *f);

/* Accounts for memory that is held for slow members: @delta bytes more or (negative) less. */
static inline void fanout_hold(struct fanout *f, int64_t delta)
{
	f->held_bytes += (uint64_t)delta;
}
