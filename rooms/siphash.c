/* SipHash-2-4 */
#include "rooms/siphash.h"

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void rounds(struct state *s, int n)
{
	while (n--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 = rotate(s->v2, 32);
	}
}

static void compress(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	rounds(s, 2);
	s->v0 ^= word;
}

/* Up to eight bytes as a little-endian number. */
static uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t word = 0;

	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)p[i] << (8 * i);
	return word;
}

uint64_t siphash(struct siphash_key key, const void *bytes, size_t len)
{
	struct state s = {
	    .v0 = key.k0 ^ UINT64_C(0x736f6d6570736575),
	    .v1 = key.k1 ^ UINT64_C(0x646f72616e646f6d),
	    .v2 = key.k0 ^ UINT64_C(0x6c7967656e657261),
	    .v3 = key.k1 ^ UINT64_C(0x7465646279746573),
	};
	const uint8_t *p = bytes;
	size_t rest = len % 8;

	for (const uint8_t *end = p + len - rest; p < end; p += 8)
		compress(&s, load(p, 8));
	compress(&s, (uint64_t)len << 56 | load(p, rest));
	s.v2 ^= 0xff;
	rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
