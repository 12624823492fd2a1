/* chat.v1 */
#include "proto/chat_v1.h"

#include <jansson.h>

#include "proto/frame.h"
#include "tests/unit/test.h"

static enum chat_v1_kind parse(const char *text, size_t len, bool is_binary)
{
	char *exact = exact_copy(text, len);
	struct chat_v1_message message;
	enum chat_v1_kind kind = chat_v1_parse(exact, len, is_binary, &message);

	free(exact);
	return kind;
}

#define TEXT_IS(text, kind)   assert_int_equal(parse(text, sizeof(text) - 1, false), kind)
#define BINARY_IS(text, kind) assert_int_equal(parse(text, sizeof(text) - 1, true), kind)

/* The same in a text and in a binary frame. */
#define BOTH_ARE(text, kind)                                                                       \
	do {                                                                                       \
		TEXT_IS(text, kind);                                                               \
		BINARY_IS(text, kind);                                                             \
	} while (0)

static void test_kinds(void **state)
{
	BOTH_ARE("{\"type\":\"message\",\"content\":\"x\",\"sender\":\"y\"}", CHAT_V1_MESSAGE);
	BOTH_ARE("{}", CHAT_V1_MESSAGE);
	BOTH_ARE("{\"content\":1}", CHAT_V1_MESSAGE);
	BOTH_ARE("{\"type\":\"mess\\u0061ge\"}", CHAT_V1_MESSAGE);
	BOTH_ARE("{\"type\":\"ping\"}", CHAT_V1_PING);
	BOTH_ARE(" { \"x\" : 1 , \"type\" : \"ping\" , \"content\" : 2 } ", CHAT_V1_PING);
	BOTH_ARE("{\"type\":\"message\",\"type\":\"ping\"}", CHAT_V1_PING);
	BOTH_ARE("{\"type\":\"ping\",\"type\":\"message\"}", CHAT_V1_MESSAGE);
	BOTH_ARE("{\"x\":{\"type\":\"ping\"}}", CHAT_V1_MESSAGE);
	BOTH_ARE("{\"type\":\"typing\"}", CHAT_V1_UNKNOWN);
	BOTH_ARE("{\"type\":\"\"}", CHAT_V1_UNKNOWN);
	BOTH_ARE("{\"type\":\"Message\"}", CHAT_V1_UNKNOWN);
	BOTH_ARE("{\"type\":\"message\\u0000\"}", CHAT_V1_UNKNOWN);
	BOTH_ARE("{\"type\":null}", CHAT_V1_UNKNOWN);
	BOTH_ARE("{\"type\":1}", CHAT_V1_UNKNOWN);
	BOTH_ARE("{\"type\":[\"message\"]}", CHAT_V1_UNKNOWN);
	BOTH_ARE("", CHAT_V1_INVALID_JSON);
	BOTH_ARE("nope", CHAT_V1_INVALID_JSON);
	BOTH_ARE("{\"type\":\"ping\"", CHAT_V1_INVALID_JSON);
	BOTH_ARE("{\"type\":\"ping\"}x", CHAT_V1_INVALID_JSON);
	BOTH_ARE("{'type':'ping'}", CHAT_V1_INVALID_JSON);
	BOTH_ARE("{\"content\":\"\n\"}", CHAT_V1_INVALID_JSON);
	BOTH_ARE("{}\0", CHAT_V1_INVALID_JSON);
	BOTH_ARE("[]", CHAT_V1_NOT_OBJECT);
	BOTH_ARE("\"ping\"", CHAT_V1_NOT_OBJECT);
	BOTH_ARE("null", CHAT_V1_NOT_OBJECT);
	BOTH_ARE("17", CHAT_V1_NOT_OBJECT);
}

