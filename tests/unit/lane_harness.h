#pragma once
/*
 * A world of two lanes with fake members who take as many bytes as they are
 * allowed, and what each of them must get.
 */
#include "proto/frame.h"
#include "rooms/fanout.h"
#include "rooms/lane.h"
#include "tests/unit/test.h"

#define N_LANES	  2u
#define UNLIMITED SIZE_MAX

/* Numbers of messages, in the order in which they must come. */
struct queue {
	uint64_t *numbers;
	size_t head, n, capacity;
};

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

struct world {
	struct fanout fanout;
	struct lane lanes[N_LANES];
	uint64_t last_number;
	uint64_t last_id;
};

/* A message's payload begins with its number. */
void put_message(uint8_t *out, uint64_t number, size_t payload);
void queue_push(struct queue *q, uint64_t number);
void queue_deinit(struct queue *q);
void world_init(struct world *w, struct fanout_limits limits);
void world_deinit(struct world *w);
void fake_init(struct fake *f, struct world *w);
void fake_join(struct fake *f, struct world *w, unsigned int lane);
void fake_leave(struct fake *f, unsigned int lane);
void fake_deinit(struct fake *f);
void fake_send(struct fake *f, struct world *w, size_t payload);
void fake_unchoke(struct fake *f, size_t room);
/* @fakes: all there are; @from, in the lane, says something that the others get. */
void publish(struct world *w, unsigned int lane, struct fake *fakes, size_t n, struct fake *from,
	     size_t payload);
void flush_all(struct world *w);
void assert_nothing_left(const struct fake *fakes, size_t n);

/* A world with @fakes, all in the first lane. */
void set_up(struct world *w, struct fanout_limits limits, struct fake *fakes, size_t n);
void tear_down(struct world *w, struct fake *fakes, size_t n);
