#pragma once
/* Addresses to listen on: "host:port", "[v6]:port", "unix:/path". */
#include <sys/un.h>

#include "proto/defs.h"

enum address_kind {
	ADDRESS_TCP,
	ADDRESS_UNIX,
};

struct address {
	enum address_kind kind;
	char host[256]; /* name or number, without brackets; at most 253 bytes are a name (RFC 1035)
			 */
	char port[6];
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* Return: NULL, or what is wrong with @text: half a sentence for people (static). */
const char *address_parse(const char *text, struct address *a) _must_check_;
