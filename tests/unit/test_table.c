/* Dense hash set */
#include "rooms/table.h"

#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

#define N_KEYS 3000u

struct item {
	uint32_t key;
	bool is_in; /* what the model thinks */
};

static bool matches(const void *element, const void *key)
{
	return ((const struct item *)element)->key == *(const uint32_t *)key;
}

static uint64_t hash_well(const void *element)
{
	uint64_t seed = ((const struct item *)element)->key;

	return random_next(&seed);
}

/* Nearly sorted: long runs of taken slots. */
static uint64_t hash_sequence(const void *element)
{
	return ((const struct item *)element)->key;
}

static uint64_t hash_all_the_same(const void *element)
{
	return 7;
}

/* All want the last few slots, so that what is probed wraps around. */
static uint64_t hash_last(const void *element)
{
	return UINT64_MAX - ((const struct item *)element)->key % 3;
}

/* They differ only in bits that no table is large enough to use. */
static uint64_t hash_high_bits(const void *element)
{
	return (uint64_t)((const struct item *)element)->key << 32;
}

static struct item *find(const struct table *t, uint32_t key)
{
	const struct item item = {.key = key};

	return table_find(t, t->type->hash(&item), &key);
}

/* Exactly the items that are in stand in the array, each once, and all are found. */
static void assert_holds(const struct table *t, struct item *items, size_t n_items)
{
	size_t n = 0;
	bool seen[N_KEYS] = {0};

	for (size_t i = 0; i < n_items; i++) {
		n += items[i].is_in;
		assert_ptr_equal(find(t, items[i].key), items[i].is_in ? &items[i] : NULL);
	}
	assert_int_equal(t->n, n);
	for (size_t i = 0; i < t->n; i++) {
		const struct item *item = t->elements[i];

		assert_true(item->is_in);
		assert_false(seen[item->key]);
		seen[item->key] = true;
	}
}

/* The arrays fit what is in them, but for the least ones. */
static void assert_is_lean(const struct table *t)
{
	assert_true(t->n_slots <= 8 || t->n >= t->n_slots / 8);
	assert_true(t->capacity <= 4 || t->capacity <= t->n_slots);
	assert_true(!t->n || 4 * t->n <= 3 * t->n_slots);
}

static void add(struct table *t, struct item *item)
{
	assert_int_equal(table_add(t, item), 0);
	item->is_in = true;
}

static void take_out(struct table *t, struct item *item)
{
	table_remove(t, item);
	item->is_in = false;
}

static struct item *items_new(size_t n)
{
	struct item *items = calloc(n, sizeof(*items));

	assert_non_null(items);
	for (size_t i = 0; i < n; i++)
		items[i].key = (uint32_t)i;
	return items;
}

/* Phases in which it grows, and such in which it shrinks, to nothing in the end. */
static void compare_with_model(uint64_t (*hash)(const void *), uint32_t n_keys, size_t n_steps)
{
	const struct table_type type = {hash, matches};
	struct item *items = items_new(n_keys);
	size_t live = alloc_live();
	uint64_t seed = 1;
	struct table t;

	table_init(&t, &type);
	for (size_t i = 0; i < n_steps; i++) {
		struct item *item = &items[random_below(&seed, n_keys)];
		bool is_growing = i / (n_steps / 8) % 2 == 0;

		if (item->is_in && (!is_growing || !random_below(&seed, 3)))
			take_out(&t, item);
		else if (!item->is_in && (is_growing || !random_below(&seed, 3)))
			add(&t, item);
		assert_ptr_equal(find(&t, item->key), item->is_in ? item : NULL);
		if (i % (n_steps / 100) == 0) {
			assert_holds(&t, items, n_keys);
			assert_is_lean(&t);
		}
	}
	for (uint32_t i = 0; i < n_keys; i++)
		if (items[i].is_in)
			take_out(&t, &items[i]);
	assert_holds(&t, items, n_keys);
	table_deinit(&t);
	assert_int_equal(alloc_live(), live);
	free(items);
}

static void test_random(void **state)
{
	compare_with_model(hash_well, N_KEYS, 100000);
	compare_with_model(hash_sequence, N_KEYS, 100000);
}

static void test_random_colliding(void **state)
{
	compare_with_model(hash_all_the_same, 60, 100000);
	compare_with_model(hash_last, 60, 100000);
	compare_with_model(hash_high_bits, 60, 100000);
}

static void test_small(void **state)
{
	compare_with_model(hash_well, 1, 1000);
	compare_with_model(hash_last, 5, 100000);
	compare_with_model(hash_well, 8, 100000);
}

static void test_empty(void **state)
{
	static const struct table_type type = {hash_well, matches};
	size_t live = alloc_live();
	struct table t;

	table_init(&t, &type);
	assert_null(find(&t, 1));
	assert_int_equal(t.n, 0);
	assert_int_equal(alloc_live(), live);
	table_deinit(&t);
}

/* Halving and doubling don't take turns at any size: that would cost O(n) each time. */
static void test_does_not_flap(void **state)
{
	static const struct table_type type = {hash_well, matches};
	struct item *items = items_new(N_KEYS);
	struct table t;

	table_init(&t, &type);
	for (uint32_t i = 0; i + 1 < N_KEYS; i++) {
		size_t count;

		add(&t, &items[i]);
		add(&t, &items[i + 1]);
		take_out(&t, &items[i + 1]);
		count = alloc_count();
		for (int j = 0; j < 3; j++) {
			add(&t, &items[i + 1]);
			take_out(&t, &items[i + 1]);
		}
		assert_int_equal(alloc_count(), count);
	}
	for (uint32_t i = N_KEYS - 1; i-- > 0;)
		take_out(&t, &items[i]);
	assert_is_lean(&t);
	table_deinit(&t);
	free(items);
}

static void test_no_memory_to_add(void **state)
{
	static const struct table_type type = {hash_well, matches};
	struct item *items = items_new(200);
	size_t live = alloc_live();
	size_t n_failed = 0;
	struct table t;

	table_init(&t, &type);
	for (size_t i = 0; i < 200; i++) {
		for (unsigned int n = 1;; n++) {
			int r;

			alloc_fail_at(n);
			r = table_add(&t, &items[i]);
			if (!alloc_fail_none()) {
				assert_int_equal(r, 0);
				break;
			}
			assert_int_equal(r, -ENOMEM);
			assert_holds(&t, items, 200);
			n_failed++;
		}
		items[i].is_in = true;
	}
	assert_true(n_failed >= 12); /* six times the elements, six times the slots */
	assert_holds(&t, items, 200);
	for (size_t i = 0; i < 200; i++)
		take_out(&t, &items[i]);
	table_deinit(&t);
	assert_int_equal(alloc_live(), live);
	free(items);
}

/* Taking out needs memory to shrink, but can do without. */
static void test_no_memory_to_shrink(void **state)
{
	static const struct table_type type = {hash_well, matches};
	struct item *items = items_new(200);
	struct table t;

	for (unsigned int n = 1; n <= 2; n++) {
		table_init(&t, &type);
		for (size_t i = 0; i < 200; i++)
			add(&t, &items[i]);
		for (size_t i = 0; i < 200; i++) {
			alloc_fail_at(n);
			take_out(&t, &items[i]);
			alloc_fail_none();
			assert_holds(&t, items, 200);
		}
		table_deinit(&t);
	}
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_small),
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_random_colliding),
	    cmocka_unit_test(test_does_not_flap),
	    cmocka_unit_test(test_no_memory_to_add),
	    cmocka_unit_test(test_no_memory_to_shrink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
