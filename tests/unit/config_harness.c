/* Loading configurations */
#include "tests/unit/config_harness.h"

#include <unistd.h>

char config_path[] = "/tmp/chatd-test.XXXXXX";
struct config config;
char config_error[CONFIG_ERROR_MAX];

int config_set_up(void **state)
{
	int fd;

	strcpy(config_path + sizeof(config_path) - 7, "XXXXXX");
	fd = mkstemp(config_path);
	return fd < 0 ? -1 : close(fd);
}

int config_tear_down(void **state)
{
	config_deinit(&config);
	return unlink(config_path);
}

void write_file(const char *bytes, size_t n)
{
	FILE *f = fopen(config_path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

int try_load(const char *const *environment, const char *const *sets)
{
	struct config_sources sources = {
	    .file = config_path, .environment = (char *const *)environment, .sets = sets};

	while (sets && sets[sources.n_sets])
		sources.n_sets++;
	config_deinit(&config);
	memset(&config, 0xff, sizeof(config)); /* nothing of it is to be relied upon */
	return config_load(&config, &sources, config_error);
}

void load(const char *const *environment, const char *const *sets)
{
	if (try_load(environment, sets))
		fail_msg("%s", config_error);
}

void load_file(const char *text)
{
	write_file(text, strlen(text));
	load(NULL, NULL);
}

void assert_refused(int r, const char *expected)
{
	assert_int_equal(r, -EINVAL);
	assert_null(config.origins); /* nothing to free */
	if (strncmp(config_error, expected, strlen(expected)) != 0)
		fail_msg("\"%s\" instead of \"%s\"", config_error, expected);
	assert_null(strchr(config_error, '\n'));
}

void assert_listens(const char *expected)
{
	char all[CONFIG_LISTEN_MAX * sizeof(config.listen[0].text)] = "";

	for (size_t i = 0; i < config.n_listen; i++)
		sprintf(all + strlen(all), "%s%s", i ? " " : "", config.listen[i].text);
	assert_string_equal(all, expected);
}
