/* Dense hash set */
#include "rooms/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN    8u
#define CAPACITY_MIN 4u

void table_init(struct table *t, const struct table_type *type)
{
	*t = (struct table){.type = type};
}

void table_deinit(struct table *t)
{
	assert(!t->n);
	free(t->elements);
	free(t->slots);
	*t = (struct table){0};
}

/* Where an element with @hash would like to stand. */
static uint32_t home(const struct table *t, uint64_t hash)
{
	return (uint32_t)hash & (t->n_slots - 1);
}

static uint32_t next(const struct table *t, uint32_t slot)
{
	return (slot + 1) & (t->n_slots - 1);
}

void *table_find(const struct table *t, uint64_t hash, const void *key)
{
	if (!t->n)
		return NULL;
	for (uint32_t slot = home(t, hash); t->slots[slot]; slot = next(t, slot)) {
		void *element = t->elements[t->slots[slot] - 1];

		if (t->type->matches(element, key))
			return element;
	}
	return NULL;
}

static void insert_index(struct table *t, uint32_t index)
{
	uint32_t slot = home(t, t->type->hash(t->elements[index]));

	while (t->slots[slot])
		slot = next(t, slot);
	t->slots[slot] = index + 1;
}

static int resize_slots(struct table *t, uint32_t n_slots)
{
	uint32_t *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(t->slots);
	t->slots = slots;
	t->n_slots = n_slots;
	for (uint32_t i = 0; i < t->n; i++)
		insert_index(t, i);
	return 0;
}

static int resize_elements(struct table *t, uint32_t capacity)
{
	void **elements = realloc(t->elements, capacity * sizeof(*elements));

	if (!elements)
		return -ENOMEM;
	t->elements = elements;
	t->capacity = capacity;
	return 0;
}

int table_add(struct table *t, void *element)
{
	int r;

	if (t->n == UINT32_MAX / 4)
		return -ENOMEM;
	if (t->n == t->capacity) {
		r = resize_elements(t, t->capacity ? 2 * t->capacity : CAPACITY_MIN);
		if (r)
			return r;
	}
	/* At most three quarters full, so that runs of taken slots stay short. */
	if (4 * (t->n + 1) > 3 * t->n_slots) {
		r = resize_slots(t, t->n_slots ? 2 * t->n_slots : SLOTS_MIN);
		if (r)
			return r;
	}
	t->elements[t->n] = element;
	insert_index(t, t->n++);
	return 0;
}

static uint32_t slot_of_index(const struct table *t, uint32_t index)
{
	uint32_t slot = home(t, t->type->hash(t->elements[index]));

	while (t->slots[slot] != index + 1)
		slot = next(t, slot);
	return slot;
}

static uint32_t slot_of_element(const struct table *t, const void *element)
{
	uint32_t slot = home(t, t->type->hash(element));

	while (assert(t->slots[slot]), t->elements[t->slots[slot] - 1] != element)
		slot = next(t, slot);
	return slot;
}

/* Empties @hole and closes the gap, so that no tombstones are needed. */
static void clear_slot(struct table *t, uint32_t hole)
{
	uint32_t slot = hole;

	for (;;) {
		uint32_t mask = t->n_slots - 1, wanted;

		slot = next(t, slot);
		if (!t->slots[slot])
			break;
		wanted = home(t, t->type->hash(t->elements[t->slots[slot] - 1]));
		/* It may move back to the hole unless that lies before where it wants to be. */
		if (((slot - wanted) & mask) >= ((slot - hole) & mask)) {
			t->slots[hole] = t->slots[slot];
			hole = slot;
		}
	}
	t->slots[hole] = 0;
}

void table_remove(struct table *t, const void *element)
{
	uint32_t slot = slot_of_element(t, element);
	uint32_t index = t->slots[slot] - 1, last = t->n - 1;

	clear_slot(t, slot);
	if (index != last) {
		t->slots[slot_of_index(t, last)] = index + 1;
		t->elements[index] = t->elements[last];
	}
	t->n--;

	/* Halve at an eighth: far enough from growing that the two can't alternate. Where
	 * there's no memory for the smaller one, the larger one serves as well. */
	if (t->n_slots > SLOTS_MIN && t->n < t->n_slots / 8 && !resize_slots(t, t->n_slots / 2)) {
		uint32_t capacity = t->n_slots / 2;

		if (capacity < t->capacity)
			(void)resize_elements(t, capacity);
	}
}
