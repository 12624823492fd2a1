/* Configuration: environment and --set, how the layers add up, and printing what came of it */
#include <unistd.h>

#include "tests/unit/alloc.h"
#include "tests/unit/config_harness.h"

static void refuses_variable(const char *variable, const char *expected)
{
	assert_refused(try_load(LIST(variable), NULL), expected);
}

static void refuses_set(const char *set, const char *expected)
{
	assert_refused(try_load(NULL, LIST(set)), expected);
}

/* ---- single layers ---- */

static void test_environment(void **state)
{
	load(LIST("HOME=/root", "CHATD_LIMITS_CONNECTIONS=5", "CHATD_LIMITS_MESSAGE_BYTES=2K",
		  "CHATD_KEEPALIVE_INTERVAL=30s", "CHATD_LOG_LEVEL=error",
		  "CHATD_SERVER_LISTEN=unix:/run/a=b.sock"),
	     NULL);
	assert_int_equal(config.connections, 5);
	assert_int_equal(config.message_bytes, 2048);
	assert_int_equal(config.keepalive_interval_ms, 30000);
	assert_int_equal(config.log_level, LOG_LEVEL_ERROR);
	assert_listens("unix:/run/a=b.sock");
}

static void test_foreign_environment(void **state)
{
	load(LIST("CHATD", "CHATD=1", "CHAT_X=1", "XCHATD_LIMITS_CONNECTIONS=5", "chatd_x=1", "=",
		  "", "CHATD_NOTHING_ASSIGNED"),
	     NULL);
	assert_int_equal(config.connections, 10000);
}

static void test_mistakes_in_the_environment(void **state)
{
	char variable[400] = "CHATD_LIMITS_";

	refuses_variable("CHATD_LIMITS_CONECTIONS=5",
			 "environment CHATD_LIMITS_CONECTIONS: limits.conections: there is no such "
			 "key in section \"limits\"");
	refuses_variable("CHATD_DEBUG_X=1",
			 "environment CHATD_DEBUG_X: debug.x: there is no section \"debug\"");
	refuses_variable("CHATD_DEBUG=1",
			 "environment CHATD_DEBUG: is not of the form CHATD_SECTION_KEY");
	refuses_variable("CHATD_=1", "environment CHATD_: is not of the form");
	refuses_variable("CHATD_limits_connections=5",
			 "environment CHATD_limits_connections: such names are all capitals");
	refuses_variable("CHATD_LIMITS_CONNECTIONS=x", "environment CHATD_LIMITS_CONNECTIONS: "
						       "limits.connections: \"x\" is not a whole");
	refuses_variable("CHATD_LIMITS_CONNECTIONS=",
			 "environment CHATD_LIMITS_CONNECTIONS: limits.connections: \"\" is not");
	memset(variable + 13, 'X', 300);
	strcpy(variable + 313, "=1");
	refuses_variable(variable, "environment CHATD_LIMITS_XXX");
}

static void test_sets(void **state)
{
	load(NULL, LIST("limits.connections=5", "log.level=debug", "limits.connections=6",
			"server.listen=unix:/run/a.b=c.sock"));
	assert_int_equal(config.connections, 6); /* the last counts */
	assert_int_equal(config.log_level, LOG_LEVEL_DEBUG);
	assert_listens("unix:/run/a.b=c.sock");
}

static void test_mistakes_in_sets(void **state)
{
	char set[400];

	refuses_set("limits.conections=5", "--set limits.conections: limits.conections: there is "
					   "no such key in section \"limits\"");
	refuses_set("limit.connections=5",
		    "--set limit.connections: limit.connections: there is no section \"limit\"");
	refuses_set("limits.connections=x",
		    "--set limits.connections: limits.connections: \"x\" is not a whole number");
	refuses_set("limits.connections",
		    "--set limits.connections: is not of the form section.key=value");
	refuses_set("connections=5", "--set connections=5: is not of the form");
	refuses_set("connections=5.5", "--set connections=5.5: is not of the form");
	refuses_set("", "--set : is not of the form");
	refuses_set("LIMITS.CONNECTIONS=5", "--set LIMITS.CONNECTIONS: LIMITS.CONNECTIONS: there");
	memset(set, 'x', sizeof(set));
	memcpy(set, "limits.connections", 18);
	strcpy(set + 397, "=1");
	refuses_set(set, "--set limits.connectionsxxx");
}

