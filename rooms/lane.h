#pragma once
/*
 * Lane: the frames of a room, encoded once, for all members who want the same bytes.
 *
 * A lane is a log with absolute offsets. To publish is to append to it, once,
 * whatever the number of readers; each reader has a cursor, and at the end of
 * the turn it is written everything from its cursor to the end, in one call.
 *
 *     first                    floor_block              last
 *     [block]----->[block]----->[block]----->[block]----->[block]
 *        ^ a choked reader's       ^ floor                      ^ end
 *          cursor, held            no reader that isn't choked stands before it
 *
 * Blocks hold whole frames, so that a block's end is always a place to end a
 * write at. A block goes as soon as it lies before the floor and no choked
 * reader holds it or one before it; when all have caught up, none is left. All
 * that is O(1) per reader and write: nobody searches for the slowest reader.
 *
 * A pass walks the readers once and writes each all there is. It can pause
 * between two readers, so that a large room doesn't hold up small ones; what is
 * published meanwhile reaches those still to come at once and the others in the
 * next pass. The floor rises, at the end of a pass, to where the lane ended when
 * the pass began: everybody has been written that much, or is choked and holds
 * the block it stands in.
 *
 * A long message is several frames, which must reach a member without any other
 * message between them. So a reader that has stopped within one is its member's
 * unfinished reader, and nothing else is written to that member until it isn't.
 *
 * What a member gets is the lane with edits: its own messages left out, the
 * answers meant for it alone put in, at the place in the order they belong to.
 */
#include "rooms/edits.h"
#include "rooms/member.h"

struct lane_block;

struct lane {
	struct fanout *fanout;
	struct lane_block *first, *last;
	struct lane_block *floor_block; /* where the floor is in; NULL: the floor is the end */
	uint64_t end;
	uint64_t floor;
	uint64_t pass_end; /* where the lane ended when the pass began */
	struct reader **readers;
	uint32_t n_readers;
	uint32_t capacity;
	uint32_t pass_next;    /* readers before this one have had their turn in the pass */
	uint32_t n_held_ahead; /* readers that hold the block that isn't there yet */
	bool in_pass;
	struct list_node dirty; /* in fanout->dirty: readers may have something to get */
};

/* A member's place in a lane. */
struct reader {
	struct lane *lane;
	struct member *member;
	struct reader *next; /* the member's next place, in another lane */
	uint64_t cursor;
	struct lane_block *block; /* held: where the cursor is in; NULL: ahead of all blocks */
	struct edits edits;
	uint32_t index;
	bool holds;
};

void lane_init(struct lane *lane, struct fanout *fanout);
void lane_deinit(struct lane *lane); /* all readers have left */

/**
 * lane_join() - begin to read at the lane's end
 *
 * A member's first reader is its home: its own frames keep to the order of that lane.
 *
 * Return: 0, or -ENOMEM with nothing changed.
 */
int lane_join(struct lane *lane, struct reader *r, struct member *m) _must_check_;

/* Stops reading; what hasn't been written yet is dropped, but for the member's own frames,
 * which are then in no lane's order and go first. In the midst of a message they are dropped,
 * too: after that there can only be a close frame. */
void lane_leave(struct reader *r);

/**
 * lane_append() - publish a frame
 * @from: the sender's place in this lane, which will not get it; may be NULL
 * @n:    size of the whole frame, or of all fragments of a message
 *
 * Return: where the caller must write it, at once; NULL without memory: nothing changed.
 */
uint8_t *lane_append(struct lane *lane, struct reader *from, size_t n) _must_check_;

/**
 * lane_flush() - carry on with the pass, or begin one
 * @budgetp: in units of about one write (FANOUT_*); reduced by what was used
 *
 * Return: whether the lane is still dirty: the budget ended before the pass did, or
 *         more was published while it went on.
 */
bool lane_flush(struct lane *lane, unsigned int *budgetp);

/* Bytes of the lane that are kept for @r, its own messages among them. */
static inline uint64_t reader_lag(const struct reader *r)
{
	return r->lane->end - r->cursor;
}

/* Puts @n bytes of the member's own queue here into the order of the lane. */
int reader_insert(struct reader *r, uint32_t n) _must_check_;

/* Writes the reader what there is, unless its member is choked; reduces *@budgetp. */
void reader_flush(struct reader *r, unsigned int *budgetp);

/* The same for the part of a member's own frames that is in no lane's order. */
void member_flush_loose(struct member *m, unsigned int *budgetp);
