/* Addresses to listen on */
#include "src/address.h"

#include "tests/unit/test.h"

static void is_tcp(const char *text, const char *host, const char *port)
{
	struct address a;

	memset(&a, 0xff, sizeof(a));
	assert_null(address_parse(text, &a));
	assert_int_equal(a.kind, ADDRESS_TCP);
	assert_string_equal(a.host, host);
	assert_string_equal(a.port, port);
}

static void is_unix(const char *text, const char *path)
{
	struct address a;

	memset(&a, 0xff, sizeof(a));
	assert_null(address_parse(text, &a));
	assert_int_equal(a.kind, ADDRESS_UNIX);
	assert_string_equal(a.path, path);
}

static void is_refused(const char *text, const char *reason)
{
	struct address a;
	const char *why = address_parse(text, &a);

	if (!why || !strstr(why, reason))
		fail_msg("%s: %s", text, why ? why : "accepted");
}

static void test_host_and_port(void **state)
{
	is_tcp("localhost:8765", "localhost", "8765");
	is_tcp("0.0.0.0:80", "0.0.0.0", "80");
	is_tcp("chat.example.org:0", "chat.example.org", "0");
	is_tcp("a:65535", "a", "65535");
	is_tcp("a:00080", "a", "00080");
}

static void test_ipv6(void **state)
{
	is_tcp("[::]:8765", "::", "8765");
	is_tcp("[::1]:0", "::1", "0");
	is_tcp("[fe80::1%eth0]:443", "fe80::1%eth0", "443");
	is_tcp("[localhost]:1", "localhost", "1");
}

static void test_unix(void **state)
{
	char text[5 + 109] = "unix:/";

	is_unix("unix:/run/chatd.sock", "/run/chatd.sock");
	is_unix("unix:/a:1", "/a:1");
	memset(text + 6, 'x', 106);
	is_unix(text, text + 5); /* 107 bytes */
	text[5 + 107] = 'x';
	is_refused(text, "107 bytes");
	is_refused("unix:", "must begin with /");
	is_refused("unix:chatd.sock", "must begin with /");
	is_refused("unix:@abstract", "must begin with /");
}

static void test_no_port(void **state)
{
	is_refused("", "a port is missing");
	is_refused("localhost", "a port is missing");
	is_refused("8765", "a port is missing");
	is_refused("/run/chatd.sock", "a port is missing");
}

static void test_bad_port(void **state)
{
	static const char *const texts[] = {"a:",      "a:x",	   "a:-1", "a:+1",
					    "a: 80",   "a:80 ",	   "a:8x", "a:65536",
					    "a:99999", "a:000080", "[::]:"};

	for (size_t i = 0; i < N_ELEMENTS(texts); i++)
		is_refused(texts[i], "a port is a number from 0 to 65535");
}

static void test_bad_host(void **state)
{
	char text[300];

	is_refused(":8765", "a host is missing");
	is_refused("[]:8765", "a host is missing");
	is_refused("::1:8765", "[address]:port");
	is_refused("::1", "[address]:port");
	is_refused("[::1]", "[address]:port");
	is_refused("[::1]8765", "[address]:port");
	is_refused("[::1", "[address]:port");
	memset(text, 'h', sizeof(text));
	memcpy(text + 255, ":80", 4);
	assert_null(address_parse(text, &(struct address){0}));
	memcpy(text + 255, "h:80", 5);
	is_refused(text, "too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_host_and_port), cmocka_unit_test(test_ipv6),
	    cmocka_unit_test(test_unix),	  cmocka_unit_test(test_no_port),
	    cmocka_unit_test(test_bad_port),	  cmocka_unit_test(test_bad_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
