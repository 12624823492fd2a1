#pragma once
/* A byte queue: appended to at its end, consumed from its front. */
#include "proto/defs.h"

struct buffer {
	uint8_t *data;
	size_t head; /* first byte not yet consumed */
	size_t len;  /* bytes between head and the end of what was appended */
	size_t capacity;
};

#define BUFFER_INIT ((struct buffer){0})

void buffer_deinit(struct buffer *b);

/* The bytes not yet consumed; NULL if there have never been any. */
static inline const uint8_t *buffer_bytes(const struct buffer *b)
{
	return b->data ? b->data + b->head : NULL;
}

/**
 * buffer_reserve() - make room for @n more bytes at the end
 *
 * Grows geometrically, so that appending n bytes one at a time costs O(n).
 * Moves what is there: pointers from buffer_bytes() are void afterwards.
 *
 * Return: where to write them, or NULL if there is no memory; the buffer is then unchanged.
 *         What was written counts only after buffer_commit().
 */
uint8_t *buffer_reserve(struct buffer *b, size_t n) _must_check_;
void buffer_commit(struct buffer *b, size_t n);

/**
 * buffer_append() - copy @n bytes to the end
 *
 * Return: 0, or -ENOMEM with the buffer unchanged.
 */
int buffer_append(struct buffer *b, const void *bytes, size_t n) _must_check_;

/* Forgets the first @n bytes; gives the memory back when none are left. */
void buffer_consume(struct buffer *b, size_t n);
