/*
 * libwebsockets
 *
 * Written for 4.1 to 4.3. What looks odd here has its reason there; the
 * important ones:
 *
 * - Frames are written with send() by us and not with lws_write(). What
 *   libwebsockets can't write at once it copies, up to a whole batch for every
 *   slow peer; so it only gets the rest of a frame that the socket has cut in
 *   two. That rest it must have: it sends pongs and close frames of its own, and
 *   only between what it knows to be whole writes.
 * - Our close frames are our own, too. Its way to close with a code loses the
 *   code when something is buffered, and on libuv whenever the close comes from
 *   a writeable callback.
 * - Its timers, when set from a callback of ours, run only after some other
 *   event of its own: we use the loop's.
 * - Its check of keep-alive ("validity") costs a walk over all connections at
 *   each change: off, ours is in server.c.
 */
#include "src/ws.h"

#include <assert.h>
#include <errno.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "proto/frame.h"
#include "proto/utf8.h"
#include "src/log.h"
#include "src/server.h"

/* Allocated for each connection, so small; a longer message comes in pieces. */
#define RX_BUFFER 512

/* For the one buffer that all connections are read into. 4096, the default, makes
 * libwebsockets 4.1 hang on some requests. */
#define SERVICE_BUFFER 65536

/* The largest that libwebsockets will send at once of what it has kept. */
#define TX_PACKET 65536

/* More than a path can have: libwebsockets keeps at most 4096 bytes of all headers. */
#define PATH_MAX_BYTES 4608

/* Seconds; libwebsockets takes 0 for its own default. */
#define FOR_EVER (10u * 365 * 24 * 3600)

static const char chat_v1_name[] = "chat.v1";

/* ---- refusing ---- */

struct refusal {
	unsigned int status;
	const char *phrase;
	const char *headers; /* whole lines, or "" */
	const char *body;    /* for people: a sentence */
};

/* What goes with status 426 (RFC 9110 section 15.5.22, RFC 6455 section 4.4). */
#define UPGRADE_HEADERS "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"

/* One complete answer; the caller then has libwebsockets close. */
static void refuse(struct lws *wsi, const struct refusal *refusal)
{
	unsigned char buffer[LWS_PRE + 1024];
	char *text = (char *)buffer + LWS_PRE;
	int n =
	    snprintf(text, sizeof(buffer) - LWS_PRE,
		     "HTTP/1.1 %u %s\r\n"
		     "Content-Type: text/plain; charset=utf-8\r\n"
		     "Content-Length: %zu\r\n"
		     "Connection: %sclose\r\n"
		     "%s\r\n%s\n",
		     refusal->status, refusal->phrase, strlen(refusal->body) + 1,
		     refusal->status == 426 ? "Upgrade, " : "", refusal->headers, refusal->body);

	assert(n > 0 && (size_t)n < sizeof(buffer) - LWS_PRE);
	(void)lws_write(wsi, buffer + LWS_PRE, (size_t)n, LWS_WRITE_HTTP_FINAL);
}

static struct refusal bad_request(const char *why)
{
	return (struct refusal){400, "Bad Request", "", why};
}

static struct refusal not_a_websocket(void)
{
	return (struct refusal){
	    426, "Upgrade Required", UPGRADE_HEADERS,
	    "This is chatd, a WebSocket chat server. Connect with a WebSocket client, for "
	    "example: wscat -c ws://HOST:PORT/ROOM"};
}

/* ---- the upgrade request ---- */

static bool has_header(struct lws *wsi, enum lws_token_indexes token)
{
	return lws_hdr_total_length(wsi, token) > 0;
}

static bool header_is(struct lws *wsi, enum lws_token_indexes token, const char *value)
{
	char text[64];

	return lws_hdr_copy(wsi, text, sizeof(text), token) > 0 && !strcasecmp(text, value);
}

/* Whether @name is in the header's comma-separated list, compared with @compare. */
static bool header_lists(struct lws *wsi, enum lws_token_indexes token, const char *name,
			 int (*compare)(const char *, const char *))
{
	char list[512], *state;

	if (lws_hdr_copy(wsi, list, sizeof(list), token) <= 0)
		return false;
	for (char *item = strtok_r(list, ", \t", &state); item;
	     item = strtok_r(NULL, ", \t", &state))
		if (!compare(item, name))
			return true;
	return false;
}

