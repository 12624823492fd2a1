#pragma once
/* chat.v1, the guide's protocol (docs/protocol.md): frames in, frames out. */
#include "proto/json.h"

enum chat_v1_kind {
	CHAT_V1_MESSAGE,
	CHAT_V1_PING,
	CHAT_V1_UNKNOWN, /* a type that this protocol doesn't know: no answer */
	CHAT_V1_INVALID_JSON,
	CHAT_V1_NOT_OBJECT,
	CHAT_V1_BAD_UTF8, /* a text frame that isn't UTF-8: to be closed with 1007 */
};

/* The text of two JSON values: as long-lived as the text they were found in, or static. */
struct chat_v1_message {
	struct json_span content;
	struct json_span sender;
};

/**
 * chat_v1_parse() - understand what a client sent
 * @text:      one whole message, @len bytes
 * @is_binary: it came in a binary frame: read like a text frame, but one that
 *             isn't UTF-8 is just no JSON, and a byte order mark may lead
 * @message:   filled in only for CHAT_V1_MESSAGE, what was missing with the defaults
 */
enum chat_v1_kind chat_v1_parse(const char *text, size_t len, bool is_binary,
				struct chat_v1_message *message);

/* The size of the frame, or of the fragments, headers and all, that tell the others of @message. */
size_t chat_v1_frame_size(const struct chat_v1_message *message);

/* Writes that, chat_v1_frame_size() bytes, to @out. */
void chat_v1_put_frame(uint8_t *out, const struct chat_v1_message *message);

/**
 * chat_v1_answer() - the frame that answers the sender alone
 * @sizep: its size
 *
 * Return: the frame (static), or NULL where there is no answer.
 */
const uint8_t *chat_v1_answer(enum chat_v1_kind kind, size_t *sizep);
