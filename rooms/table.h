#pragma once
/*
 * Table: a hash set that keeps its elements dense.
 *
 * The elements stand in an array without holes, so that walking all of them
 * is walking an array; the hash part is open addressing over indices into it.
 * Finding, adding and removing are O(1) (adding: amortised). The order of the
 * elements means nothing and changes when one is removed.
 */
#include "proto/defs.h"

struct table_type {
	/* The same for an element and for the key that finds it. Must not change while it's in. */
	uint64_t (*hash)(const void *element);
	bool (*matches)(const void *element, const void *key);
};

struct table {
	const struct table_type *type;
	void **elements; /* borrowed pointers, @n of them */
	uint32_t *slots; /* index into elements plus one; 0: empty */
	uint32_t n;
	uint32_t capacity;
	uint32_t n_slots; /* a power of two, or 0 */
};

void table_init(struct table *t, const struct table_type *type);

/* The table must be empty: whoever put elements in takes them out. */
void table_deinit(struct table *t);

/* The element that @key matches, or NULL. @hash is the key's. */
void *table_find(const struct table *t, uint64_t hash, const void *key);

/**
 * table_add() - put in an element that isn't in yet
 *
 * Return: 0, or -ENOMEM with the table unchanged.
 */
int table_add(struct table *t, void *element) _must_check_;

/* Takes @element out; it must be in. Can't fail; gives memory back where much is unused. */
void table_remove(struct table *t, const void *element);
