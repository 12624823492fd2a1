#pragma once
/*
 * Memory running out, on demand.
 *
 * The linker leads the program's own calls of malloc() and its kin through
 * alloc.c (--wrap, see meson.build), there to fail or to be counted. What
 * shared libraries allocate is neither.
 */
#include "proto/defs.h"

/* Makes the @n-th allocation from now fail, 1 being the next; only that one. */
void alloc_fail_at(unsigned int n);

/* No allocation fails any more. Return: whether one has since alloc_fail_at(). */
bool alloc_fail_none(void);

/* Allocations not yet freed. */
size_t alloc_live(void);

/* Allocations since the start, those that moved or resized one included. */
size_t alloc_count(void);

/*
 * Tries @operation with its first allocation failing, then its second and so
 * on, until it succeeds. As often as one fails it must return -ENOMEM, and
 * @unchanged, a statement, assert that nothing has changed.
 */
#define assert_enomem_changes_nothing(operation, unchanged)                                        \
	do {                                                                                       \
		unsigned int alloc_n_ = 0;                                                         \
		int alloc_r_;                                                                      \
                                                                                                   \
		for (;;) {                                                                         \
			alloc_fail_at(++alloc_n_);                                                 \
			alloc_r_ = (operation);                                                    \
			if (!alloc_fail_none())                                                    \
				break;                                                             \
			assert_int_equal(alloc_r_, -ENOMEM);                                       \
			unchanged;                                                                 \
		}                                                                                  \
		assert_int_equal(alloc_r_, 0);                                                     \
		assert_true(alloc_n_ > 1);                                                         \
	} while (0)
