/* A registry, and fake members */
#include "tests/unit/registry_harness.h"

static bool fake_write(struct member *m, const uint8_t *frames, size_t n, size_t *takenp)
{
	struct fake *f = container_of(m, struct fake, member);

	*takenp = f->is_stuck ? 0 : n;
	if (f->is_stuck)
		return false;
	assert_true(n <= sizeof(f->got) - f->n_got);
	memcpy(f->got + f->n_got, frames, n);
	f->n_got += n;
	return true;
}

static void fake_too_slow(struct member *m)
{
	fail_msg("member %d is too slow", (int)m->id);
}

static const struct member_ops fake_ops = {fake_write, fake_too_slow};

struct fanout fanout;
struct registry registry;
struct fake fakes[N_FAKES];
static size_t live_before;

int registry_set_up(void **state)
{
	live_before = alloc_live();
	if (fanout_init(&fanout, (struct fanout_limits){0}))
		return -1;
	registry_init(&registry, &fanout, (struct siphash_key){1, 2});
	for (size_t i = 0; i < N_FAKES; i++) {
		fakes[i] = (struct fake){0};
		member_init(&fakes[i].member, &fake_ops, &fanout, i + 1);
	}
	return 0;
}

int registry_tear_down(void **state)
{
	for (size_t i = 0; i < N_FAKES; i++) {
		for (size_t j = 0; j < N_ELEMENTS(fakes[i].places); j++)
			registry_leave(&fakes[i].places[j]);
		member_deinit(&fakes[i].member);
	}
	if (registry_count(&registry) || fanout.held_bytes) {
		print_error("%u rooms are left, and %llu bytes held\n", registry_count(&registry),
			    (unsigned long long)fanout.held_bytes);
		return -1;
	}
	registry_deinit(&registry);
	fanout_deinit(&fanout);
	return alloc_live() == live_before ? 0 : -1;
}

struct room_name named(const char *name)
{
	return (struct room_name){name, strlen(name)};
}

struct room *room(const char *name)
{
	return registry_find(&registry, named(name));
}

/* The name doesn't outlive the call. */
int try_join(size_t fake, size_t place, const char *name)
{
	char copy[ROOM_NAME_MAX];
	struct room_name n = {copy, strlen(name)};
	int r;

	memcpy(copy, name, n.len);
	r = registry_join(&registry, n, &fakes[fake].member, &fakes[fake].places[place]);
	memset(copy, 0, sizeof(copy));
	return r;
}

void join(size_t fake, size_t place, const char *name)
{
	assert_int_equal(try_join(fake, place, name), 0);
	assert_ptr_equal(fakes[fake].places[place].room, room(name));
}

void leave(size_t fake, size_t place)
{
	registry_leave(&fakes[fake].places[place]);
	assert_null(fakes[fake].places[place].room);
}

int try_say(size_t fake, size_t place, const char *content)
{
	const struct chat_v1_message message = {{content, strlen(content)}, {"0", 1}};

	return registry_publish(&fakes[fake].places[place], &message);
}

void say(size_t fake, size_t place, const char *content)
{
	assert_int_equal(try_say(fake, place, content), 0);
}

void flush(void)
{
	while (fanout_flush(&fanout))
		;
}

void assert_got(size_t fake, const char *contents)
{
	struct fake *f = &fakes[fake];
	char expected[sizeof(f->got)];
	size_t n = 0;

	for (const char *c = contents; *c; c++) {
		const struct chat_v1_message message = {{c, 1}, {"0", 1}};

		chat_v1_put_frame((uint8_t *)expected + n, &message);
		n += chat_v1_frame_size(&message);
	}
	assert_int_equal(f->n_got, n);
	assert_memory_equal(f->got, expected, n);
	f->n_got = 0;
}