/* 16 bytes in base64 are 24 characters, of which the last 2 pad (RFC 4648 section 4). */
static bool has_key(struct lws *wsi)
{
	static const char base64[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char key[25];

	return lws_hdr_copy(wsi, key, sizeof(key), WSI_TOKEN_KEY) == 24 &&
	       strspn(key, base64) == 22 && !strcmp(key + 22, "==");
}

/*
 * The path, percent escapes decoded, into @path. Return: its length.
 *
 * libwebsockets takes an "&" or ";" for the end of a query's argument even in a
 * path and hands out pieces: they're joined again with "&".
 */
static size_t get_path(struct lws *wsi, char path[static PATH_MAX_BYTES])
{
	size_t len = 0;

	for (int i = 0;; i++) {
		size_t at = i ? len + 1 : 0;
		int n = lws_hdr_copy_fragment(wsi, path + at, (int)(PATH_MAX_BYTES - at),
					      WSI_TOKEN_GET_URI, i);

		if (n < 0)
			return len;
		if (i)
			path[len] = '&';
		len = at + (size_t)n;
	}
}

/* Return: NULL and the room, or why not. */
static const char *get_room(struct lws *wsi, char path[static PATH_MAX_BYTES],
			    struct room_name *roomp)
{
	return room_name_from_path(path, get_path(wsi, path), roomp);
}

/* Whether there is something chatd speaks among the subprotocols offered, if any are. */
static bool speaks_offered(struct lws *wsi)
{
	return !has_header(wsi, WSI_TOKEN_PROTOCOL) ||
	       header_lists(wsi, WSI_TOKEN_PROTOCOL, chat_v1_name, strcmp);
}

/* Return: whether the request is one for a WebSocket that is to be let in. */
static bool is_admitted(struct lws *wsi, struct session *s, struct refusal *refusal)
{
	char path[PATH_MAX_BYTES];
	struct room_name room;
	const char *why = NULL;

	if (!header_is(wsi, WSI_TOKEN_UPGRADE, "websocket")) {
		*refusal = not_a_websocket();
		return false;
	}
	if (!has_header(wsi, WSI_TOKEN_GET_URI))
		why = "A WebSocket is opened with GET.";
	else if (!header_is(wsi, WSI_TOKEN_HTTP, "HTTP/1.1"))
		why = "A WebSocket is opened with HTTP/1.1.";
	else if (!has_header(wsi, WSI_TOKEN_HOST))
		why = "The header Host is missing.";
	else if (!header_lists(wsi, WSI_TOKEN_CONNECTION, "upgrade", strcasecmp))
		why = "The header Connection must say Upgrade.";
	else if (!has_key(wsi))
		why = "The header Sec-WebSocket-Key is missing, or not 16 bytes in base64.";
	if (why) {
		*refusal = bad_request(why);
		return false;
	}

	if (!header_is(wsi, WSI_TOKEN_VERSION, "13")) {
		*refusal = (struct refusal){426, "Upgrade Required", UPGRADE_HEADERS,
					    "chatd speaks version 13 of the WebSocket protocol."};
		return false;
	}
	if (!speaks_offered(wsi)) {
		*refusal = bad_request("None of the subprotocols offered is known here: chatd "
				       "speaks chat.v1, also without one.");
		return false;
	}
	why = get_room(wsi, path, &room);
	if (why) {
		*refusal = bad_request(why);
		return false;
	}

	switch (server_admits(s->server)) {
	case SERVER_ADMITS:
		return true;
	case SERVER_IS_FULL:
		*refusal = (struct refusal){503, "Service Unavailable", "Retry-After: 10\r\n",
					    "The server is full. Please try again later."};
		return false;
	default:
		*refusal = (struct refusal){503, "Service Unavailable", "Retry-After: 1\r\n",
					    "The server restarts. Please try again."};
		return false;
	}
}

static int on_upgrade(struct lws *wsi, struct session *s)
{
	struct refusal refusal;

	/* Without headers this is a request that libwebsockets has answered already: to go on
	 * would use what it has freed (CVE-2025-11677). */
	if (!has_header(wsi, WSI_TOKEN_UPGRADE))
		return -1;
	if (is_admitted(wsi, s, &refusal))
		return 0;
	refuse(wsi, &refusal);
	log_debug("session %" PRIu64 ": refused with %u: %s", s->member.id, refusal.status,
		  refusal.body);
	return -1;
}

static int on_plain_request(struct lws *wsi)
{
	struct refusal refusal = not_a_websocket();

	refuse(wsi, &refusal);
	return -1;
}

static int on_established(struct lws *wsi, struct session *s)
{
	char path[PATH_MAX_BYTES];
	struct room_name room;

	if (get_room(wsi, path, &room) || session_open(s, room))
		return -1;
	return 0;
}

/* ---- frames ---- */

static int on_receive(struct lws *wsi, struct session *s, const char *bytes, size_t len)
{
	struct session_piece piece = {
	    .bytes = bytes,
	    .len = len,
	    .rest = lws_remaining_packet_payload(wsi),
	    .is_last = lws_is_final_fragment(wsi),
	    .is_binary = lws_frame_is_binary(wsi),
	};

	session_receive(s, &piece);
	return 0;
}

/* Writes a close frame now, past what is queued; the connection ends in any case. */
static void answer_close(struct session *s, enum close_code code)
{
	uint8_t frame[FRAME_CONTROL_MAX];
	size_t n = frame_put_close(frame, code, "");

	if (!lws_partial_buffered(s->peer.wsi))
		(void)!send(s->peer.fd, frame, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int on_peer_close(struct session *s, const uint8_t *payload, size_t len)
{
	unsigned int code = len >= 2 ? (unsigned int)payload[0] << 8 | payload[1] : 0;

	if (session_peer_closes(s))
		return -1; /* theirs answers ours */
	/* libwebsockets answers with the same code, or with 1002 for some that must not be sent.
	 * What it doesn't look at: half a code, those beyond all ranges (RFC 6455 section 7.4.2),
	 * and a reason that isn't text (section 5.5.1). */
	if (len == 1 || code >= 5000) {
		answer_close(s, CLOSE_PROTOCOL_ERROR);
		return -1;
	}
	if (len > 2 && !utf8_is_valid((const char *)payload + 2, len - 2)) {
		answer_close(s, CLOSE_BAD_UTF8);
		return -1;
	}
	return 0;
}

/* ---- the callback ---- */

static int on_event(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in,
		    size_t len)
{
	struct session *s = lws_get_opaque_user_data(wsi);

	(void)user;
	switch (why) {
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return on_upgrade(wsi, s);
	case LWS_CALLBACK_HTTP:
		return on_plain_request(wsi);
	case LWS_CALLBACK_ESTABLISHED:
		return on_established(wsi, s);
	case LWS_CALLBACK_RECEIVE:
		return on_receive(wsi, s, in, len);
	case LWS_CALLBACK_RECEIVE_PONG:
		session_heard(s);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		if (!lws_partial_buffered(wsi))
			session_writeable(s);
		return 0;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		return on_peer_close(s, in, len);
	case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
	case LWS_CALLBACK_CLOSED:
		if (s)
			session_dropped(s);
		return 0;
	case LWS_CALLBACK_WSI_CREATE:
		((struct ws *)lws_context_user(lws_get_context(wsi)))->has_created = true;
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		if (s && s->peer.is_adopting)
			s->peer.is_destroyed = true; /* ws_adopt() goes on with it */
		else if (s)
			session_gone(s);
		return 0;
	case LWS_CALLBACK_HTTP_BODY:
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
	case LWS_CALLBACK_RAW_ADOPT: /* the method CONNECT would make a raw connection of it */
	case LWS_CALLBACK_RAW_RX:
		return -1;
	default:
		return 0;
	}
}

/* The first is for those who ask for none. The session data isn't used: our session comes with
 * the socket. But without any libwebsockets doesn't tell that it is dropping a connection. */
static const struct lws_protocols protocols[] = {
    {.name = chat_v1_name,
     .callback = on_event,
     .per_session_data_size = 1,
     .rx_buffer_size = RX_BUFFER,
     .tx_packet_size = TX_PACKET},
    {.name = NULL},
};

static void on_log(int level, const char *line)
{
	static struct log_limit limit; /* clients can bring most of these about at will */

	log_limited(&limit, level == LLL_ERR ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG,
		    "libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
}

/* ---- the context ---- */

int ws_open(struct ws *ws, uv_loop_t *loop, uint64_t handshake_ms)
{
	static const lws_retry_bo_t no_validity; /* all zero: none of its checks */
	void *loops[] = {loop};
	/* Ours comes first (or there is to be none, with 0); these only must not be shorter. */
	unsigned int seconds = handshake_ms ? (unsigned int)(handshake_ms / 1000) + 2 : FOR_EVER;
	struct lws_context_creation_info info = {
	    .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
	    .foreign_loops = loops,
	    .pcontext = &ws->context,
	    .pt_serv_buf_size = SERVICE_BUFFER,
	    .retry_and_idle_policy = &no_validity,
	    .user = ws,
	    .timeout_secs = seconds,
	    .timeout_secs_ah_idle = seconds,
	};

	lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
	*ws = (struct ws){0};
	ws->context = lws_create_context(&info);
	if (!ws->context)
		return -ENOMEM;
	info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
	info.vhost_name = "chatd";
	info.protocols = protocols;
	info.alpn = "http/1.1";
	ws->vhost = lws_create_vhost(ws->context, &info);
	return ws->vhost ? 0 : -ENOMEM;
}

void ws_close_begin(struct ws *ws)
{
	if (ws->context)
		lws_context_destroy(ws->context);
}

void ws_close_finish(struct ws *ws)
{
	if (ws->context)
		lws_context_destroy(ws->context);
}

/* ---- connections ---- */

void ws_adopt(struct ws *ws, int fd, struct session *s)
{
	lws_adopt_desc_t desc = {
	    .vh = ws->vhost,
	    .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
	    .fd = {.sockfd = fd},
	    .opaque = s,
	};

	s->peer.fd = fd;
	s->peer.is_adopting = true;
	ws->has_created = false;
	s->peer.wsi = lws_adopt_descriptor_vhost_via_info(&desc);
	s->peer.is_adopting = false;
	if (s->peer.wsi)
		return;
	/* It has closed the socket, or will in a moment; it doesn't say which. */
	s->peer.fd = -1;
	session_dropped(s);
	if (s->peer.is_destroyed || !ws->has_created)
		session_gone(s);
}

bool ws_write(struct ws_peer *peer, const uint8_t *frames, size_t n, size_t *takenp)
{
	size_t sent = 0, whole;
	ssize_t r;

	/* Only its own pongs could be there: what it gets from us chokes the member until it's
	 * gone. */
	if (!lws_partial_buffered(peer->wsi)) {
		r = send(peer->fd, frames, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (r == (ssize_t)n) {
			*takenp = n;
			return true;
		}
		/* A broken connection looks like a full one here; libwebsockets hears from the
		 * loop that it's broken. */
		if (r > 0)
			sent = (size_t)r;
	}

	whole = frames_boundary(frames, n, sent);
	if (whole > sent) {
		/* RAW means as it is; it isn't changed, whatever the prototype says. */
		if (lws_write(peer->wsi, (unsigned char *)frames + sent, whole - sent,
			      LWS_WRITE_RAW) < 0)
			ws_kill(peer);
		peer->n_held = (uint32_t)(whole - sent);
	}
	lws_callback_on_writable(peer->wsi);
	*takenp = whole;
	return false;
}

void ws_pause(struct ws_peer *peer, bool is_paused)
{
	if (peer->is_paused == is_paused)
		return;
	peer->is_paused = is_paused;
	lws_rx_flow_control(peer->wsi, !is_paused);
}

bool ws_has_unread(const struct ws_peer *peer)
{
	char byte;

	return recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

bool ws_has_heard(const struct ws_peer *peer, uint64_t ms)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (!peer->is_paused && ws_has_unread(peer))
		return true;
	return !getsockopt(peer->fd, IPPROTO_TCP, TCP_INFO, &info, &len) &&
	       info.tcpi_last_data_recv <= ms;
}

void ws_kill(struct ws_peer *peer)
{
	/* No waiting in the kernel either for someone who doesn't read. */
	struct linger none = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	(void)shutdown(peer->fd, SHUT_RDWR);
}
