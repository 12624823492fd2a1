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
struct server;
struct session;

struct ws {
	struct lws_context *context;
	struct lws_vhost *vhost;
};

/* A connection, as part of its session. */
struct ws_peer {
	struct lws *wsi; /* NULL before ws_adopt() and after ws_closed() */
	int fd;		 /* borrowed: libwebsockets closes it */
	uint32_t n_held; /* bytes of a frame that libwebsockets keeps: 0 unless it is choked */
};

/**
 * ws_open() - create the libwebsockets context
 * @loop: must live until ws_close_finish(); RLIMIT_NOFILE must have its final value,
 *        since tables are sized by it
 *
 * Return: 0 or -ENOMEM (libwebsockets doesn't say; it has logged).
 */
int ws_open(struct ws *ws, uv_loop_t *loop, struct server *server,
	    uint64_t handshake_ms) _must_check_;

/* Drops all connections; session_gone() is called for each. Then the loop must run until it
 * has no handles left, and ws_close_finish() frees the rest. */
void ws_close_begin(struct ws *ws);
void ws_close_finish(struct ws *ws);

/**
 * ws_adopt() - give an accepted socket to libwebsockets, which from here on owns it
 *
 * Return: 0, or -ECONNABORTED: the socket is closed, and session_gone() has not been
 *         called and never will be.
 */
int ws_adopt(struct ws *ws, int fd, struct session *s) _must_check_;

/**
 * ws_write() - send whole frames now
 *
 * Must be called only while the session is open or closing, on the loop's thread,
 * outside of libwebsockets' callbacks for the same connection.
 *
 * Return: bytes taken charge of, a frame boundary; fewer than @n if the socket is full
 *         (or broken): session_writeable() is called when it can be written to again.
 */
size_t ws_write(struct ws_peer *peer, const uint8_t *frames, size_t n);

/* Cuts the connection; session_gone() follows from the loop. */
void ws_kill(struct ws_peer *peer);
