#pragma once
/*
 * The seam to libwebsockets: ws.c is the only file that knows it.
 *
 * libwebsockets owns the connections and runs on our libuv loop; it does the
 * HTTP upgrade and takes frames apart. Writing is ours: whole frames straight to
 * the socket at the end of a turn (docs/architecture.md says why).
 */
#include <uv.h>

#include "proto/close_code.h"
#include "proto/room_name.h"

struct lws;
struct lws_context;
struct lws_vhost;
struct session;

struct ws {
	struct lws_context *context;
	struct lws_vhost *vhost;
	bool has_created; /* something to destroy, in the adoption under way */
};

/* A connection, as part of its session. */
struct ws_peer {
	struct lws *wsi; /* NULL before ws_adopt() and after ws_closed() */
	int fd;		 /* borrowed: libwebsockets closes it */
	uint32_t n_held; /* bytes of a frame that libwebsockets keeps: 0 unless it is choked */
	bool is_paused;	 /* not read from */
	bool is_adopting, is_destroyed;
};

/**
 * ws_open() - create the libwebsockets context
 * @loop: must live until ws_close_finish(); RLIMIT_NOFILE must have its final value,
 *        since tables are sized by it
 *
 * Return: 0 or -ENOMEM (libwebsockets doesn't say; it has logged).
 */
int ws_open(struct ws *ws, uv_loop_t *loop, uint64_t handshake_ms) _must_check_;

/* Drops all connections; session_gone() is called for each. Then the loop must run until it
 * has no handles left, and ws_close_finish() frees the rest. */
void ws_close_begin(struct ws *ws);
void ws_close_finish(struct ws *ws);

/**
 * ws_adopt() - give an accepted socket to libwebsockets, which from here on owns it
 *
 * In any case session_gone() is called in the end: where libwebsockets doesn't take the
 * socket perhaps before this returns, perhaps a turn later.
 */
void ws_adopt(struct ws *ws, int fd, struct session *s);

/**
 * ws_write() - send whole frames now
 *
 * @takenp: bytes taken charge of, a frame boundary
 *
 * Must be called only while the session is open or closing, on the loop's thread,
 * outside of libwebsockets' callbacks.
 *
 * Return: whether all were sent. If not, the socket is full (or broken), and
 *         session_writeable() is called when it can be written to again.
 */
bool ws_write(struct ws_peer *peer, const uint8_t *frames, size_t n, size_t *takenp);

/* Stops or resumes reading. Not from within a callback of libwebsockets' for receiving. A peer
 * that isn't read from isn't noticed to go, either. */
void ws_pause(struct ws_peer *peer, bool is_paused);

/* Whether something waits to be read, be it the end of the stream. */
bool ws_has_unread(const struct ws_peer *peer);

/* Whether anything has come from the peer in the last @ms, or waits to be read. */
bool ws_has_heard(const struct ws_peer *peer, uint64_t ms);

/* Cuts the connection; session_gone() follows from the loop. */
void ws_kill(struct ws_peer *peer);
