#pragma once
/*
 * Registry: the rooms by name, and who is in them.
 *
 * A room comes with its first member and goes with its last. Being in a room
 * is an object of its own, the membership, since a member can be in several.
 */
#include "proto/chat_v1.h"
#include "proto/room_name.h"
#include "rooms/lane.h"
#include "rooms/siphash.h"
#include "rooms/table.h"

struct registry {
	struct table rooms;
	struct siphash_key key; /* secret: clients choose the names */
	struct fanout *fanout;
};

struct room {
	struct registry *registry;
	uint64_t hash;	      /* of the name */
	struct table members; /* struct membership, by the member's id */
	struct lane lane;     /* for those who speak chat.v1 */
	struct room_name name;
	char name_bytes[]; /* what the name points to */
};

struct membership {
	struct room *room; /* NULL: in no room */
	struct reader reader;
};

enum {
	_REGISTRY_E_SUCCESS,
	REGISTRY_E_MEMBER, /* is in that room already */
};

/* @key: random bytes that no client knows. */
void registry_init(struct registry *reg, struct fanout *fanout, struct siphash_key key);
void registry_deinit(struct registry *reg); /* all members have left */

/* The room of that name, or NULL if nobody is in it. */
struct room *registry_find(const struct registry *reg, struct room_name name);

static inline uint32_t registry_count(const struct registry *reg)
{
	return reg->rooms.n;
}

/**
 * registry_join() - make @m a member of the room @name, which comes to be if need be
 * @ms: caller's memory; its place in the room until registry_leave()
 *
 * Return: 0; REGISTRY_E_MEMBER; -ENOMEM. Unless 0, nothing has changed.
 */
int registry_join(struct registry *reg, struct room_name name, struct member *m,
		  struct membership *ms) _must_check_;

/* Leaves the room, which goes if it was the last one. Nothing happens if it's in none. */
void registry_leave(struct membership *ms);

/**
 * registry_publish() - tell the others in the room
 * @from: who says it, and isn't told
 *
 * Return: 0 or -ENOMEM: then nobody is told.
 */
int registry_publish(struct membership *from, const struct chat_v1_message *message) _must_check_;

/* The membership of the member with @id in @room, or NULL. */
struct membership *room_find_member(const struct room *room, uint64_t id);

static inline uint32_t room_count(const struct room *room)
{
	return room->members.n;
}
