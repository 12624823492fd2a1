#pragma once
/*
 * WebSocket frames from the server to a client (RFC 6455 section 5): without a
 * mask, so that the bytes of a message are the same for every reader.
 *
 * A long message is sent in fragments. A frame that has been begun must be ended
 * before anything else is sent, so what a slow reader hasn't taken of it has to be
 * kept for that reader alone; with fragments that is little, whatever the message.
 */
#include "proto/defs.h"

enum frame_opcode {
	FRAME_CONTINUATION = 0x0,
	FRAME_TEXT = 0x1,
	FRAME_CLOSE = 0x8,
	FRAME_PING = 0x9,
	FRAME_PONG = 0xa,
};

#define FRAME_HEADER_MAX	  10u  /* 2 bytes and a 64-bit length */
#define FRAME_CONTROL_PAYLOAD_MAX 125u /* RFC 6455 section 5.5 */
#define FRAME_CONTROL_MAX	  (2u + FRAME_CONTROL_PAYLOAD_MAX)

/* How long the header of a frame with @payload bytes is: 2, 4 or 10. */
static inline size_t frame_header_size(uint64_t payload)
{
	return payload < 126 ? 2 : payload < 65536 ? 4 : 10;
}

/* Writes that header to @out and returns its size. */
size_t frame_put_header(uint8_t out[static FRAME_HEADER_MAX], enum frame_opcode opcode,
			uint64_t payload);

/* The longest payload of one fragment, and so about the most that is kept for a slow reader. */
#define FRAME_FRAGMENT_MAX 32768u

/* How long a text message with @payload bytes is in all, fragments' headers included. */
size_t frame_message_size(size_t payload);

/* Writes a text message piece by piece; the pieces have to add up to @payload bytes. */
struct frame_writer {
	uint8_t *out;
	size_t n_fragment; /* bytes that still go into the fragment begun */
	size_t n_message;  /* and into the message */
	bool is_begun;
};

static inline struct frame_writer frame_writer(uint8_t *out, size_t payload)
{
	return (struct frame_writer){.out = out, .n_message = payload};
}

void frame_write(struct frame_writer *w, const void *bytes, size_t n);

/* Whether @frame, the first byte of a frame, goes on with a message begun before. */
static inline bool frame_is_continuation(const uint8_t *frame)
{
	return (*frame & 0x0f) == FRAME_CONTINUATION;
}

/**
 * frame_put_close() - a whole close frame
 * @reason: UTF-8, cut off at a character boundary to fit
 *
 * Return: the size of the frame.
 */
size_t frame_put_close(uint8_t out[static FRAME_CONTROL_MAX], unsigned int code,
		       const char *reason);

/**
 * frames_boundary() - where the frame ends that byte @at falls into
 * @bytes: whole frames made by this module, back to back, @len bytes of them
 * @at:    at most @len
 *
 * Return: the smallest frame boundary that is at least @at.
 */
size_t frames_boundary(const uint8_t *bytes, size_t len, size_t at);
