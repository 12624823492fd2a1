/* Byte queue */
#include "proto/buffer.h"

#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

static void assert_holds(const struct buffer *b, const char *text)
{
	assert_int_equal(b->len, strlen(text));
	if (*text)
		assert_memory_equal(buffer_bytes(b), text, strlen(text));
}

static void test_keeps_order(void **state)
{
	struct buffer b = BUFFER_INIT;

	assert_holds(&b, "");
	assert_int_equal(buffer_append(&b, "abc", 3), 0);
	assert_int_equal(buffer_append(&b, "", 0), 0);
	assert_int_equal(buffer_append(&b, "defg", 4), 0);
	assert_holds(&b, "abcdefg");
	buffer_consume(&b, 2);
	assert_holds(&b, "cdefg");
	buffer_consume(&b, 0);
	assert_int_equal(buffer_append(&b, "h", 1), 0);
	assert_holds(&b, "cdefgh");
	buffer_deinit(&b);
	assert_holds(&b, "");
}

static void test_empty_holds_no_memory(void **state)
{
	struct buffer b = BUFFER_INIT;
	size_t live = alloc_live();

	for (int i = 0; i < 3; i++) {
		assert_int_equal(buffer_append(&b, "abc", 3), 0);
		assert_true(alloc_live() > live);
		buffer_consume(&b, 1);
		buffer_consume(&b, 2);
		assert_int_equal(alloc_live(), live);
		assert_holds(&b, "");
	}
	buffer_deinit(&b);
	buffer_deinit(&b);
	assert_int_equal(alloc_live(), live);
}

static void test_reserved_counts_when_committed(void **state)
{
	struct buffer b = BUFFER_INIT;
	uint8_t *room;

	assert_int_equal(buffer_append(&b, "abc", 3), 0);
	room = buffer_reserve(&b, 1000);
	assert_non_null(room);
	memset(room, 'x', 1000);
	assert_holds(&b, "abc");
	memcpy(room, "def", 3);
	buffer_commit(&b, 3);
	assert_holds(&b, "abcdef");
	buffer_deinit(&b);
}

static void test_absurd_sizes_are_refused(void **state)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 2, SIZE_MAX - 3, SIZE_MAX / 2};
	struct buffer b = BUFFER_INIT;

	assert_int_equal(buffer_append(&b, "abc", 3), 0);
	for (size_t i = 0; i < N_ELEMENTS(sizes); i++) {
		assert_null(buffer_reserve(&b, sizes[i]));
		assert_holds(&b, "abc");
	}
	buffer_deinit(&b);
}

static void test_growing_is_geometric(void **state)
{
	struct buffer b = BUFFER_INIT;
	size_t before = alloc_count();

	for (size_t i = 0; i < 1 << 20; i++)
		assert_int_equal(buffer_append(&b, "x", 1), 0);
	assert_int_equal(b.len, 1 << 20);
	assert_true(alloc_count() - before <= 20);
	buffer_deinit(&b);
}

/* A queue that stays as long as it is needs no new memory, however much passes through. */
static void test_steady_queue_stays_where_it_is(void **state)
{
	struct buffer b = BUFFER_INIT;
	size_t count, capacity;

	for (int i = 0; i < 1000; i++)
		assert_int_equal(buffer_append(&b, "0123456789", 10), 0);
	count = alloc_count();
	capacity = b.capacity;
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(buffer_append(&b, "0123456789", 10), 0);
		buffer_consume(&b, 10);
	}
	assert_int_equal(b.len, 10000);
	assert_memory_equal(buffer_bytes(&b), "0123456789", 10);
	assert_true(alloc_count() - count <= 1);
	assert_true(b.capacity <= 4 * capacity);
	buffer_deinit(&b);
}

/* Nor is it moved to the front for each byte where it nearly fills its memory. */
static void test_full_queue_is_seldom_moved(void **state)
{
	struct buffer b = BUFFER_INIT;
	unsigned int n_moves = 0;

	do
		assert_int_equal(buffer_append(&b, "x", 1), 0);
	while (b.len < 1000 || b.len < b.capacity);
	for (int i = 0; i < 10000; i++) {
		size_t head;

		buffer_consume(&b, 1);
		head = b.head;
		assert_int_equal(buffer_append(&b, "x", 1), 0);
		n_moves += b.head < head;
	}
	assert_true(n_moves <= 20);
	buffer_deinit(&b);
}

static void test_random_against_counting(void **state)
{
	struct buffer b = BUFFER_INIT;
	uint64_t seed = 1;
	uint8_t in = 0, out = 0, bytes[300]; /* what stands in the queue counts up from out to in */
	size_t len = 0;

	for (int i = 0; i < 20000; i++) {
		size_t n = random_below(&seed, sizeof(bytes));

		if (random_below(&seed, 2)) {
			for (size_t j = 0; j < n; j++)
				bytes[j] = in++;
			assert_int_equal(buffer_append(&b, bytes, n), 0);
			len += n;
		} else {
			n = n < len ? n : len;
			for (size_t j = 0; j < n; j++)
				assert_int_equal(buffer_bytes(&b)[j], out++);
			buffer_consume(&b, n);
			len -= n;
		}
		assert_int_equal(b.len, len);
	}
	buffer_deinit(&b);
}

static void test_no_memory(void **state)
{
	struct buffer b = BUFFER_INIT;
	char many[1000];

	memset(many, 'x', sizeof(many));
	assert_enomem_changes_nothing(buffer_append(&b, "abc", 3), assert_holds(&b, ""));
	assert_enomem_changes_nothing(buffer_append(&b, many, sizeof(many)),
				      assert_holds(&b, "abc"));
	buffer_consume(&b, sizeof(many));
	assert_holds(&b, "xxx");
	alloc_fail_at(1);
	assert_null(buffer_reserve(&b, 1 << 20));
	assert_true(alloc_fail_none());
	assert_holds(&b, "xxx");
	buffer_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keeps_order),
	    cmocka_unit_test(test_empty_holds_no_memory),
	    cmocka_unit_test(test_reserved_counts_when_committed),
	    cmocka_unit_test(test_absurd_sizes_are_refused),
	    cmocka_unit_test(test_growing_is_geometric),
	    cmocka_unit_test(test_steady_queue_stays_where_it_is),
	    cmocka_unit_test(test_full_queue_is_seldom_moved),
	    cmocka_unit_test(test_random_against_counting),
	    cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
