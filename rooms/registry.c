/* Rooms and memberships */
#include "rooms/registry.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- what stands in the tables ---- */

static uint64_t room_hash(const void *element)
{
	return ((const struct room *)element)->hash;
}

static bool room_matches(const void *element, const void *key)
{
	const struct room *room = element;
	const struct room_name *name = key;

	return room->name.len == name->len && !memcmp(room->name.at, name->at, name->len);
}

static const struct table_type room_table = {room_hash, room_matches};

/* Ids are given out in sequence by the server: mixing their bits is enough (the
 * finaliser of splitmix64, Steele et al. 2014). */
static uint64_t id_hash(uint64_t id)
{
	id = (id ^ id >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	id = (id ^ id >> 27) * UINT64_C(0x94d049bb133111eb);
	return id ^ id >> 31;
}

static uint64_t membership_hash(const void *element)
{
	return id_hash(((const struct membership *)element)->reader.member->id);
}

static bool membership_matches(const void *element, const void *key)
{
	return ((const struct membership *)element)->reader.member->id == *(const uint64_t *)key;
}

static const struct table_type member_table = {membership_hash, membership_matches};

/* ---- rooms ---- */

static struct room *room_new(struct registry *reg, struct room_name name, uint64_t hash)
{
	struct room *room = malloc(sizeof(*room) + name.len);

	if (!room)
		return NULL;
	*room = (struct room){.registry = reg, .hash = hash};
	memcpy(room->name_bytes, name.at, name.len);
	room->name = (struct room_name){room->name_bytes, name.len};
	table_init(&room->members, &member_table);
	lane_init(&room->lane, reg->fanout);
	if (table_add(&reg->rooms, room)) {
		free(room);
		return NULL;
	}
	return room;
}

static void room_free_if_empty(struct room *room)
{
	if (room->members.n)
		return;
	table_remove(&room->registry->rooms, room);
	table_deinit(&room->members);
	lane_deinit(&room->lane);
	free(room);
}

struct membership *room_find_member(const struct room *room, uint64_t id)
{
	return table_find(&room->members, id_hash(id), &id);
}

/* ---- registry ---- */

void registry_init(struct registry *reg, struct fanout *fanout, struct siphash_key key)
{
	*reg = (struct registry){.fanout = fanout, .key = key};
	table_init(&reg->rooms, &room_table);
}

void registry_deinit(struct registry *reg)
{
	table_deinit(&reg->rooms);
}

struct room *registry_find(const struct registry *reg, struct room_name name)
{
	return table_find(&reg->rooms, siphash(reg->key, name.at, name.len), &name);
}

int registry_join(struct registry *reg, struct room_name name, struct member *m,
		  struct membership *ms)
{
	uint64_t hash = siphash(reg->key, name.at, name.len);
	struct room *room = table_find(&reg->rooms, hash, &name);
	int r;

	if (room && room_find_member(room, m->id))
		return REGISTRY_E_MEMBER;
	if (!room) {
		room = room_new(reg, name, hash);
		if (!room)
			return -ENOMEM;
	}

	r = lane_join(&room->lane, &ms->reader, m);
	if (!r) {
		r = table_add(&room->members, ms);
		if (r)
			lane_leave(&ms->reader);
	}
	if (r) {
		room_free_if_empty(room);
		return r;
	}
	ms->room = room;
	return 0;
}

void registry_leave(struct membership *ms)
{
	struct room *room = ms->room;

	if (!room)
		return;
	table_remove(&room->members, ms);
	lane_leave(&ms->reader);
	ms->room = NULL;
	room_free_if_empty(room);
}

int registry_publish(struct membership *from, const struct chat_v1_message *message)
{
	struct room *room = from->room;
	uint8_t *frame;

	assert(room);
	if (room->members.n == 1)
		return 0; /* nobody else is here */
	frame = lane_append(&room->lane, &from->reader, chat_v1_frame_size(message));
	if (!frame)
		return -ENOMEM;
	chat_v1_put_frame(frame, message);
	return 0;
}
