#pragma once
/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012).
 * Clients choose the names of rooms: with a key they don't know they can't
 * choose names that collide.
 */
#include "proto/defs.h"

struct siphash_key {
	uint64_t k0, k1;
};

uint64_t siphash(struct siphash_key key, const void *bytes, size_t len);
