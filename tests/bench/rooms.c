/*
 * Who sends when: the windows of the rooms, the timetable of rates, pairs and churn.
 *
 * A window of W means W times the room's other members deliveries under way: whenever a
 * message's worth of deliveries has come in, the next message goes out. Waiting instead for the
 * very last member would make server and generator take turns, and measure the pauses.
 */
#include "rooms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHURN_LIFE_NS 1000000000ull
#define CATCH_UP_MAX  1000u /* messages or joins that one tick may make up for */

static int room_init(Room *room, Client *first, uint32_t n_members, uint32_t n_frozen,
		     uint32_t n_senders)
{
	*room = (Room){.n_members = n_members,
		       .n_alive = n_members,
		       .n_frozen = n_frozen,
		       .n_senders = n_senders};
	room->members = calloc(n_members + n_frozen, sizeof(*room->members));
	if (!room->members)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_members + n_frozen; i++) {
		room->members[i] = &first[i];
		first[i].room = room;
		first[i].slot = i;
		first[i].role = i < n_members ? ROLE_MEMBER : ROLE_FROZEN;
	}
	return 0;
}

int rooms_init(Load *load)
{
	const Options *o = load->options;
	uint32_t at = 0;
	int r;

	if (o->n_idle) {
		for (uint32_t i = 0; i < load->n_clients; i++)
			load->clients[i].role = ROLE_IDLE;
		return 0;
	}
	load->n_loaded = o->n_rooms;
	load->n_rooms = o->n_rooms + o->n_pairs;
	load->rooms = calloc(load->n_rooms, sizeof(*load->rooms));
	if (!load->rooms)
		return -ENOMEM;
	for (uint32_t i = 0; i < load->n_rooms; i++) {
		bool is_pair = i >= load->n_loaded;
		uint32_t n = is_pair ? 2 : o->n_members, n_frozen = i	      ? 0
								    : is_pair ? 0
									      : o->n_frozen;

		r = room_init(&load->rooms[i], &load->clients[at], n, n_frozen,
			      is_pair ? 2 : o->n_senders);
		if (r < 0)
			return r;
		load->rooms[i].is_quiet = is_pair;
		for (uint32_t k = 0; is_pair && k < n; k++) {
			load->clients[at + k].role = ROLE_PAIR;
			load->clients[at + k].always_sample = true;
		}
		at += n + n_frozen;
	}
	for (; at < load->n_clients; at++) {
		load->clients[at].role = ROLE_CHURN;
		load->clients[at].room = &load->rooms[0];
	}
	return 0;
}

void rooms_deinit(Load *load)
{
	for (uint32_t i = 0; load->rooms && i < load->n_rooms; i++)
		free(load->rooms[i].members);
	free(load->rooms);
	load->rooms = NULL;
}

int rooms_path(const Load *load, const Client *client, char *path, size_t size)
{
	const Options *o = load->options;
	uint32_t index = (uint32_t)(client->room ? client->room - load->rooms : 0);

	switch (client->role) {
	case ROLE_IDLE:
		index = (uint32_t)(client - load->clients) / (o->n_members ? o->n_members : 1);
		return snprintf(path, size, "%s-idle-%u", o->path, index);
	case ROLE_PAIR:
		return snprintf(path, size, "%s-pair-%u", o->path, index - load->n_loaded);
	case ROLE_CHURN:
		if (o->churn_rooms)
			return snprintf(path, size, "%s-own-%llu", o->path,
					(unsigned long long)load->n_churned);
		break;
	}
	if (o->n_rooms > 1)
		return snprintf(path, size, "%s-%u", o->path, index);
	return snprintf(path, size, "%s", o->path);
}

static void room_send(Load *load, Room *room, uint64_t n, uint64_t now_ns)
{
	uint64_t each = n / room->n_senders, rest = n % room->n_senders;
	uint32_t n_turns = each ? room->n_senders : (uint32_t)rest;

	for (uint32_t i = 0; i < n_turns; i++) {
		Client *client = room->members[(room->next_sender + i) % room->n_senders];
		unsigned int copies = (unsigned int)(each + (i < rest));

		if (client->state != CLIENT_OPEN)
			continue;
		room->n_sent += copies;
		room->n_under_way += (uint64_t)copies * (room->n_alive - 1);
		client_send(&load->shared, client, copies, now_ns);
	}
	room->next_sender = (uint32_t)((room->next_sender + rest) % room->n_senders);
}

/* How many messages the window has room for. */
static uint64_t room_n_free(const Load *load, const Room *room)
{
	uint64_t fan_out = room->n_alive > 1 ? room->n_alive - 1 : 1,
		 limit = load->options->window * fan_out;

	return room->n_under_way < limit ? (limit - room->n_under_way) / fan_out : 0;
}

static void room_pump(Load *load, Room *room)
{
	uint64_t n;

	if (!load->is_sending || room->is_quiet || load->options->rate > 0)
		return;
	n = room_n_free(load, room);
	if (n)
		room_send(load, room, n, clock_now_ns());
}

void room_on_delivered(Load *load, Room *room, uint64_t n)
{
	room->n_under_way -= n < room->n_under_way ? n : room->n_under_way;
	room_pump(load, room);
}

void room_forget(Client *client)
{
	Room *room = client->room;
	uint64_t n_owed = room->n_sent - client->n_sent - client->n_received;

	/* No pumping from here: this may be a failed send in the middle of it. */
	room->n_under_way -= n_owed < room->n_under_way ? n_owed : room->n_under_way;
	room->n_alive--;
}

void rooms_start(Load *load)
{
	for (uint32_t i = 0; i < load->n_rooms; i++)
		room_pump(load, &load->rooms[i]);
}

