#pragma once
/* Who sends when: the windows of the rooms, the timetable of rates, pairs and churn. */
#include "load.h"

/* Make the rooms and give each client its place. */
int rooms_init(Load *load);
void rooms_deinit(Load *load);
int rooms_path(const Load *load, const Client *client, char *path, size_t size);

/* @n more deliveries have come in: send what the window now has room for. */
void room_on_delivered(Load *load, Room *room, uint64_t n);

/* A member that is gone must not hold up the others. */
void room_forget(Client *client);

/* The first messages of each room. */
void rooms_start(Load *load);

/**
 * rooms_tick() - send what is due by now
 *
 * Return: nanoseconds until something else is due; UINT64_MAX for nothing.
 */
uint64_t rooms_tick(Load *load, uint64_t now_ns);

/* Compare what each member got with what the others of its room have sent. */
void rooms_count(Load *load);
bool rooms_are_drained(const Load *load);