static void test_bad_utf8(void **state)
{
	TEXT_IS("{\"content\":\"\xff\"}", CHAT_V1_BAD_UTF8);
	BINARY_IS("{\"content\":\"\xff\"}", CHAT_V1_INVALID_JSON);
	TEXT_IS("\xc3", CHAT_V1_BAD_UTF8); /* before anything else */
	BINARY_IS("\xc3", CHAT_V1_INVALID_JSON);
	TEXT_IS("{\"type\":\"ping\"}\xed\xa0\x80", CHAT_V1_BAD_UTF8);
	BINARY_IS("{\"type\":\"ping\"}\xed\xa0\x80", CHAT_V1_INVALID_JSON);
}

static void test_byte_order_mark(void **state)
{
	TEXT_IS("\xef\xbb\xbf{\"type\":\"ping\"}", CHAT_V1_INVALID_JSON);
	BINARY_IS("\xef\xbb\xbf{\"type\":\"ping\"}", CHAT_V1_PING);
	BINARY_IS("\xef\xbb\xbf 5", CHAT_V1_NOT_OBJECT);
	BINARY_IS("\xef\xbb\xbf", CHAT_V1_INVALID_JSON);
	BINARY_IS("\xef\xbb\xbf\xef\xbb\xbf{}", CHAT_V1_INVALID_JSON);
	BINARY_IS(" \xef\xbb\xbf{}", CHAT_V1_INVALID_JSON);
	BINARY_IS("\xef\xbb", CHAT_V1_INVALID_JSON);
	BOTH_ARE("{\"content\":\"\xef\xbb\xbf\"}", CHAT_V1_MESSAGE);
}

/* ---- frames ---- */

static void assert_span(struct json_span span, const char *expected)
{
	assert_int_equal(span.len, strlen(expected));
	assert_memory_equal(span.at, expected, span.len);
}

/* The payload of the text message, which is all there is in the @size bytes, put together in place.
 */
static const char *payload_of(uint8_t *frames, size_t size, size_t *np)
{
	uint8_t first_byte = 0x01; /* a text frame with more to come; after it continuations */
	size_t at = 0, n = 0;

	for (bool is_last = false; !is_last; first_byte = 0) {
		const uint8_t *frame = frames + at;
		size_t header = frame[1] < 126 ? 2 : frame[1] == 126 ? 4 : 10;
		uint64_t payload = header > 2 ? 0 : frame[1];

		is_last = frame[0] & 0x80;
		assert_int_equal(frame[0] & 0x7f, first_byte);
		assert_true(frame[1] < 128); /* no mask */
		for (size_t i = 2; i < header; i++)
			payload = payload << 8 | frame[i];
		assert_true(header == 2 || payload >= (header == 4 ? 126 : 65536));
		assert_true(payload <= FRAME_FRAGMENT_MAX);
		assert_true(is_last || payload == FRAME_FRAGMENT_MAX);
		memmove(frames + n, frame + header, payload);
		at += header + payload;
		n += payload;
	}
	assert_int_equal(at, size);
	*np = n;
	return (const char *)frames;
}

