#pragma once
/* A registry, and fake members who keep what they are written. */
#include "rooms/fanout.h"
#include "rooms/registry.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

struct fake {
	struct member member;
	struct membership places[3];
	char got[65536];
	size_t n_got;
	bool is_stuck; /* takes nothing */
};

#define N_FAKES 40u

/* What each test has: a registry without rooms, and members who are in none. */
extern struct fanout fanout;
extern struct registry registry;
extern struct fake fakes[N_FAKES];

/* Before and after each test. When everybody has left nothing may be held, no room be
 * there and no memory in use. */
int registry_set_up(void **state);
int registry_tear_down(void **state);

#define WITH_REGISTRY(test)                                                                        \
	cmocka_unit_test_setup_teardown(test, registry_set_up, registry_tear_down)

struct room_name named(const char *name);
struct room *room(const char *name);

/* To or from the fake's @place-th place. The try_ ones return what the registry does. */
int try_join(size_t fake, size_t place, const char *name);
void join(size_t fake, size_t place, const char *name);
void leave(size_t fake, size_t place);

/* @content: the JSON text of a value */
int try_say(size_t fake, size_t place, const char *content);
void say(size_t fake, size_t place, const char *content);

/* As many turns' ends as it takes. */
void flush(void);

/* That the member has got these contents, a byte each, and nothing else since the last time. */
void assert_got(size_t fake, const char *contents);
