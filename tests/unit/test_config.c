/* Configuration: the keys, and the file with its mistakes */
#include <unistd.h>

#include "tests/unit/config_harness.h"

/* The mistake is told with the file's name and @expected, which begins with the line. */
static void refuses_file(const char *text, const char *expected)
{
	char full[CONFIG_ERROR_MAX];

	write_file(text, strlen(text));
	snprintf(full, sizeof(full), "%s:%s", config_path, expected);
	assert_refused(try_load(NULL, NULL), full);
}

/* ---- values ---- */

static void test_defaults(void **state)
{
	load_file("");
	assert_listens("localhost:8765");
	assert_int_equal(config.listen[0].address.kind, ADDRESS_TCP);
	assert_string_equal(config.listen[0].address.host, "localhost");
	assert_string_equal(config.listen[0].address.port, "8765");
	assert_string_equal(config.listen[0].origin, "default");
	assert_int_equal(config.connections, 10000);
	assert_int_equal(config.message_bytes, 1 << 20);
	assert_int_equal(config.lag_bytes, 4 << 20);
	assert_int_equal(config.buffered_bytes, 256 << 20);
	assert_int_equal(config.handshake_ms, 10000);
	assert_int_equal(config.keepalive_interval_ms, 20000);
	assert_int_equal(config.keepalive_timeout_ms, 20000);
	assert_int_equal(config.log_level, LOG_LEVEL_INFO);
	assert_int_equal(config.log_target, LOG_TARGET_AUTO);
}

static void test_every_key(void **state)
{
	load_file("[server]\nlisten = [::1]:9000\n"
		  "[limits]\nconnections = 5\nmessage_bytes = 2K\nlag_bytes = 8K\n"
		  "buffered_bytes = 128K\nhandshake_seconds = 3\n"
		  "[keepalive]\ninterval = 1500ms\ntimeout = 1m\n"
		  "[log]\nlevel = debug\ntarget = stderr\n");
	assert_listens("[::1]:9000");
	assert_int_equal(config.connections, 5);
	assert_int_equal(config.message_bytes, 2048);
	assert_int_equal(config.lag_bytes, 8192);
	assert_int_equal(config.buffered_bytes, 131072);
	assert_int_equal(config.handshake_ms, 3000);
	assert_int_equal(config.keepalive_interval_ms, 1500);
	assert_int_equal(config.keepalive_timeout_ms, 60000);
	assert_int_equal(config.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(config.log_target, LOG_TARGET_STDERR);
}

static void test_zero_is_off(void **state)
{
	load_file("[limits]\nconnections=0\nmessage_bytes=0\nlag_bytes=0\nbuffered_bytes=0\n"
		  "handshake_seconds=0\n[keepalive]\ninterval=0\ntimeout=0s\n");
	assert_int_equal(config.connections + config.message_bytes + config.lag_bytes, 0);
	assert_int_equal(config.buffered_bytes + config.handshake_ms, 0);
	assert_int_equal(config.keepalive_interval_ms + config.keepalive_timeout_ms, 0);
}

static void test_choices(void **state)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};
	static const char *const targets[] = {"auto", "journal", "stderr"};
	char set[64];

	for (unsigned int i = 0; i < N_ELEMENTS(levels); i++) {
		sprintf(set, "log.level=%s", levels[i]);
		load(NULL, LIST(set));
		assert_int_equal(config.log_level, i);
	}
	for (unsigned int i = 0; i < N_ELEMENTS(targets); i++) {
		sprintf(set, "log.target=%s", targets[i]);
		load(NULL, LIST(set));
		assert_int_equal(config.log_target, i);
	}
}

/* ---- the file ---- */

static void test_file_syntax(void **state)
{
	load_file("\xef\xbb\xbf# a comment\n; another\n\n   \n[limits] ; a third\r\n"
		  "  connections =   7   ; a fourth\r\n\tmessage_bytes=1G\nconnections = 8");
	assert_int_equal(config.connections, 8);
	assert_int_equal(config.message_bytes, 1 << 30);
}

static void test_file_may_be_long(void **state)
{
	char *text = malloc(200000);
	size_t n;

	assert_non_null(text);
	n = (size_t)sprintf(text, "[limits]\n");
	for (int i = 1; i <= 5000; i++)
		n += (size_t)sprintf(text + n, "connections = %d\n", i);
	load_file(text);
	assert_int_equal(config.connections, 5000);
	sprintf(text + n, "x = 1\n");
	refuses_file(text, "5002: limits.x: there is no such key");
	free(text);
}

