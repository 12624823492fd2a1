/* Edits */
#include "rooms/edits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct edit *edits_at(struct edits *e, uint32_t i)
{
	return e->more ? &e->more[e->head + i] : &e->one;
}

static struct edit *edits_last(struct edits *e)
{
	return e->n ? edits_at(e, e->n - 1) : NULL;
}

void edits_clear(struct edits *e)
{
	free(e->more);
	*e = (struct edits){0};
}

void edits_pop(struct edits *e)
{
	e->head++;
	e->n--;
}

/* Room for one more; 0 or -ENOMEM. Kept as an array without a hole at its front only once
 * that is worth it: each edit moves O(1) times on average. */
static int edits_reserve(struct edits *e)
{
	struct edit *more;
	uint32_t capacity;

	if (!e->n || (e->more && e->head + e->n < e->capacity))
		return 0;
	if (e->more && e->head >= e->capacity / 2) {
		memmove(e->more, e->more + e->head, e->n * sizeof(*more));
		e->head = 0;
		return 0;
	}
	capacity = e->capacity ? 2 * e->capacity : 4;
	more = malloc(capacity * sizeof(*more));
	if (!more)
		return -ENOMEM;
	memcpy(more, edits_at(e, 0), e->n * sizeof(*more));
	free(e->more);
	e->more = more;
	e->head = 0;
	e->capacity = capacity;
	return 0;
}

struct edit *edits_for(struct edits *e, uint64_t at)
{
	struct edit *last = edits_last(e);

	if (last && last->at + last->skip == at)
		return last;
	if (edits_reserve(e))
		return NULL;
	last = e->n++ ? edits_last(e) : &e->one;
	*last = (struct edit){.at = at};
	return last;
}