/* How many events of a steady rate are due, and when the next one will be. */
static uint64_t due(Load *load, double rate, uint64_t n_done, uint64_t now_ns, uint64_t *waitp)
{
	double elapsed_s = (double)(now_ns - load->started_ns) / 1e9;
	uint64_t n_due = (uint64_t)(elapsed_s * rate) + 1, n;
	double wait_ns;

	n = n_due > n_done ? n_due - n_done : 0;
	wait_ns = ((double)(n_done + n) / rate - elapsed_s) * 1e9;
	if (wait_ns < (double)*waitp)
		*waitp = wait_ns > 1000 ? (uint64_t)wait_ns : 1000;
	return n < CATCH_UP_MAX ? n : CATCH_UP_MAX;
}

static void rooms_tick_rate(Load *load, uint64_t now_ns, uint64_t *waitp)
{
	uint64_t n = due(load, load->options->rate, load->n_rate_sent, now_ns, waitp);

	for (uint64_t i = 0; i < n; i++) {
		Room *room = &load->rooms[load->next_room];

		load->next_room = (load->next_room + 1) % load->n_loaded;
		load->n_rate_sent++;
		if (room_n_free(load, room))
			room_send(load, room, 1, clock_now_ns());
	}
}

static void rooms_tick_pairs(Load *load, uint64_t now_ns, uint64_t *waitp)
{
	uint64_t n = due(load, load->options->pair_rate * load->options->n_pairs, load->n_pair_sent,
			 now_ns, waitp);

	for (uint64_t i = 0; i < n; i++) {
		Room *room = &load->rooms[load->n_loaded + load->next_pair];

		load->next_pair = (load->next_pair + 1) % load->options->n_pairs;
		load->n_pair_sent++;
		room_send(load, room, 1, clock_now_ns());
	}
}

static void churn_leave(Load *load, Client *client)
{
	load->n_leaves++;
	/* Every other one just hangs up, as a telephone does in a tunnel. */
	if (load->n_leaves & 1)
		client_close(&load->shared, client);
	else
		client_drop(client);
}

static void churn_join(Load *load, Client *client, uint64_t now_ns)
{
	char path[PATH_SIZE];

	rooms_path(load, client, path, sizeof(path));
	load->n_churned++;
	load->target.epoll = load->epoll;
	load->target.source = 100 + (uint32_t)(load->n_churned / PORTS_PER_ADDRESS % 100);
	if (client_connect(client, &load->target, path) < 0) {
		load->n_join_failures++;
		return;
	}
	client->left_ns = now_ns + CHURN_LIFE_NS;
	load->n_joins++;
}

static void rooms_tick_churn(Load *load, uint64_t now_ns, uint64_t *waitp)
{
	uint32_t n_places = load->n_clients - load->n_steady;
	uint64_t n = due(load, load->options->churn, load->n_churned, now_ns, waitp);

	for (uint32_t i = 0; i < n_places; i++) {
		Client *client = &load->clients[load->n_steady + i];

		if (client->state == CLIENT_OPEN && now_ns >= client->left_ns)
			churn_leave(load, client);
		else if (client->state == CLIENT_CLOSING &&
			 now_ns >= client->left_ns + CHURN_LIFE_NS)
			client_drop(client);
	}
	for (uint32_t i = 0; n && i < n_places; i++) {
		Client *client = &load->clients[load->n_steady + load->next_churn];

		load->next_churn = (load->next_churn + 1) % n_places;
		if (client->state != CLIENT_NEW && client->state != CLIENT_CLOSED)
			continue;
		n--;
		churn_join(load, client, now_ns);
	}
}

uint64_t rooms_tick(Load *load, uint64_t now_ns)
{
	uint64_t wait = UINT64_MAX;

	if (!load->is_sending)
		return wait;
	if (load->options->rate > 0 && load->n_loaded)
		rooms_tick_rate(load, now_ns, &wait);
	if (load->options->n_pairs)
		rooms_tick_pairs(load, now_ns, &wait);
	if (load->options->churn)
		rooms_tick_churn(load, now_ns, &wait);
	return wait;
}

bool rooms_are_drained(const Load *load)
{
	for (uint32_t i = 0; i < load->n_rooms; i++) {
		const Room *room = &load->rooms[i];

		for (uint32_t k = 0; k < room->n_members + room->n_frozen; k++) {
			const Client *client = room->members[k];

			if (client->state == CLIENT_OPEN &&
			    client->n_received + client->n_sent < room->n_sent)
				return false;
		}
	}
	return true;
}

static void count_frozen(Load *load, const Client *client, uint64_t expected)
{
	load->n_frozen_expected += expected;
	load->n_frozen_received += client->n_received;
	if (client->state != CLIENT_OPEN) {
		load->n_frozen_closed++;
		load->frozen_code = client->close_code;
	} else if (client->n_received == expected) {
		load->n_frozen_complete++;
	} else {
		load->n_frozen_short++;
	}
}

void rooms_count(Load *load)
{
	for (uint32_t i = 0; i < load->n_rooms; i++) {
		const Room *room = &load->rooms[i];

		for (uint32_t k = 0; k < room->n_members + room->n_frozen; k++) {
			const Client *client = room->members[k];
			uint64_t expected = room->n_sent - client->n_sent, got = client->n_received;

			if (client->role == ROLE_FROZEN) {
				count_frozen(load, client, expected);
				continue;
			}
			load->n_expected_total += expected;
			load->n_got_total += got;
			load->n_missing += got < expected ? expected - got : 0;
			load->n_extra += got > expected ? got - expected : 0;
		}
	}
}
