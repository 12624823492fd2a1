/* Rooms and memberships */
#include "tests/unit/registry_harness.h"

/* ---- rooms come and go ---- */

static void test_rooms_come_and_go(void **state)
{
	assert_null(room("a"));
	join(0, 0, "a");
	assert_int_equal(registry_count(&registry), 1);
	assert_int_equal(room_count(room("a")), 1);
	assert_null(room("b"));
	join(1, 0, "a");
	join(2, 0, "b");
	assert_int_equal(registry_count(&registry), 2);
	assert_int_equal(room_count(room("a")), 2);
	leave(0, 0);
	assert_int_equal(room_count(room("a")), 1);
	leave(1, 0);
	assert_null(room("a"));
	assert_int_equal(registry_count(&registry), 1);
	leave(2, 0);
	assert_int_equal(registry_count(&registry), 0);
	join(0, 0, "a");
	assert_int_equal(room_count(room("a")), 1);
}

static void test_leaving_without_a_room(void **state)
{
	leave(0, 0);
	join(0, 0, "a");
	leave(0, 0);
	leave(0, 0);
	assert_int_equal(registry_count(&registry), 0);
}

static void test_names_are_compared_whole(void **state)
{
	static const char *const names[] = {"a",	 "A",	     "aa",   "a/",   "a b",
					    "a\xcc\x81", "\xc3\xa1", "room", "room1"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		join(i, 0, names[i]);
	assert_int_equal(registry_count(&registry), N_ELEMENTS(names));
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		const struct room *r = fakes[i].places[0].room;

		assert_ptr_equal(room(names[i]), r);
		assert_int_equal(r->name.len, strlen(names[i]));
		assert_memory_equal(r->name.at, names[i], r->name.len);
		assert_int_equal(room_count(r), 1);
	}
}

static void test_many_rooms(void **state)
{
	enum { N = 2000 };
	struct membership *places = calloc(N, sizeof(*places));
	char name[16];

	assert_non_null(places);
	for (size_t i = 0; i < N; i++) {
		sprintf(name, "room%zu", i);
		assert_int_equal(registry_join(&registry, named(name), &fakes[i % N_FAKES].member,
					       &places[i]),
				 0);
	}
	assert_int_equal(registry_count(&registry), N);
	for (size_t i = 0; i < N; i++) {
		sprintf(name, "room%zu", i);
		assert_ptr_equal(room(name), places[i].room);
		registry_leave(&places[i]);
		assert_null(room(name));
	}
	free(places);
}

/* ---- members ---- */

static void test_finding_members(void **state)
{
	for (size_t i = 0; i < N_FAKES; i++)
		join(i, 0, "a");
	for (size_t i = 0; i < N_FAKES; i++)
		assert_ptr_equal(room_find_member(room("a"), i + 1), &fakes[i].places[0]);
	assert_null(room_find_member(room("a"), N_FAKES + 1));
	leave(7, 0);
	assert_null(room_find_member(room("a"), 8));
	assert_int_equal(room_count(room("a")), N_FAKES - 1);
}

static void test_member_already(void **state)
{
	join(0, 0, "a");
	join(1, 0, "a");
	assert_int_equal(try_join(0, 1, "a"), REGISTRY_E_MEMBER);
	assert_null(fakes[0].places[1].room);
	assert_int_equal(room_count(room("a")), 2);
	say(1, 0, "1");
	flush();
	assert_got(0, "1"); /* once */
	leave(0, 0);
	join(0, 1, "a");
}

static void test_several_rooms_each(void **state)
{
	join(0, 0, "a");
	join(0, 1, "b");
	join(0, 2, "c");
	join(1, 0, "a");
	join(2, 0, "b");
	assert_int_equal(registry_count(&registry), 3);
	say(0, 0, "1");
	say(0, 1, "2");
	say(0, 2, "3");
	flush();
	assert_got(0, "");
	assert_got(1, "1");
	assert_got(2, "2");
	say(1, 0, "4");
	flush();
	say(2, 0, "5");
	flush();
	assert_got(0, "45");
	leave(0, 0);
	say(1, 0, "6");
	say(2, 0, "7");
	flush();
	assert_got(0, "7");
	assert_null(room("d"));
}

/* ---- no memory ---- */

static void assert_rooms(uint32_t n, const char *name, uint32_t n_members)
{
	assert_int_equal(registry_count(&registry), n);
	assert_int_equal(room(name) ? room_count(room(name)) : 0, n_members);
}

static void test_no_memory_for_a_new_room(void **state)
{
	assert_enomem_changes_nothing(try_join(0, 0, "a"), {
		assert_rooms(0, "a", 0);
		assert_null(fakes[0].places[0].room);
		assert_null(fakes[0].member.readers);
	});
	assert_enomem_changes_nothing(try_join(0, 1, "b"), {
		assert_rooms(1, "b", 0);
		assert_null(fakes[0].places[1].room);
		assert_ptr_equal(fakes[0].member.readers, &fakes[0].places[0].reader);
	});
	assert_rooms(2, "a", 1);
}

static void test_no_memory_for_a_member(void **state)
{
	size_t n_failed = 0;

	join(0, 0, "a");
	for (size_t i = 1; i < N_FAKES; i++) {
		for (unsigned int n = 1;; n++) {
			int r;

			alloc_fail_at(n);
			r = try_join(i, 0, "a");
			if (!alloc_fail_none())
				break;
			n_failed += r == -ENOMEM;
			assert_int_equal(r, -ENOMEM);
			assert_null(fakes[i].places[0].room);
			assert_rooms(1, "a", (uint32_t)i);
		}
		assert_rooms(1, "a", (uint32_t)i + 1);
	}
	assert_true(n_failed >= 8);
	say(0, 0, "1");
	flush();
	for (size_t i = 1; i < N_FAKES; i++)
		assert_got(i, "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_REGISTRY(test_rooms_come_and_go),
	    WITH_REGISTRY(test_leaving_without_a_room),
	    WITH_REGISTRY(test_names_are_compared_whole),
	    WITH_REGISTRY(test_many_rooms),
	    WITH_REGISTRY(test_finding_members),
	    WITH_REGISTRY(test_member_already),
	    WITH_REGISTRY(test_several_rooms_each),
	    WITH_REGISTRY(test_no_memory_for_a_new_room),
	    WITH_REGISTRY(test_no_memory_for_a_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
