/* Intrusive lists */
#include "rooms/list.h"

#include "tests/unit/test.h"

struct item {
	char name;
	struct list_node node;
};

static struct item items[] = {
    {.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'd'}, {.name = 'e'}};

#define NODE(i) (&items[i].node)

static void append(struct list *list, const char *names)
{
	for (; *names; names++)
		list_append(list, NODE(*names - 'a'));
}

/* The same forwards and backwards. */
static void assert_list(const struct list *list, const char *names)
{
	const struct list_node *node = &list->head;

	for (const char *name = names; *name; name++) {
		node = node->next;
		assert_int_equal(container_of(node, struct item, node)->name, *name);
		assert_ptr_equal(node->next->prev, node);
		assert_ptr_equal(node->prev->next, node);
		assert_true(list_is_linked(node));
	}
	assert_ptr_equal(node->next, &list->head);
	assert_int_equal(list_is_empty(list), !*names);
	assert_ptr_equal(list_first(list), *names ? NODE(names[0] - 'a') : NULL);
}

static int unlink_all(void **state)
{
	for (size_t i = 0; i < N_ELEMENTS(items); i++)
		items[i].node = (struct list_node){0};
	return 0;
}

static void test_append(void **state)
{
	struct list list;

	list_init(&list);
	assert_list(&list, "");
	append(&list, "a");
	assert_list(&list, "a");
	append(&list, "cbe");
	assert_list(&list, "acbe");
	assert_false(list_is_linked(NODE(3)));
}

static void test_unlink(void **state)
{
	struct list list;

	list_init(&list);
	append(&list, "abcd");
	list_unlink(NODE(1));
	assert_list(&list, "acd");
	assert_false(list_is_linked(NODE(1)));
	list_unlink(NODE(1)); /* on no list: nothing happens */
	assert_list(&list, "acd");
	list_unlink(NODE(0));
	assert_list(&list, "cd");
	list_unlink(NODE(3));
	assert_list(&list, "c");
	list_unlink(NODE(2));
	assert_list(&list, "");
	append(&list, "ba");
	assert_list(&list, "ba");
}

static void test_move_to_end(void **state)
{
	struct list list, other;

	list_init(&list);
	list_init(&other);
	append(&list, "abc");
	list_move_to_end(&list, NODE(0));
	assert_list(&list, "bca");
	list_move_to_end(&list, NODE(0));
	assert_list(&list, "bca");
	list_move_to_end(&list, NODE(3)); /* that was on no list */
	assert_list(&list, "bcad");
	list_move_to_end(&other, NODE(2)); /* or on another */
	assert_list(&list, "bad");
	assert_list(&other, "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_append, unlink_all),
	    cmocka_unit_test_teardown(test_unlink, unlink_all),
	    cmocka_unit_test_teardown(test_move_to_end, unlink_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