/* What is quoted may be anything, but the mistake is told in one line. */
static void test_mistakes_are_one_line(void **state)
{
	refuses_set("log.level=de\nbug", "--set log.level: log.level: \"de");
	refuses_set("log.le\nvel=debug", "--set log.le");
	refuses_variable("CHATD_LOG_LEVEL=de\nbug", "environment CHATD_LOG_LEVEL: log.level: \"de");
}

/* ---- layers ---- */

static void test_precedence(void **state)
{
	static const char file[] = "[limits]\nconnections = 1\nmessage_bytes = 1\nlag_bytes = 5K\n";

	write_file(file, sizeof(file) - 1);
	load(LIST("CHATD_LIMITS_CONNECTIONS=2", "CHATD_LIMITS_MESSAGE_BYTES=2"),
	     LIST("limits.connections=3"));
	assert_int_equal(config.connections, 3);
	assert_int_equal(config.message_bytes, 2);
	assert_int_equal(config.lag_bytes, 5 << 10);
	assert_int_equal(config.buffered_bytes, 256 << 20);
}

/* A value that a higher layer overrides must be right all the same. */
static void test_overridden_mistakes_are_mistakes(void **state)
{
	static const char file[] = "[limits]\nconnections = x\n";

	write_file(file, sizeof(file) - 1);
	assert_int_equal(try_load(NULL, LIST("limits.connections=3")), -EINVAL);
}

static void test_listen_adds_up_within_a_layer(void **state)
{
	static const char file[] = "[server]\nlisten = a:1\nlisten = b:2, unix:/c\t,[::]:4,\n"
				   "[log]\nlevel = info\n[server]\nlisten = d:5 e:6\n";

	load_file(file);
	assert_listens("a:1 b:2 unix:/c [::]:4 d:5 e:6");
	assert_int_equal(config.listen[2].address.kind, ADDRESS_UNIX);
	assert_string_equal(config.listen[2].address.path, "/c");
	load(LIST("CHATD_SERVER_LISTEN=f:7,g:8"), NULL);
	assert_listens("f:7 g:8");
	load(LIST("CHATD_SERVER_LISTEN=f:7"), LIST("server.listen=h:9", "server.listen=i:10"));
	assert_listens("h:9 i:10");
	load(NULL, LIST("log.level=debug"));
	assert_listens("a:1 b:2 unix:/c [::]:4 d:5 e:6");
}

static void test_listen_has_a_limit(void **state)
{
	char set[1000] = "server.listen=";

	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++)
		sprintf(set + strlen(set), "%sa:%zu", i ? "," : "", i);
	load(NULL, LIST(set));
	assert_int_equal(config.n_listen, CONFIG_LISTEN_MAX);
	assert_string_equal(config.listen[CONFIG_LISTEN_MAX - 1].address.port, "31");
	assert_refused(try_load(NULL, LIST(set, "server.listen=b:1")),
		       "--set server.listen: server.listen: more than 32 addresses");
	strcat(set, ",b:1");
	refuses_set(set, "--set server.listen: server.listen: more than 32 addresses");
}

/* ---- printing ---- */