static void test_mistakes_in_the_file(void **state)
{
	refuses_file("\n[limits]\nconections = 5\n",
		     "3: limits.conections: there is no such key in section \"limits\"");
	refuses_file("[limit]\nconnections = 5\n",
		     "2: limit.connections: there is no section \"limit\"");
	refuses_file("# x\nconnections = 5\n[limits]\n",
		     "2: connections: there is no [section] above it");
	refuses_file("[limits]\nconnections = many\n",
		     "2: limits.connections: \"many\" is not a whole number");
	refuses_file("[limits]\nconnections =\n",
		     "2: limits.connections: \"\" is not a whole number");
	refuses_file("[limits]\nmessage_bytes = 2G\n",
		     "2: limits.message_bytes: \"2G\" is out of range: from 1 to 1G");
	refuses_file("[keepalive]\ntimeout = 50ms\n",
		     "2: keepalive.timeout: \"50ms\" is out of range: from 100ms to 1d");
	refuses_file("[log]\n\nlevel = loud\n",
		     "3: log.level: \"loud\" is none of: error, warning, info or debug");
	refuses_file("[log]\nlevel = Info\n", "2: log.level: \"Info\" is none of");
	refuses_file("[server]\nlisten = 8765\n", "2: server.listen: \"8765\": a port is missing");
	refuses_file("[server]\nlisten = a:1, b:x\n",
		     "2: server.listen: \"b:x\": a port is a number");
	refuses_file("[server]\nlisten = \n", "2: server.listen: an address is missing");
	refuses_file("[limits]\nconnections\n", "2: is neither \"[section]\" nor");
	refuses_file("[limits]\nconnections = 5\n[log\nlevel = info", "3: is neither");
	refuses_file("[limits]\n\nwhat is this\nconnections = x\n", "3: is neither");
	/* The first mistake is the one that is told, whatever follows. */
	refuses_file("[limits]\nconnections = x\nmessage_bytes = y\nz\n", "2: limits.connections");
}

static void test_length_of_lines(void **state)
{
	char text[5000];
	size_t head = (size_t)sprintf(text, "[limits]\nconnections = 5 ;");

	/* A line of @n bytes, its newline not counted, and one more line. */
	for (size_t n = 100; n <= 4100; n++) {
		memset(text + head, 'x', sizeof(text) - head);
		strcpy(text + 9 + n, "\nmessage_bytes = 7\n");
		if (n <= 4096) {
			load_file(text);
			assert_int_equal(config.connections, 5);
			assert_int_equal(config.message_bytes, 7);
		} else {
			refuses_file(text, "2: the line is longer than 4096 bytes");
		}
		text[9 + n] = '\0'; /* the last line, without a newline */
		if (n <= 4096)
			load_file(text);
		else
			refuses_file(text, "2: the line is longer than 4096 bytes");
	}
}

/* Whatever stands behind a NUL in its line must not be passed over in silence. */
static void test_nul_in_the_file(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} texts[] = {
#define TEXT(literal) {literal, sizeof(literal) - 1}
	    TEXT("[limits]\nconnections = 5\0\nmessage_bytes = 7\n"),
	    TEXT("[limits]\nconnections = 5\0 x"),
	    TEXT("[limits]\n\0connections = 5\n"),
	    TEXT("[limits]\n\0"),
#undef TEXT
	};
	char expected[CONFIG_ERROR_MAX];

	snprintf(expected, sizeof(expected), "%s:2: ", config_path);
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		write_file(texts[i].bytes, texts[i].n);
		assert_refused(try_load(NULL, NULL), expected);
		assert_non_null(strstr(config_error, "NUL"));
	}
}

static void test_file_that_cannot_be_read(void **state)
{
	struct config_sources sources = {.file = "/nowhere/chatd.conf"};

	assert_refused(config_load(&config, &sources, config_error),
		       "/nowhere/chatd.conf: can't be read: No such file");
	sources.file = "/tmp";
	assert_refused(config_load(&config, &sources, config_error),
		       "/tmp: can't be read: Is a directory");
}

static void test_default_file_may_be_missing(void **state)
{
	struct config_sources sources = {0};

	if (!access(CONFIG_DEFAULT_FILE, F_OK))
		skip();
	assert_int_equal(config_load(&config, &sources, config_error), 0);
	assert_listens("localhost:8765");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CONFIG(test_defaults),
	    WITH_CONFIG(test_every_key),
	    WITH_CONFIG(test_zero_is_off),
	    WITH_CONFIG(test_choices),
	    WITH_CONFIG(test_file_syntax),
	    WITH_CONFIG(test_file_may_be_long),
	    WITH_CONFIG(test_mistakes_in_the_file),
	    WITH_CONFIG(test_length_of_lines),
	    WITH_CONFIG(test_nul_in_the_file),
	    WITH_CONFIG(test_file_that_cannot_be_read),
	    WITH_CONFIG(test_default_file_may_be_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
