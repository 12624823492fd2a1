#pragma once
/*
 * Member: whoever takes part in rooms, as rooms see it: something that takes
 * bytes. In the daemon that is a WebSocket session, in unit tests a fake.
 */
#include "proto/buffer.h"
#include "rooms/list.h"

struct fanout;
struct reader;
struct member;

struct member_ops {
	/**
	 * write() - send whole frames now
	 * @takenp: how many bytes it has taken charge of, a frame boundary
	 *
	 * Called by fanout_flush() only, and not for a choked member.
	 * Must not join or leave rooms.
	 *
	 * Return: whether it has taken all and could take more. If not, the member is choked:
	 *         it isn't written to until member_unchoke().
	 */
	bool (*write)(struct member *m, const uint8_t *frames, size_t n, size_t *takenp);

	/**
	 * too_slow() - the member makes the server hold more than the limits allow
	 *
	 * Called once. Must not join or leave rooms in the call, but soon after:
	 * until then the memory stays held.
	 */
	void (*too_slow)(struct member *m);
};

struct member {
	const struct member_ops *ops;
	struct fanout *fanout;
	uint64_t id;		/* unique in the process; the key in rooms' sets */
	struct buffer out;	/* frames for this member alone, not yet written */
	size_t n_loose;		/* bytes at the front of @out that are in no lane's order */
	struct reader *readers; /* its places in lanes; the first is home: @out is in its order */
	struct reader *unfinished; /* the one that has given it but a part of a message, or NULL */
	struct list_node pending;  /* in fanout->pending: has something to write */
	struct list_node choked;   /* in fanout->choked or ->too_slow: must not be written to */
	bool is_cut;		   /* has left a lane within a message: gets only loose frames */
	bool is_too_slow;	   /* too_slow() has been called */
};

void member_init(struct member *m, const struct member_ops *ops, struct fanout *fanout,
		 uint64_t id);

/* The member must have left all rooms; what was still to be written to it is dropped. */
void member_deinit(struct member *m);

/**
 * member_send() - queue frames for this member alone
 * @frames: whole frames; copied
 *
 * A member that has left a room in the midst of a message can't be sent any more but a
 * close frame.
 *
 * They are written at the end of the turn: after everything that was published in the
 * member's home room before this call, and before everything published there later.
 *
 * Return: 0, or -ENOMEM with nothing queued.
 */
int member_send(struct member *m, const uint8_t *frames, size_t n) _must_check_;

/* Drops what member_send() has queued and is not yet written. The member must have no room. */
void member_drop_queued(struct member *m);

/* The member can be written to again: what waits goes out at the end of the turn. */
void member_unchoke(struct member *m);

static inline bool member_is_choked(const struct member *m)
{
	return list_is_linked(&m->choked);
}

/* Calls too_slow() unless it has been called. */
void member_find_too_slow(struct member *m);

/* Whether nothing at all waits to be written to the member. */
bool member_is_drained(const struct member *m);
