#pragma once
/*
 * WebSocket frames from the server to a client (RFC 6455 section 5): one
 * fragment, no mask, so that the bytes of a message are the same for every reader.
 */
#include "proto/defs.h"

enum frame_opcode {
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
