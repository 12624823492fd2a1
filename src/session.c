/* Sessions */
#include "src/session.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/frame.h"
#include "src/log.h"
#include "src/server.h"

static void session_set_state(struct session *s, enum session_state state)
{
	s->state = state;
	s->since_ms = server_now_ms(s->server);
	list_move_to_end(&s->server->sessions[state], &s->place);
}

static bool session_is_open(const struct session *s)
{
	return s->state == SESSION_ALIVE || s->state == SESSION_PINGED;
}

/* ---- as a member of rooms ---- */

static bool session_write(struct member *m, const uint8_t *frames, size_t n, size_t *takenp)
{
	struct ws_peer *peer = &container_of(m, struct session, member)->peer;
	uint32_t held = peer->n_held;
	bool is_free = ws_write(peer, frames, n, takenp);

	fanout_hold(m->fanout, (int64_t)peer->n_held - held);
	if (peer->n_held) {
		struct session *s = container_of(m, struct session, member);

		list_move_to_end(&s->server->held, &s->held);
	}
	return is_free;
}

static void session_too_slow(struct member *m)
{
	session_close(container_of(m, struct session, member), CLOSE_TOO_SLOW);
}

static const struct member_ops session_member_ops = {session_write, session_too_slow};

/* Frames for this session alone; without memory for them it can't be served any more. */
static void session_send(struct session *s, const uint8_t *frames, size_t n)
{
	if (member_send(&s->member, frames, n))
		session_close(s, CLOSE_INTERNAL_ERROR);
}

/* ---- messages that come in pieces ---- */

static void session_drop_partial(struct session *s)
{
	s->server->partial_bytes -= s->in.capacity;
	buffer_deinit(&s->in);
	list_unlink(&s->partial);
}

/*
 * Keeps a piece. All that is kept in such a way, of all sessions, is bounded by
 * limits.buffered_bytes; beyond it those go whose message was begun first: who
 * means it is done soon.
 */
static int session_keep(struct session *s, const struct session_piece *piece)
{
	struct server *server = s->server;
	uint64_t limit = server->config->buffered_bytes;
	size_t before = s->in.capacity;

	if (buffer_append(&s->in, piece->bytes, piece->len))
		return -ENOMEM;
	server->partial_bytes += s->in.capacity - before;
	if (s->in.capacity && !list_is_linked(&s->partial))
		list_append(&server->partials, &s->partial);
	while (limit && server->partial_bytes > limit) {
		struct list_node *first = list_first(&server->partials);
		struct session *oldest = container_of(first, struct session, partial);

		session_drop_partial(oldest);
		session_close(oldest, CLOSE_OVERLOADED);
	}
	return 0;
}

/* ---- coming and going ---- */

struct session *session_new(struct server *server)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->server = server;
	s->peer.fd = -1;
	member_init(&s->member, &session_member_ops, &server->fanout, ++server->last_id);
	session_set_state(s, SESSION_HANDSHAKE);
	server->n_connections++;
	return s;
}

int session_open(struct session *s, struct room_name room)
{
	int r = registry_join(&s->server->registry, room, &s->member, &s->membership);

	if (r)
		return -ENOMEM; /* a new session can't be a member already */
	s->server->n_open++;
	session_set_state(s, SESSION_ALIVE);
	log_debug("session %" PRIu64 ": joined \"%.*s\"", s->member.id, (int)room.len, room.at);
	return 0;
}

/* Out of its room, and nothing more will be written to it. */
static void session_withdraw(struct session *s)
{
	registry_leave(&s->membership);
	member_drop_queued(&s->member);
	session_drop_partial(s);
}

void session_dropped(struct session *s)
{
	if (s->state == SESSION_DROPPED)
		return;
	if (s->state != SESSION_HANDSHAKE) {
		s->server->n_open--;
		log_debug("session %" PRIu64 ": gone (%u)", s->member.id, s->close_code);
	}
	session_withdraw(s);
	session_set_state(s, SESSION_DROPPED);
}

void session_gone(struct session *s)
{
	session_dropped(s);
	fanout_hold(s->member.fanout, -(int64_t)s->peer.n_held);
	member_deinit(&s->member);
	list_unlink(&s->held);
	list_unlink(&s->place);
	s->server->n_connections--;
	free(s);
}

/* ---- what it says ---- */

void session_heard(struct session *s)
{
	s->is_suspect = false;
	if (session_is_open(s))
		session_set_state(s, SESSION_ALIVE);
}

