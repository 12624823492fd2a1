#pragma once
/*
 * Server: the loop, what happens at the end of each turn and once a second,
 * starting and stopping.
 */
#include <inttypes.h>
#include <uv.h>

#include "rooms/fanout.h"
#include "rooms/registry.h"
#include "src/config.h"
#include "src/listener.h"
#include "src/notify.h"
#include "src/session.h"
#include "src/ws.h"

struct server {
	const struct config *config; /* borrowed */
	uv_loop_t loop;
	uv_prepare_t prepare; /* the end of a turn */
	uv_idle_t again;      /* active: don't wait for events, there's more to write */
	uv_timer_t tick;      /* once a second */
	uv_signal_t sigterm, sigint;

	struct ws ws;
	struct listeners listeners;
	struct notify notify;
	struct fanout fanout;
	struct registry registry;

	struct list sessions[N_SESSION_STATES];
	struct list held;	/* sessions of whose frames libwebsockets keeps a rest */
	struct list partials;	/* sessions with a part of a message, begun first in front */
	uint64_t partial_bytes; /* that these parts take */
	int max_descriptors;	/* what the tables of libwebsockets are made for */
	uint64_t last_id;	/* of sessions; never given twice */
	uint32_t n_connections; /* sockets */
	uint32_t n_open;	/* of these WebSockets */

	uint64_t stop_ms; /* when stopping has begun, or 0 */
	bool is_closed;	  /* and when all that is left is for the loop to end */
};

/**
 * server_run() - serve until SIGTERM or SIGINT
 *
 * Return: 0 after a clean stop; negative errno if it couldn't start: that has been logged.
 */
int server_run(const struct config *config) _must_check_;

/* Milliseconds on the loop's clock. */
uint64_t server_now_ms(const struct server *server);

/* Whether one more WebSocket may come in. */
enum server_admission {
	SERVER_ADMITS,
	SERVER_IS_FULL,
	SERVER_IS_STOPPING,
};
enum server_admission server_admits(const struct server *server);
