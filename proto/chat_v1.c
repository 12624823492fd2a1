/* chat.v1 */
#include "proto/chat_v1.h"

#include <string.h>

#include "proto/frame.h"
#include "proto/utf8.h"

#define SPAN(literal) ((struct json_span){literal, sizeof(literal) - 1})

/* What stands around the two values. */
#define BEFORE_CONTENT "{\"type\":\"message\",\"content\":"
#define BEFORE_SENDER  ",\"sender\":"
#define AFTER_SENDER   "}"

/* A whole text frame of a short text (under 126 bytes: one byte of length). */
#define SHORT_FRAME(name, text)                                                                    \
	static const struct {                                                                      \
		uint8_t header[2];                                                                 \
		char payload[sizeof(text) - 1];                                                    \
	} name = {{0x80 | FRAME_TEXT, sizeof(text) - 1}, text};                                    \
	_Static_assert(sizeof(text) - 1 < 126, "not a short frame")

SHORT_FRAME(pong, "{\"type\":\"pong\"}");
SHORT_FRAME(invalid_json, "{\"type\":\"error\",\"message\":\"Invalid JSON format\"}");
SHORT_FRAME(not_object, "{\"type\":\"error\",\"message\":\"Message must be a JSON object\"}");

enum chat_v1_kind chat_v1_parse(const char *text, size_t len, bool is_binary,
				struct chat_v1_message *message)
{
	static const char *const names[] = {"type", "content", "sender"};
	struct json_span spans[N_ELEMENTS(names)];
	const struct json_span *type = &spans[0];

	if (!utf8_is_valid(text, len))
		return is_binary ? CHAT_V1_INVALID_JSON : CHAT_V1_BAD_UTF8;
	if (is_binary && len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		len -= 3;
	}

	switch (json_find_members(text, len, names, N_ELEMENTS(names), spans)) {
	case 0:
		break;
	case JSON_E_NOT_OBJECT:
		return CHAT_V1_NOT_OBJECT;
	default:
		return CHAT_V1_INVALID_JSON;
	}

	if (type->at && json_is_string(*type, "ping"))
		return CHAT_V1_PING;
	if (type->at && !json_is_string(*type, "message"))
		return CHAT_V1_UNKNOWN;
	message->content = spans[1].at ? spans[1] : SPAN("\"\"");
	message->sender = spans[2].at ? spans[2] : SPAN("\"Anonymous\"");
	return CHAT_V1_MESSAGE;
}

static size_t payload_size(const struct chat_v1_message *message)
{
	return sizeof(BEFORE_CONTENT BEFORE_SENDER AFTER_SENDER) - 1 + message->content.len +
	       message->sender.len;
}

size_t chat_v1_frame_size(const struct chat_v1_message *message)
{
	return frame_message_size(payload_size(message));
}

static void put(struct frame_writer *w, struct json_span text)
{
	frame_write(w, text.at, text.len);
}

void chat_v1_put_frame(uint8_t *out, const struct chat_v1_message *message)
{
	struct frame_writer w = frame_writer(out, payload_size(message));

	put(&w, SPAN(BEFORE_CONTENT));
	put(&w, message->content);
	put(&w, SPAN(BEFORE_SENDER));
	put(&w, message->sender);
	put(&w, SPAN(AFTER_SENDER));
}

const uint8_t *chat_v1_answer(enum chat_v1_kind kind, size_t *sizep)
{
	switch (kind) {
	case CHAT_V1_PING:
		*sizep = sizeof(pong);
		return pong.header;
	case CHAT_V1_INVALID_JSON:
		*sizep = sizeof(invalid_json);
		return invalid_json.header;
	case CHAT_V1_NOT_OBJECT:
		*sizep = sizeof(not_object);
		return not_object.header;
	default:
		return NULL;
	}
}
