#pragma once
/* Loading configurations, for the tests of them: one file at a time, and what came of it. */
#include "src/config.h"
#include "tests/unit/test.h"

/* Of the test that runs: the file, what was read from it, or why it couldn't be. */
extern char config_path[];
extern struct config config;
extern char config_error[CONFIG_ERROR_MAX];

/* Before and after each test; the file is empty at first. */
int config_set_up(void **state);
int config_tear_down(void **state);

#define WITH_CONFIG(test) cmocka_unit_test_setup_teardown(test, config_set_up, config_tear_down)

/* A list of strings as config_sources has them. */
#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

void write_file(const char *bytes, size_t n);

/* From the file as it is and the lists, which may be NULL; what config_load() returns. */
int try_load(const char *const *environment, const char *const *sets);

/* The same, which must succeed; load_file() with this text as the file. */
void load(const char *const *environment, const char *const *sets);
void load_file(const char *text);

/* That try_load() has returned @r, for a mistake that begins with @expected. */
void assert_refused(int r, const char *expected);

/* The addresses' texts, with a space in between. */
void assert_listens(const char *expected);