/* What config_print() writes; valid until the next call. */
static const char *printed(void)
{
	static char text[16384];
	FILE *f = tmpfile();
	size_t n;

	assert_non_null(f);
	assert_int_equal(config_print(&config, fileno(f)), 0);
	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void assert_prints(const char *line)
{
	const char *text = printed(), *at = strstr(text, line);

	if (!at || (at != text && at[-1] != '\n') || at[strlen(line)] != '\n')
		fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void test_origins(void **state)
{
	static const char file[] = "[server]\nlisten = a:1\n[limits]\nmessage_bytes = 2048\n"
				   "connections = 7\n";
	char line[200];

	write_file(file, sizeof(file) - 1);
	load(LIST("CHATD_LIMITS_LAG_BYTES=1M"),
	     LIST("keepalive.timeout=90", "limits.connections=8"));
	sprintf(line, "listen = a:1 ; %s:2", config_path);
	assert_prints(line);
	sprintf(line, "message_bytes = 2K ; %s:4", config_path);
	assert_prints(line);
	assert_prints("connections = 8 ; --set limits.connections");
	assert_prints("lag_bytes = 1M ; environment CHATD_LIMITS_LAG_BYTES");
	assert_prints("timeout = 90s ; --set keepalive.timeout");
	assert_prints("interval = 20s ; default");
	assert_prints("level = info ; default");
	assert_prints("[keepalive]");
}

static void assert_prints_to_the_same(void)
{
	struct config before = config;
	char *text = strdup(printed());

	assert_non_null(text);
	config.origins = NULL; /* belongs to before */
	load_file(text);
	free(text);
	assert_int_equal(config.n_listen, before.n_listen);
	for (size_t i = 0; i < before.n_listen; i++) {
		assert_string_equal(config.listen[i].text, before.listen[i].text);
		assert_memory_equal(&config.listen[i].address, &before.listen[i].address,
				    sizeof(struct address));
	}
	assert_int_equal(config.connections, before.connections);
	assert_int_equal(config.message_bytes, before.message_bytes);
	assert_int_equal(config.lag_bytes, before.lag_bytes);
	assert_int_equal(config.buffered_bytes, before.buffered_bytes);
	assert_int_equal(config.handshake_ms, before.handshake_ms);
	assert_int_equal(config.keepalive_interval_ms, before.keepalive_interval_ms);
	assert_int_equal(config.keepalive_timeout_ms, before.keepalive_timeout_ms);
	assert_int_equal(config.log_level, before.log_level);
	assert_int_equal(config.log_target, before.log_target);
	config_deinit(&before);
}

static void test_what_is_printed_loads_again(void **state)
{
	load(NULL, NULL);
	assert_prints_to_the_same();
	load(NULL, LIST("server.listen=[::]:1,unix:/run/chatd;1.sock", "server.listen=localhost:0",
			"limits.connections=0", "limits.message_bytes=1000001",
			"limits.lag_bytes=3G", "limits.buffered_bytes=0",
			"limits.handshake_seconds=1500ms", "keepalive.interval=1d",
			"keepalive.timeout=100ms", "log.level=warning", "log.target=journal"));
	assert_prints_to_the_same();
}

static void test_printing_fails(void **state)
{
	FILE *full = fopen("/dev/full", "w");

	load(NULL, NULL);
	assert_int_equal(config_print(&config, -1), -EBADF);
	assert_int_equal(config_print_keys(-1), -EBADF);
	assert_non_null(full);
	assert_true(config_print(&config, fileno(full)) < 0);
	assert_true(config_print_keys(fileno(full)) < 0);
	fclose(full);
}

/* ---- no memory ---- */

static void test_no_memory(void **state)
{
	static const char file[] = "[server]\nlisten = a:1\nlisten = b:2\n";
	size_t live = alloc_live();

	write_file(file, sizeof(file) - 1);
	assert_enomem_changes_nothing(
	    try_load(LIST("CHATD_SERVER_LISTEN=c:3"), LIST("server.listen=d:4")), {
		    assert_null(config.origins);
		    assert_int_equal(alloc_live(), live);
	    });
	assert_listens("d:4");
	config_deinit(&config);
	assert_int_equal(alloc_live(), live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CONFIG(test_environment),
	    WITH_CONFIG(test_foreign_environment),
	    WITH_CONFIG(test_mistakes_in_the_environment),
	    WITH_CONFIG(test_sets),
	    WITH_CONFIG(test_mistakes_in_sets),
	    WITH_CONFIG(test_mistakes_are_one_line),
	    WITH_CONFIG(test_precedence),
	    WITH_CONFIG(test_overridden_mistakes_are_mistakes),
	    WITH_CONFIG(test_listen_adds_up_within_a_layer),
	    WITH_CONFIG(test_listen_has_a_limit),
	    WITH_CONFIG(test_origins),
	    WITH_CONFIG(test_what_is_printed_loads_again),
	    WITH_CONFIG(test_printing_fails),
	    WITH_CONFIG(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
