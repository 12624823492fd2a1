/* Addresses to listen on */
#include "src/address.h"

#include <stdlib.h>
#include <string.h>

static bool is_port(const char *text)
{
	size_t n = strlen(text);

	return n && n <= 5 && strspn(text, "0123456789") == n && atoi(text) <= 65535;
}

const char *address_parse(const char *text, struct address *a)
{
	const char *host = text, *host_end, *port;

	*a = (struct address){0};
	if (!strncmp(text, "unix:", 5)) {
		const char *path = text + 5;

		if (path[0] != '/')
			return "the path of a Unix socket must begin with /";
		if (strlen(path) >= sizeof(a->path))
			return "the path of a Unix socket can have 107 bytes at the most";
		a->kind = ADDRESS_UNIX;
		strcpy(a->path, path);
		return NULL;
	}

	if (text[0] == '[') {
		host = text + 1;
		host_end = strchr(host, ']');
		if (!host_end || host_end[1] != ':')
			return "an IPv6 address is written [address]:port";
		port = host_end + 2;
	} else {
		host_end = strrchr(text, ':');
		if (!host_end)
			return "a port is missing (host:port, [v6]:port or unix:/path)";
		if (memchr(text, ':', (size_t)(host_end - text)))
			return "an IPv6 address is written [address]:port";
		port = host_end + 1;
	}
	for (const char *p = host; p < host_end; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%",
			    *p))
			return "no host or address has such characters in it";
	if (host == host_end)
		return "a host is missing (0.0.0.0 for all of IPv4, [::] for all of IPv6)";
	if ((size_t)(host_end - host) >= sizeof(a->host))
		return "the host is too long";
	if (!is_port(port))
		return "a port is a number from 0 to 65535";
	memcpy(a->host, host, (size_t)(host_end - host));
	strcpy(a->port, port);
	return NULL;
}