/* That @text is relayed with these values, as jansson reads them; returns the payload's size. */
static size_t assert_relayed(const char *text, const char *content, const char *sender)
{
	const int flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	json_t *root, *expected[] = {json_string("message"), json_loads(content, flags, NULL),
				     json_loads(sender, flags, NULL)};
	static const char *const keys[] = {"type", "content", "sender"};
	char *exact = exact_copy(text, strlen(text));
	struct chat_v1_message message;
	const char *payload;
	uint8_t *frame;
	size_t size, n;

	assert_int_equal(chat_v1_parse(exact, strlen(text), false, &message), CHAT_V1_MESSAGE);
	assert_span(message.content, content);
	assert_span(message.sender, sender);

	size = chat_v1_frame_size(&message);
	frame = malloc(size);
	assert_non_null(frame);
	chat_v1_put_frame(frame, &message);
	payload = payload_of(frame, size, &n);

	root = json_loadb(payload, n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_int_equal(json_object_size(root), 3);
	for (size_t i = 0; i < 3; i++) {
		assert_non_null(expected[i]);
		assert_true(json_equal(json_object_get(root, keys[i]), expected[i]));
		json_decref(expected[i]);
	}
	json_decref(root);
	free(frame);
	free(exact);
	return n;
}

static void test_values_are_relayed(void **state)
{
	assert_relayed("{\"type\":\"message\",\"content\":\"Hello\",\"sender\":\"Alice\"}",
		       "\"Hello\"", "\"Alice\"");
	assert_relayed("{ \"sender\" : {\"id\": 7} , \"content\" : [ 1, 2.5e0, \"\\u0000\" ] }",
		       "[ 1, 2.5e0, \"\\u0000\" ]", "{\"id\": 7}");
	assert_relayed("{\"content\":\"\xf0\x9f\x98\x80\\ud83d\\ude00\",\"sender\":true}",
		       "\"\xf0\x9f\x98\x80\\ud83d\\ude00\"", "true");
	assert_relayed("{\"content\":{\"content\":1,\"type\":\"ping\"},\"sender\":-0.0}",
		       "{\"content\":1,\"type\":\"ping\"}", "-0.0");
	assert_relayed("{\"content\":1,\"room\":2,\"content\":3,\"id\":4,\"sender\":5}", "3", "5");
}

static void test_defaults(void **state)
{
	assert_relayed("{}", "\"\"", "\"Anonymous\"");
	assert_relayed("{\"type\":\"message\",\"sender\":\"Bob\"}", "\"\"", "\"Bob\"");
	assert_relayed("{\"content\":\"x\"}", "\"x\"", "\"Anonymous\"");
	/* Nothing at all isn't missing. */
	assert_relayed("{\"content\":null,\"sender\":null}", "null", "null");
	assert_relayed("{\"content\":\"\",\"sender\":\"\"}", "\"\"", "\"\"");
}

/* Payloads of every size about where the header's size changes, and a large one. */
static void test_sizes(void **state)
{
	static const struct {
		size_t from, to;
	} ranges[] = {{0, 200}, {65400, 65600}, {1000000, 1000000}};
	const size_t around = strlen("{\"type\":\"message\",\"content\":\"\",\"sender\":\"\"}");
	char *text = malloc(1000100), *content = malloc(1000100);

	assert_non_null(text);
	assert_non_null(content);
	for (size_t i = 0; i < N_ELEMENTS(ranges); i++) {
		for (size_t n = ranges[i].from; n <= ranges[i].to; n++) {
			content[0] = '"';
			memset(content + 1, 'c', n);
			memcpy(content + 1 + n, "\"", 2);
			sprintf(text, "{\"content\":%s,\"sender\":\"\"}", content);
			assert_int_equal(assert_relayed(text, content, "\"\""), around + n);
		}
	}
	free(content);
	free(text);
}

static void assert_answer(enum chat_v1_kind kind, const char *expected)
{
	size_t size = 0, n;
	const uint8_t *frame = chat_v1_answer(kind, &size);
	char *copy = exact_copy((const char *)frame, size);
	const char *payload = payload_of((uint8_t *)copy, size, &n);

	assert_int_equal(n, strlen(expected));
	assert_memory_equal(payload, expected, n);
	free(copy);
}

static void test_answers(void **state)
{
	static const enum chat_v1_kind silent[] = {CHAT_V1_MESSAGE, CHAT_V1_UNKNOWN,
						   CHAT_V1_BAD_UTF8};
	size_t size;

	assert_answer(CHAT_V1_PING, "{\"type\":\"pong\"}");
	assert_answer(CHAT_V1_INVALID_JSON,
		      "{\"type\":\"error\",\"message\":\"Invalid JSON format\"}");
	assert_answer(CHAT_V1_NOT_OBJECT,
		      "{\"type\":\"error\",\"message\":\"Message must be a JSON object\"}");
	for (size_t i = 0; i < N_ELEMENTS(silent); i++)
		assert_null(chat_v1_answer(silent[i], &size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds),	    cmocka_unit_test(test_bad_utf8),
	    cmocka_unit_test(test_byte_order_mark), cmocka_unit_test(test_values_are_relayed),
	    cmocka_unit_test(test_defaults),	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
