/* Server frames */
#include "proto/frame.h"

#include <assert.h>
#include <string.h>

#include "proto/utf8.h"

static size_t put_header(uint8_t *out, uint8_t first_byte, uint64_t payload)
{
	out[0] = first_byte;
	if (payload < 126) {
		out[1] = (uint8_t)payload;
		return 2;
	}
	if (payload < 65536) {
		out[1] = 126;
		out[2] = (uint8_t)(payload >> 8);
		out[3] = (uint8_t)payload;
		return 4;
	}
	out[1] = 127;
	for (int i = 0; i < 8; i++)
		out[2 + i] = (uint8_t)(payload >> (56 - 8 * i));
	return 10;
}

size_t frame_put_header(uint8_t out[static FRAME_HEADER_MAX], enum frame_opcode opcode,
			uint64_t payload)
{
	return put_header(out, 0x80 | opcode, payload);
}

size_t frame_message_size(size_t payload)
{
	size_t n_full = payload ? (payload - 1) / FRAME_FRAGMENT_MAX : 0;
	size_t last = payload - n_full * FRAME_FRAGMENT_MAX;

	return payload + n_full * frame_header_size(FRAME_FRAGMENT_MAX) + frame_header_size(last);
}

static void begin_fragment(struct frame_writer *w)
{
	bool is_last = w->n_message <= FRAME_FRAGMENT_MAX;

	w->n_fragment = is_last ? w->n_message : FRAME_FRAGMENT_MAX;
	w->out += put_header(w->out,
			     (is_last ? 0x80 : 0) | (w->is_begun ? FRAME_CONTINUATION : FRAME_TEXT),
			     w->n_fragment);
	w->is_begun = true;
}

void frame_write(struct frame_writer *w, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	assert(n <= w->n_message);
	while (n) {
		size_t size;

		if (!w->n_fragment)
			begin_fragment(w);
		size = n < w->n_fragment ? n : w->n_fragment;
		memcpy(w->out, p, size);
		w->out += size;
		w->n_fragment -= size;
		w->n_message -= size;
		p += size;
		n -= size;
	}
}

size_t frame_put_close(uint8_t out[static FRAME_CONTROL_MAX], unsigned int code, const char *reason)
{
	size_t n = strlen(reason);

	if (n > FRAME_CONTROL_PAYLOAD_MAX - 2)
		n = utf8_floor(reason, FRAME_CONTROL_PAYLOAD_MAX - 2);
	out[0] = 0x80 | FRAME_CLOSE;
	out[1] = (uint8_t)(2 + n);
	out[2] = (uint8_t)(code >> 8);
	out[3] = (uint8_t)code;
	memcpy(out + 4, reason, n);
	return 4 + n;
}

static size_t frame_size(const uint8_t *frame)
{
	uint64_t payload = frame[1];

	if (payload == 126) {
		payload = (uint64_t)frame[2] << 8 | frame[3];
	} else if (payload == 127) {
		payload = 0;
		for (int i = 0; i < 8; i++)
			payload = payload << 8 | frame[2 + i];
	}
	return frame_header_size(payload) + payload;
}

size_t frames_boundary(const uint8_t *bytes, size_t len, size_t at)
{
	size_t end = 0;

	assert(at <= len);
	while (end < at)
		end += frame_size(bytes + end);
	assert(end <= len);
	return end;
}
