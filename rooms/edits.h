#pragma once
/* Edits: in what a member's view of a lane differs from the lane (see lane.h). */
#include "proto/defs.h"

/* At offset @at of the lane, leave out @skip bytes of it and put in @insert bytes. */
struct edit {
	uint64_t at;
	uint32_t skip;
	uint32_t insert;
};

/* A queue of edits. The first lives here, since there's seldom more than one. */
struct edits {
	struct edit one;
	struct edit *more; /* if not NULL, all are here, from @head */
	uint32_t head;
	uint32_t n;
	uint32_t capacity;
};

/* The edit number @i from the front; there must be as many. */
struct edit *edits_at(struct edits *e, uint32_t i);

/**
 * edits_for() - the edit at offset @at, which no edit lies behind
 *
 * That is the last one, where what it leaves out ends there, or else a new one that does
 * nothing yet.
 *
 * Return: NULL without memory; nothing has changed then.
 */
struct edit *edits_for(struct edits *e, uint64_t at) _must_check_;

/* Takes away the one in front; after the last one edits_clear() is due. */
void edits_pop(struct edits *e);

/* Takes away all, and gives the memory back. */
void edits_clear(struct edits *e);
