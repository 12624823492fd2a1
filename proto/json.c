/* JSON scanner (RFC 8259) */
#include "proto/json.h"

#include <string.h>

struct scan {
	const char *p;
	const char *end;
};

/* The next byte, or NUL at the end of the text: a NUL in the text is no JSON either. */
static char peek(const struct scan *s)
{
	return s->p < s->end ? *s->p : '\0';
}

static bool accept(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Eight bytes at a time past what needs no look: neither quote, backslash nor control. */
static void skip_plain(struct scan *s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);

	while (s->end - s->p >= 8) {
		uint64_t word, quote, backslash, found;

		memcpy(&word, s->p, 8);
		quote = word ^ (ones * '"');
		backslash = word ^ (ones * '\\');
		/* A high bit of (x - ones) & ~x marks a zero byte of x; of (x - 0x20..) & ~x a
		 * byte below 0x20. A borrow may mark too much, never too little. */
		found = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
			((word - ones * 0x20) & ~word);
		if (found & highs)
			return;
		s->p += 8;
	}
}

static bool scan_string(struct scan *s)
{
	if (!accept(s, '"'))
		return false;
	for (;;) {
		unsigned char c;

		skip_plain(s);
		if (s->p == s->end)
			return false;
		c = (unsigned char)*s->p++;
		if (c == '"')
			return true;
		if (c < 0x20)
			return false;
		if (c != '\\')
			continue;
		if (s->p == s->end)
			return false;
		c = (unsigned char)*s->p++;
		if (c == 'u') {
			/* Surrogates needn't come in pairs: the grammar (RFC 8259 section 7)
			 * doesn't ask for it, and clients that cut strings send such. */
			for (int i = 0; i < 4; i++)
				if (s->p == s->end || hex_digit(*s->p++) < 0)
					return false;
		} else if (!c || !strchr("\"\\/bfnrt", c)) {
			return false;
		}
	}
}

static bool scan_digits(struct scan *s)
{
	if (!is_digit(peek(s)))
		return false;
	while (is_digit(peek(s)))
		s->p++;
	return true;
}

static bool scan_number(struct scan *s)
{
	const char *digits;
	size_t n_digits;

	accept(s, '-');
	digits = s->p;
	if (!accept(s, '0') && !scan_digits(s))
		return false;
	n_digits = (size_t)(s->p - digits);
	if (peek(s) != '.' && peek(s) != 'e' && peek(s) != 'E')
		return n_digits <= JSON_INTEGER_DIGITS_MAX;

	if (accept(s, '.') && !scan_digits(s))
		return false;
	if (accept(s, 'e') || accept(s, 'E')) {
		if (!accept(s, '+'))
			accept(s, '-');
		return scan_digits(s);
	}
	return true;
}

static bool scan_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	return true;
}

/* A member's name and the colon behind it. */
static bool scan_name(struct scan *s, struct json_span *name)
{
	skip_space(s);
	name->at = s->p;
	if (!scan_string(s))
		return false;
	name->len = (size_t)(s->p - name->at);
	skip_space(s);
	return accept(s, ':');
}

static bool scan_scalar(struct scan *s)
{
	switch (peek(s)) {
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		return scan_number(s);
	}
}

/* The arrays and objects that are open, innermost last: a bit each, set for an object. */
struct nesting {
	uint64_t bits[(JSON_DEPTH_MAX + 63) / 64];
	unsigned int depth;
};

static bool nesting_push(struct nesting *n, bool is_object)
{
	uint64_t bit = UINT64_C(1) << (n->depth % 64);

	if (n->depth == JSON_DEPTH_MAX)
		return false;
	if (is_object)
		n->bits[n->depth / 64] |= bit;
	else
		n->bits[n->depth / 64] &= ~bit;
	n->depth++;
	return true;
}

static bool nesting_in_object(const struct nesting *n)
{
	return n->bits[(n->depth - 1) / 64] >> ((n->depth - 1) % 64) & 1;
}

/*
 * One value of any kind. A loop, not a recursion, so that the text can't choose
 * how deep the stack gets; @open_depth levels are open around the value.
 */
static bool scan_value(struct scan *s, unsigned int open_depth)
{
	struct nesting nesting;
	struct json_span name;

	nesting.depth = open_depth;
	for (;;) {
		bool is_object;

		skip_space(s);
		is_object = peek(s) == '{';
		if (is_object || peek(s) == '[') {
			s->p++;
			if (!nesting_push(&nesting, is_object))
				return false;
			skip_space(s);
			if (accept(s, is_object ? '}' : ']')) {
				nesting.depth--;
			} else if (is_object) {
				if (!scan_name(s, &name))
					return false;
				continue;
			} else {
				continue;
			}
		} else if (!scan_scalar(s)) {
			return false;
		}

		/* A value has ended: close what ends with it, or go on to its neighbour. */
		for (;;) {
			if (nesting.depth == open_depth)
				return true;
			skip_space(s);
			if (accept(s, ','))
				break;
			if (!accept(s, nesting_in_object(&nesting) ? '}' : ']'))
				return false;
			nesting.depth--;
		}
		if (nesting_in_object(&nesting) && !scan_name(s, &name))
			return false;
	}
}

/* One character of a string, unescaped; only ASCII matters here, the rest is -1. */
static int next_ascii(const char **p)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	unsigned char c = (unsigned char)*(*p)++;
	int code = 0;

	if (c != '\\')
		return c < 0x80 ? c : -1;
	c = (unsigned char)*(*p)++;
	if (c != 'u')
		return to[strchr(from, c) - from];
	for (int i = 0; i < 4; i++)
		code = code * 16 + hex_digit(*(*p)++);
	return code < 0x80 ? code : -1;
}

bool json_is_string(struct json_span value, const char *ascii)
{
	const char *p = value.at + 1, *end = value.at + value.len - 1;

	if (value.at[0] != '"')
		return false;
	while (p < end && *ascii)
		if (next_ascii(&p) != (unsigned char)*ascii++)
			return false;
	return p == end && !*ascii;
}

static bool scan_members(struct scan *s, const char *const names[], size_t n_names,
			 struct json_span spans[])
{
	if (!accept(s, '{'))
		return false;
	skip_space(s);
	if (accept(s, '}'))
		return true;
	do {
		struct json_span name, value;

		if (!scan_name(s, &name))
			return false;
		skip_space(s);
		value.at = s->p;
		if (!scan_value(s, 1))
			return false;
		value.len = (size_t)(s->p - value.at);
		for (size_t i = 0; i < n_names; i++)
			if (json_is_string(name, names[i]))
				spans[i] = value;
		skip_space(s);
	} while (accept(s, ','));
	return accept(s, '}');
}

int json_find_members(const char *text, size_t len, const char *const names[], size_t n_names,
		      struct json_span spans[])
{
	struct scan s = {.p = text, .end = text + len};
	bool is_object;

	for (size_t i = 0; i < n_names; i++)
		spans[i] = (struct json_span){0};

	skip_space(&s);
	is_object = peek(&s) == '{';
	if (!(is_object ? scan_members(&s, names, n_names, spans) : scan_value(&s, 0)))
		return JSON_E_INVALID;
	skip_space(&s);
	if (s.p != s.end)
		return JSON_E_INVALID;
	return is_object ? 0 : JSON_E_NOT_OBJECT;
}
