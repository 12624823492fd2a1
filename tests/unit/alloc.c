/* Allocations that fail on demand */
#include "tests/unit/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static unsigned int fail_in; /* 0: never */
static bool has_failed;
static size_t n_live, n_made;

/* What the linker makes of the names: the wrapped calls and the true functions. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *p);
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *p);

void alloc_fail_at(unsigned int n)
{
	fail_in = n;
	has_failed = false;
}

bool alloc_fail_none(void)
{
	fail_in = 0;
	return has_failed;
}

size_t alloc_live(void)
{
	return n_live;
}

size_t alloc_count(void)
{
	return n_made;
}

static bool is_to_fail(void)
{
	if (!fail_in || --fail_in)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

static void *made(void *p)
{
	n_made += p != NULL;
	n_live += p != NULL;
	return p;
}

void *__wrap_malloc(size_t size)
{
	return is_to_fail() ? NULL : made(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_to_fail() ? NULL : made(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	void *p = is_to_fail() ? NULL : made(__real_realloc(old, size));

	n_live -= p && old;
	return p;
}

char *__wrap_strdup(const char *text)
{
	return is_to_fail() ? NULL : made(__real_strdup(text));
}

void __wrap_free(void *p)
{
	n_live -= p != NULL;
	__real_free(p);
}
