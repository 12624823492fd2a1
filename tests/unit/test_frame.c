/* Server frames */
#include "proto/frame.h"

#include "tests/unit/test.h"

static void assert_header(uint64_t payload, const char *expected, size_t n)
{
	uint8_t out[FRAME_HEADER_MAX];

	assert_int_equal(frame_header_size(payload), n);
	assert_int_equal(frame_put_header(out, FRAME_TEXT, payload), n);
	assert_memory_equal(out, expected, n);
}

#define HEADER(payload, bytes) assert_header(payload, bytes, sizeof(bytes) - 1)

static void test_header(void **state)
{
	HEADER(0, "\x81\x00");
	HEADER(1, "\x81\x01");
	HEADER(125, "\x81\x7d");
	HEADER(126, "\x81\x7e\x00\x7e");
	HEADER(127, "\x81\x7e\x00\x7f");
	HEADER(256, "\x81\x7e\x01\x00");
	HEADER(65535, "\x81\x7e\xff\xff");
	HEADER(65536, "\x81\x7f\0\0\0\0\0\x01\0\0");
	HEADER(UINT64_C(1) << 32, "\x81\x7f\0\0\0\x01\0\0\0\0");
	HEADER(UINT64_C(0x0102030405060708), "\x81\x7f\x01\x02\x03\x04\x05\x06\x07\x08");
}

static void test_opcodes(void **state)
{
	uint8_t out[FRAME_HEADER_MAX];

	assert_int_equal(frame_put_header(out, FRAME_PING, 4), 2);
	assert_memory_equal(out, "\x89\x04", 2);
	assert_int_equal(frame_put_header(out, FRAME_PONG, 0), 2);
	assert_memory_equal(out, "\x8a\x00", 2);
}

/* A message of @payload bytes, written in pieces of @piece, against one made by hand. */
static void assert_message(size_t payload, size_t piece)
{
	size_t size = frame_message_size(payload);
	uint8_t *text = malloc(payload), *out = malloc(size), *expected = malloc(size),
		*p = expected;
	struct frame_writer w = frame_writer(out, payload);

	for (size_t i = 0; i < payload; i++)
		text[i] = (uint8_t)(i * 7);
	for (size_t at = 0; at < payload; at += piece)
		frame_write(&w, text + at, payload - at < piece ? payload - at : piece);
	assert_ptr_equal(w.out, out + size);

	for (size_t at = 0, n; at < payload; at += n) {
		n = payload - at < FRAME_FRAGMENT_MAX ? payload - at : FRAME_FRAGMENT_MAX;
		p += frame_put_header(p, at ? FRAME_CONTINUATION : FRAME_TEXT, n);
		if (at + n < payload)
			p[-(ptrdiff_t)frame_header_size(n)] &= 0x7f; /* not the last */
		memcpy(p, text + at, n);
		p += n;
	}
	assert_ptr_equal(p, expected + size);
	assert_memory_equal(out, expected, size);
	free(text);
	free(out);
	free(expected);
}

static void test_messages(void **state)
{
	static const size_t sizes[] = {1,
				       125,
				       126,
				       FRAME_FRAGMENT_MAX - 1,
				       FRAME_FRAGMENT_MAX,
				       FRAME_FRAGMENT_MAX + 1,
				       FRAME_FRAGMENT_MAX + 126,
				       2 * FRAME_FRAGMENT_MAX,
				       2 * FRAME_FRAGMENT_MAX + 1,
				       100000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_message(sizes[i], sizes[i]);
		assert_message(sizes[i], 1000);
		assert_message(sizes[i], FRAME_FRAGMENT_MAX);
		if (sizes[i] < 50000)
			assert_message(sizes[i], 1);
	}
}

/* A close frame with @reason has the first @kept bytes of it. */
static void assert_close(unsigned int code, const char *reason, size_t kept)
{
	uint8_t out[FRAME_CONTROL_MAX];
	const uint8_t head[4] = {0x88, (uint8_t)(2 + kept), (uint8_t)(code >> 8), (uint8_t)code};

	assert_int_equal(frame_put_close(out, code, reason), 4 + kept);
	assert_memory_equal(out, head, 4);
	if (kept)
		assert_memory_equal(out + 4, reason, kept);
}

static void test_close(void **state)
{
	char reason[200];

	assert_close(1000, "", 0);
	assert_close(1012, "restart", 7);
	assert_close(4101, "too_slow", 8);
	for (size_t n = 0; n < sizeof(reason); n++) {
		memset(reason, 'r', n);
		reason[n] = '\0';
		assert_close(4201, reason, n < 123 ? n : 123);
	}
}

/* @n letters, then one character repeated: the cut is never within the character. */
static void test_close_is_cut_between_characters(void **state)
{
	static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	char reason[300];

	for (size_t i = 0; i < N_ELEMENTS(characters); i++) {
		size_t size = strlen(characters[i]);

		for (size_t n = 0; n <= 130; n++) {
			memset(reason, 'r', n);
			for (size_t j = 0; j < 40; j++)
				memcpy(reason + n + j * size, characters[i], size);
			reason[n + 40 * size] = '\0';
			if (n >= 123)
				assert_close(1011, reason, 123);
			else if (n + 40 * size > 123)
				assert_close(1011, reason, n + (123 - n) / size * size);
			else
				assert_close(1011, reason, n + 40 * size);
		}
	}
}

/* All offsets of frames of all header sizes, and of a close frame in between. */
static void test_boundary(void **state)
{
	static const size_t payloads[] = {0, 1, 125, 126, 0, 127, 65535, 3, 65536, 70000, 0, 2};
	size_t ends[N_ELEMENTS(payloads) + 2] = {0}, n_ends = 1, len = 0;
	uint8_t *bytes = malloc(1 << 20), *exact;

	assert_non_null(bytes);
	for (size_t i = 0; i < N_ELEMENTS(payloads); i++) {
		len += frame_put_header(bytes + len, FRAME_TEXT, payloads[i]);
		memset(bytes + len, 0x7f, payloads[i]); /* looks like a length */
		len += payloads[i];
		ends[n_ends++] = len;
		if (i == 4) {
			len += frame_put_close(bytes + len, 1012, "restart");
			ends[n_ends++] = len;
		}
	}
	exact = (uint8_t *)exact_copy(bytes, len);
	free(bytes);

	for (size_t at = 0, next = 0; at <= len; at++) {
		if (at > ends[next])
			next++;
		assert_int_equal(frames_boundary(exact, len, at), ends[next]);
	}
	free(exact);
}

static void test_boundary_of_nothing(void **state)
{
	assert_int_equal(frames_boundary((const uint8_t *)"", 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_header),
	    cmocka_unit_test(test_opcodes),
	    cmocka_unit_test(test_messages),
	    cmocka_unit_test(test_close),
	    cmocka_unit_test(test_close_is_cut_between_characters),
	    cmocka_unit_test(test_boundary),
	    cmocka_unit_test(test_boundary_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
