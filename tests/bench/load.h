#pragma once
/* The load: rooms full of clients, who sends when, and the books of what everybody must get. */
#include "client.h"
#include "measure.h"
#include "options.h"

/*
 * Looking for a free port gets slow when half of some 28,000 are taken, so each so many
 * connections come from the next address: 127.0.0.1, 127.0.0.2 ...
 */
#define PORTS_PER_ADDRESS 8000u

typedef enum Role {
	ROLE_MEMBER, /* must get everything */
	ROLE_PAIR,   /* likewise, in a quiet room of two */
	ROLE_FROZEN, /* does not read until the end */
	ROLE_CHURN,  /* comes and goes; what it gets is not counted */
	ROLE_IDLE,
} Role;

struct Room {
	Client **members; /* those who must get everything, then the frozen ones */
	uint32_t n_members, n_frozen;
	uint32_t n_senders, next_sender;
	uint64_t n_sent;
	uint64_t n_under_way; /* deliveries still to come, to those who are alive */
	uint32_t n_alive;     /* members that have not lost their connection */
	bool is_quiet;
};

/* What is read off at a moment; a result is the difference of two. */
typedef struct Marks {
	uint64_t at_ns;
	uint64_t n_delivered, n_sent, n_pair_delivered;
	double server_cpu_s, own_cpu_s, machine_cpu_s;
	long pss_kib, slab_kib;
} Marks;

typedef struct Load {
	const Options *options;
	Proc proc;
	ClientShared shared;
	ClientTarget target;

	Client *clients;
	uint32_t n_clients; /* all of them: members, frozen, pairs, then churn */
	uint32_t n_steady;  /* without churn */
	Room *rooms;	    /* the loaded ones, then the pairs' */
	uint32_t n_rooms, n_loaded;

	int epoll, quiet_epoll;
	Client **pending; /* more to read than one turn may */
	uint32_t n_pending;

	uint32_t n_started, n_open, n_connecting;
	bool is_sending; /* between the first message and the last */
	bool is_measuring;
	bool is_ending;	 /* nobody is missed any more who leaves */
	uint64_t now_ns; /* at the start of the turn */
	uint64_t started_ns;
	uint64_t n_rate_sent, n_pair_sent, n_churned;
	uint32_t next_room, next_pair, next_churn;

	Hist latency, pair_latency;
	Marks empty, ready, from, to;
	double connect_first_s, connect_last_s;
	uint32_t connect_step; /* connections that the two figures above are for */
	double connect_wall_s;

	uint64_t n_delivered, n_pair_delivered;
	uint64_t n_expected_total, n_got_total, n_missing, n_extra;
	uint64_t n_lost; /* connections of members that broke */
	uint64_t n_joins, n_leaves, n_join_failures, n_churn_delivered;
	uint32_t n_frozen_complete, n_frozen_short, n_frozen_closed;
	uint64_t n_frozen_received, n_frozen_expected;
	uint16_t frozen_code;
	uint32_t n_closed_normally, n_closed_otherwise;
	bool drained, interrupted;
	char trouble[128]; /* the first thing that went wrong */
} Load;

enum {
	_LOAD_E_SUCCESS,
	LOAD_E_CONNECT, /* not everybody could connect; see @trouble */
};

int load_init(Load *load, const Options *options);
void load_deinit(Load *load);

/* Ask the load to stop sending and to come to its end. Safe in a signal handler. */
void load_interrupt(void);

/**
 * load_run() - connect everybody, put the load on, wait for what is under way, count
 *
 * Return: 0, whatever was counted; LOAD_E_CONNECT; negative errno.
 */
int load_run(Load *load);

/* Is everything there that must be, and nothing else? */
bool load_is_complete(const Load *load);
