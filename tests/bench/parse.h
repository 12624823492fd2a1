#pragma once
/* The server's frames, in whatever pieces they come. */
#include "client.h"

/**
 * parse_frames() - take in bytes from the server
 * @now_ns:     when they were read
 *
 * Counts deliveries in @client, answers pings, and ends the connection where the protocol says so.
 */
void parse_frames(ClientShared *shared, Client *client, const uint8_t *data, size_t n,
		  uint64_t now_ns);

/* In client.c: what the parser needs for its answers. */
void client_send_control(ClientShared *shared, Client *client, unsigned int opcode,
			 const uint8_t *data, size_t n);
