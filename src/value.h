#pragma once
/* Numbers as people write them in a configuration: 10000, 64K, 1M, 20s, 1500ms. */
#include "proto/defs.h"

#define VALUE_TEXT_MAX 32u

/*
 * Each parses the whole of @text. 0 is always allowed (it switches things off),
 * other values from @min to @max.
 *
 * Return: NULL, or what is wrong: the rest of a sentence that begins with the text
 *         (static until the next call); then *@out is unchanged.
 */
const char *value_parse_count(const char *text, uint64_t min, uint64_t max,
			      uint64_t *out) _must_check_;
/* Bytes; K, M and G are powers of 1024. */
const char *value_parse_size(const char *text, uint64_t min, uint64_t max,
			     uint64_t *out) _must_check_;
/* Milliseconds from ms, s, m, h or d; a bare number is seconds. */
const char *value_parse_time(const char *text, uint64_t min, uint64_t max,
			     uint64_t *out) _must_check_;

/* The same value in the largest unit that leaves no fraction. */
void value_format_size(uint64_t bytes, char text[static VALUE_TEXT_MAX]);
void value_format_time(uint64_t ms, char text[static VALUE_TEXT_MAX]);
