/* Byte queue */
#include "proto/buffer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void buffer_deinit(struct buffer *b)
{
	free(b->data);
	*b = BUFFER_INIT;
}

uint8_t *buffer_reserve(struct buffer *b, size_t n)
{
	size_t capacity;
	uint8_t *data;

	if (n > SIZE_MAX / 4 - b->len)
		return NULL;
	if (b->data && b->head + b->len + n <= b->capacity)
		return b->data + b->head + b->len;

	/* Before growing, use what has been consumed; at least half of it must be free,
	 * otherwise a long queue would be moved again and again. */
	if (b->head >= b->capacity / 2 && b->len + n <= b->capacity) {
		memmove(b->data, b->data + b->head, b->len);
		b->head = 0;
		return b->data + b->len;
	}

	capacity = 2 * (b->len + n);
	if (capacity < 64)
		capacity = 64;
	data = malloc(capacity);
	if (!data)
		return NULL;
	if (b->len)
		memcpy(data, b->data + b->head, b->len);
	free(b->data);
	b->data = data;
	b->head = 0;
	b->capacity = capacity;
	return data + b->len;
}

void buffer_commit(struct buffer *b, size_t n)
{
	assert(b->head + b->len + n <= b->capacity);
	b->len += n;
}

int buffer_append(struct buffer *b, const void *bytes, size_t n)
{
	uint8_t *end;

	if (!n)
		return 0;
	end = buffer_reserve(b, n);
	if (!end)
		return -ENOMEM;
	memcpy(end, bytes, n);
	b->len += n;
	return 0;
}

void buffer_consume(struct buffer *b, size_t n)
{
	assert(n <= b->len);
	b->head += n;
	b->len -= n;
	if (!b->len)
		buffer_deinit(b);
}
