#pragma once
/* UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, up to U+10FFFF. */
#include "proto/defs.h"

/* Whether the @len bytes at @text are whole, valid UTF-8. */
bool utf8_is_valid(const char *text, size_t len);

/* The largest n <= @len at which the valid UTF-8 @text, which goes on behind @len (or has a NUL
 * there), can be cut between two characters. */
size_t utf8_floor(const char *text, size_t len);