static void session_handle(struct session *s, const char *text, size_t len, bool is_binary)
{
	struct chat_v1_message message;
	enum chat_v1_kind kind = chat_v1_parse(text, len, is_binary, &message);
	const uint8_t *answer;
	size_t size;

	if (kind == CHAT_V1_BAD_UTF8) {
		session_close(s, CLOSE_BAD_UTF8);
	} else if (kind == CHAT_V1_MESSAGE) {
		if (registry_publish(&s->membership, &message))
			session_close(s, CLOSE_INTERNAL_ERROR);
	} else {
		answer = chat_v1_answer(kind, &size);
		if (answer)
			session_send(s, answer, size);
	}
}

void session_receive(struct session *s, const struct session_piece *piece)
{
	uint64_t limit = s->server->config->message_bytes;

	if (!session_is_open(s))
		return;
	session_heard(s);

	/* The frame's header has said how long it is: no need to read what is too long. */
	if (limit && s->in.len + piece->len + piece->rest > limit) {
		session_close(s, CLOSE_TOO_BIG);
		return;
	}
	if (piece->is_last && !s->in.len) { /* nearly always: no copy */
		session_handle(s, piece->bytes, piece->len, piece->is_binary);
		return;
	}
	if (session_keep(s, piece)) {
		session_close(s, CLOSE_INTERNAL_ERROR);
		return;
	}
	if (piece->is_last && session_is_open(s)) {
		session_handle(s, (const char *)buffer_bytes(&s->in), s->in.len, piece->is_binary);
		session_drop_partial(s);
	}
}

void session_writeable(struct session *s)
{
	if (s->state == SESSION_HANDSHAKE || s->state == SESSION_DROPPED)
		return;
	fanout_hold(s->member.fanout, -(int64_t)s->peer.n_held);
	s->peer.n_held = 0;
	list_unlink(&s->held);
	ws_pause(&s->peer, false);
	if (!member_is_choked(&s->member))
		return;
	member_unchoke(&s->member);
	session_heard(s); /* it reads, if slowly */
}

/*
 * While libwebsockets keeps the rest of a frame and finds a reason to close the
 * connection (its end, a bad frame), it doesn't say so: it waits up to five
 * seconds for the rest to go, reads nothing, and on libuv spins because there is
 * something to read. What isn't read though the loop has been round since is what
 * shows it; then we stop it from looking.
 */
void session_check_stuck(struct session *s)
{
	list_move_to_end(&s->server->held, &s->held);
	if (s->peer.is_paused)
		return;
	if (!ws_has_unread(&s->peer)) {
		s->is_suspect = false;
		return;
	}
	if (s->is_suspect)
		ws_pause(&s->peer, true);
	s->is_suspect = true;
}

/* ---- closing ---- */

void session_close(struct session *s, enum close_code code)
{
	if (!session_is_open(s))
		return;
	s->close_code = (uint16_t)code;
	session_set_state(s, SESSION_DOOMED);
}

void session_finish(struct session *s)
{
	uint8_t frame[FRAME_CONTROL_MAX];
	size_t n = frame_put_close(frame, s->close_code, close_code_reason(s->close_code));

	session_set_state(s, SESSION_CLOSING);
	session_drop_partial(s);
	log_debug("session %" PRIu64 ": closing with %u", s->member.id, s->close_code);

	/* A restart isn't the client's fault: it gets all that was said before. With other codes
	 * it gets what it has taken by now. */
	if (s->close_code != CLOSE_RESTART) {
		registry_leave(&s->membership);
		if (member_is_choked(&s->member))
			member_drop_queued(&s->member);
	}
	if (member_send(&s->member, frame, n))
		ws_kill(&s->peer);
}

bool session_peer_closes(struct session *s)
{
	bool is_answer = s->state == SESSION_CLOSING && member_is_drained(&s->member);

	if (s->close_code == CLOSE_NONE)
		s->close_code = CLOSE_NORMAL;
	session_dropped(s);
	return is_answer;
}

/* ---- keep-alive ---- */

void session_ping(struct session *s)
{
	/* With a payload: libwebsockets hides an empty pong. */
	static const uint8_t ping[] = {0x80 | FRAME_PING, 5, 'a', 'l', 'i', 'v', 'e'};

	session_set_state(s, SESSION_PINGED);
	session_send(s, ping, sizeof(ping));
}
