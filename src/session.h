#pragma once
/*
 * Session: one connection, from accept() until its socket is closed.
 *
 *   HANDSHAKE --> ALIVE <--> PINGED --> DOOMED --> CLOSING --> DROPPED --> freed
 *
 * Each state is a list of the server's, ordered by when sessions came in, so
 * that a timer looks at heads only. session_set_state() is the only mover.
 */
#include "proto/buffer.h"
#include "rooms/registry.h"
#include "src/ws.h"

enum session_state {
	SESSION_HANDSHAKE, /* an HTTP request, or not even that yet */
	SESSION_ALIVE,	   /* chats; ordered by the last sign of life */
	SESSION_PINGED,	   /* has been silent and was pinged; ordered by when */
	SESSION_DOOMED,	   /* to be closed at the end of the turn */
	SESSION_CLOSING,   /* our close frame is on its way */
	SESSION_DROPPED,   /* libwebsockets is closing it: must not be written to */
	N_SESSION_STATES,
};

struct session {
	struct server *server;
	struct ws_peer peer;
	struct member member;
	struct membership membership;
	struct buffer in;	  /* a message of which a part has come */
	struct list_node partial; /* in server->partials if there is one */
	struct list_node held;	/* in server->held while libwebsockets keeps the rest of a frame */
	struct list_node place; /* in server->sessions[state] */
	uint64_t since_ms;	/* loop time of coming there, or of the last sign of life */
	uint16_t state;		/* enum session_state */
	uint16_t close_code;	/* enum close_code: what it is closed with */
	bool is_suspect;	/* of not being read from */
};

/* Return: a session in state HANDSHAKE, or NULL without memory. */
struct session *session_new(struct server *server);

/* ---- what happens to it: called by ws.c ---- */

/* The upgrade is done: joins the room. Return: 0 or -ENOMEM: to be dropped. */
int session_open(struct session *s, struct room_name room) _must_check_;

/* A piece of a message, as it has come in. */
struct session_piece {
	const char *bytes;
	size_t len;
	size_t rest;	/* bytes of its frame that are still to come */
	bool is_last;	/* the message is whole with it */
	bool is_binary; /* the message is, not UTF-8 text */
};
void session_receive(struct session *s, const struct session_piece *piece);

/* A pong, or anything else that shows that somebody is there. */
void session_heard(struct session *s);

/* A choked peer can take more. */
void session_writeable(struct session *s);

/* The peer's close frame. Return: whether our own close frame is out already, so that the
 * connection is to be closed without another. */
bool session_peer_closes(struct session *s);

/* libwebsockets begins to close it, for whatever reason. */
void session_dropped(struct session *s);

/* It is closed: frees the session. */
void session_gone(struct session *s);

/* ---- what is done to it: called by server.c ---- */

/* Closes it at the end of the turn with @code, after what is queued for it. What it says from
 * now on is ignored. Nothing happens if it's closing already. */
void session_close(struct session *s, enum close_code code);

/* Carries that out. */
void session_finish(struct session *s);

/* Looks whether libwebsockets has stopped reading from a session in server->held. */
void session_check_stuck(struct session *s);

/* Asks it for a sign of life. */
void session_ping(struct session *s);
