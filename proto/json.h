#pragma once
/*
 * JSON text, looked into without being taken apart.
 *
 * chatd relays values, it does not interpret them: what a member sends as
 * "content" must reach the others as that value. A library that parses into a
 * tree and writes it out again can't promise that (jansson 2.14 refuses
 * integers over 64 bits, lone surrogate escapes and NUL in keys, and rewrites
 * every real number). So this scanner checks the grammar of RFC 8259 and says
 * where the values stand in the text; they are then copied byte by byte.
 */
#include "proto/defs.h"

/* Arrays and objects within each other. As deep as the guide's server reads, measured: what
 * Python's recursion limit of 1,000 leaves to its json module there. Clients written with that
 * module couldn't read anything deeper. */
#define JSON_DEPTH_MAX 983u

/* Digits of an integer: beyond it Python (3.11 and later) refuses to read the text. */
#define JSON_INTEGER_DIGITS_MAX 4300u

struct json_span {
	const char *at; /* into the text; NULL where the member is missing */
	size_t len;
};

enum {
	_JSON_E_SUCCESS,
	JSON_E_INVALID,	   /* not JSON, or beyond the limits above */
	JSON_E_NOT_OBJECT, /* JSON, but not an object */
};

/**
 * json_find_members() - check an object and find members of it
 * @text:  UTF-8 (the caller has checked that), @len bytes, not NUL-terminated
 * @names: ASCII; compared after unescaping
 * @spans: for each name the text of its value, without white space around it;
 *         of several members with the same name the last counts
 *
 * Time is O(len * n_names), memory constant, nothing is allocated.
 *
 * Return: 0 or a JSON_E_*; @spans are meaningful only with 0.
 */
int json_find_members(const char *text, size_t len, const char *const names[], size_t n_names,
		      struct json_span spans[]) _must_check_;

/* Whether @value, a value found by json_find_members(), is the string @ascii. */
bool json_is_string(struct json_span value, const char *ascii);
