#pragma once
/*
 * Close codes (RFC 6455 section 7.4; private ones: docs/protocol.md).
 *
 * The private codes stand in the bands that client libraries know from Pusher:
 * 40xx: do not come back unchanged; 41xx: come back after a pause; 42xx: at once.
 */
enum close_code {
	CLOSE_NONE = 0, /* not closing */
	CLOSE_NORMAL = 1000,
	CLOSE_PROTOCOL_ERROR = 1002,
	CLOSE_BAD_UTF8 = 1007,	     /* a text message that is not UTF-8 */
	CLOSE_TOO_BIG = 1009,	     /* a message over limits.message_bytes */
	CLOSE_INTERNAL_ERROR = 1011, /* the server failed to handle the message */
	CLOSE_RESTART = 1012,	     /* the server restarts: reconnect soon */
	CLOSE_OVERLOADED = 1013,     /* the server has no room for it now: try again later */
	CLOSE_TOO_SLOW = 4101,	     /* read too slowly, and there is no history to catch up from */
	CLOSE_NO_PONG = 4201,	     /* no answer to keep-alive pings */
};

/* The short machine-readable word that goes with a code; "" where the code says it all. */
static inline const char *close_code_reason(enum close_code code)
{
	switch (code) {
	case CLOSE_RESTART:
		return "restart";
	case CLOSE_OVERLOADED:
		return "overloaded";
	case CLOSE_TOO_SLOW:
		return "too_slow";
	case CLOSE_NO_PONG:
		return "no_pong";
	default:
		return "";
	}
}
