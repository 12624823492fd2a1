#pragma once
/* Room names, and the one in a request's path (docs/protocol.md). */
#include "proto/defs.h"

#define ROOM_NAME_MAX	  128u /* bytes of UTF-8; there is no NUL behind them */
#define ROOM_NAME_DEFAULT "general"

struct room_name {
	const char *at; /* not NUL-terminated */
	size_t len;
};

/**
 * room_name_from_path() - the room that a path names
 * @path:  percent escapes already decoded, without the query, @len bytes
 * @namep: into @path, or the static default name
 *
 * Return: NULL, or why that can't be a room's name: a sentence for people (static).
 */
const char *room_name_from_path(const char *path, size_t len, struct room_name *namep) _must_check_;
