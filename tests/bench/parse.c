/*
 * The server's frames, in whatever pieces they come.
 *
 * All messages of a run have the same length, and a server encodes all of them the same way, so
 * once one has been seen the others are recognised by their header alone. Every so many of them
 * is looked into: there must be a message with a stamp in it.
 */
#include "parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OP_CONTINUATION, OP_TEXT, OP_BINARY, OP_CLOSE = 8, OP_PING, OP_PONG };

/* What is in view of a sample; more than any server puts before the content. */
#define VIEW 96u

static void unexpected(ClientShared *shared, const uint8_t *data, size_t n)
{
	if (!shared->n_unexpected++) {
		if (n > sizeof(shared->unexpected) - 1)
			n = sizeof(shared->unexpected) - 1;
		for (size_t i = 0; i < n; i++)
			shared->unexpected[i] =
			    (char)(data[i] < ' ' || data[i] > '~' ? '?' : data[i]);
		shared->unexpected[n] = '\0';
	}
}

/* Return: the stamp in nanoseconds, 0 if there is none. */
static uint64_t find_stamp(const uint8_t *data, size_t n)
{
	static const char mark[] = "\"" STAMP_MARK;
	const uint8_t *p = memmem(data, n, mark, sizeof(mark) - 1);
	uint64_t value = 0;

	if (!p || n - (size_t)(p - data) < sizeof(mark) - 1 + STAMP_DIGITS)
		return 0;
	p += sizeof(mark) - 1;
	for (unsigned int i = 0; i < STAMP_DIGITS; i++, p++) {
		unsigned int digit = *p >= '0' && *p <= '9'   ? *p - (unsigned int)'0'
				     : *p >= 'a' && *p <= 'f' ? *p - (unsigned int)'a' + 10u
							      : 16u;

		if (digit > 15)
			return 0;
		value = value << 4 | digit;
	}
	return value;
}

static bool is_sample(ClientShared *shared, const Client *client)
{
	if (client->always_sample)
		return true;
	if (--shared->n_until_sample)
		return false;
	shared->n_until_sample = shared->stride;
	return true;
}

static void look_into(ClientShared *shared, Client *client, const uint8_t *data, size_t n)
{
	client->stamp_ns = find_stamp(data, n);
	if (!client->stamp_ns && n >= VIEW)
		unexpected(shared, data, n);
}

static void message_done(ClientShared *shared, Client *client, const uint8_t *data, size_t n,
			 uint64_t now_ns)
{
	uint64_t size = client->message_size;

	client->message_size = 0;
	/* Nothing that carries the content can be shorter than it. */
	if (client->opcode != OP_TEXT || size < shared->payload + 20u ||
	    (shared->expected_size && size != shared->expected_size)) {
		unexpected(shared, data, n);
		return;
	}
	shared->expected_size = size;
	client->n_received++;
	if (client->stamp_ns)
		shared->on_sample(shared->load, client,
				  now_ns > client->stamp_ns ? now_ns - client->stamp_ns : 0);
}

static void control_done(ClientShared *shared, Client *client)
{
	const uint8_t *data = client->control;
	size_t n = client->n_control;

	switch (client->frame_opcode) {
	case OP_PING:
		shared->n_pings++;
		client_send_control(shared, client, OP_PONG, data, n);
		break;
	case OP_CLOSE:
		client->close_code = n >= 2 ? (uint16_t)(data[0] << 8 | data[1]) : 1005;
		if (client->state == CLIENT_OPEN)
			client_send_control(shared, client, OP_CLOSE, data, n >= 2 ? 2 : 0);
		if (client->fd >= 0) {
			shared->on_closed(shared->load, client, "the server closed the connection");
			client_drop(client);
		}
		break;
	default:
		break;
	}
}

static void protocol_error(ClientShared *shared, Client *client, const char *why)
{
	shared->on_closed(shared->load, client, why);
	client_drop(client);
}

/* The header is complete as soon as its length fields are. */
static size_t header_size(const uint8_t *header, unsigned int n)
{
	if (n < 2)
		return 2;
	return (header[1] & 0x7fu) == 127 ? 10 : (header[1] & 0x7fu) == 126 ? 4 : 2;
}

static void header_done(ClientShared *shared, Client *client)
{
	const uint8_t *h = client->header;
	uint64_t size = h[1] & 0x7fu;

	if (size == 126)
		size = (uint64_t)h[2] << 8 | h[3];
	else if (size == 127) {
		size = 0;
		for (int i = 2; i < 10; i++)
			size = size << 8 | h[i];
	}
	client->frame_opcode = h[0] & 15u;
	client->frame_fin = h[0] & 0x80u;
	client->body_left = size;
	client->in_body = true;
	client->n_header = 0;
	client->n_control = 0;
	if (h[0] & 0x70u || h[1] & 0x80u) {
		protocol_error(shared, client, "the server sent a masked frame or reserved bits");
	} else if (client->frame_opcode >= OP_CLOSE) {
		if (size > sizeof(client->control) || !client->frame_fin)
			protocol_error(shared, client,
				       "the server sent a control frame that is too long");
	} else {
		if (client->frame_opcode != OP_CONTINUATION) {
			client->opcode = client->frame_opcode;
			client->message_size = 0;
			client->stamp_ns = 0;
		}
		client->message_size += size;
	}
}

/* One step through a frame that is not all here or not like the others. Return: bytes used. */
static size_t step(ClientShared *shared, Client *client, const uint8_t *data, size_t n,
		   uint64_t now_ns)
{
	size_t take;

	if (!client->in_body) {
		client->header[client->n_header++] = *data;
		if (client->n_header == header_size(client->header, client->n_header)) {
			header_done(shared, client);
			if (client->fd >= 0 && client->frame_opcode < OP_CLOSE &&
			    client->frame_opcode != OP_CONTINUATION && is_sample(shared, client))
				look_into(shared, client, data + 1,
					  n - 1 < client->body_left ? n - 1 : client->body_left);
		}
		take = 1;
		if (!client->in_body || client->body_left || client->fd < 0)
			return take;
		data++;
		n--;
	} else {
		take = 0;
	}
	if (n > client->body_left)
		n = client->body_left;
	if (client->frame_opcode >= OP_CLOSE) {
		memcpy(client->control + client->n_control, data, n);
		client->n_control += (uint8_t)n;
	}
	client->body_left -= n;
	if (!client->body_left) {
		client->in_body = false;
		if (client->frame_opcode >= OP_CLOSE)
			control_done(shared, client);
		else if (client->frame_fin)
			message_done(shared, client, data, n, now_ns);
	}
	return take + n;
}

void parse_frames(ClientShared *shared, Client *client, const uint8_t *data, size_t n,
		  uint64_t now_ns)
{
	while (n && client->fd >= 0) {
		size_t size = shared->expected_size, used;

		/* The fast lane: a whole frame, and its header says that it is as long as they all
		 * are. */
		if (size && !client->in_body && !client->n_header && data[0] == (0x80u | OP_TEXT)) {
			size_t head = size < 126 ? 2 : size < 65536 ? 4 : 10;

			if (n >= head + size &&
			    (head == 2 ? data[1] == size
			     : head == 4
				 ? data[1] == 126 && (size_t)(data[2] << 8 | data[3]) == size
				 : false)) {
				client->n_received++;
				if (is_sample(shared, client)) {
					look_into(shared, client, data + head, size);
					if (client->stamp_ns)
						shared->on_sample(shared->load, client,
								  now_ns > client->stamp_ns
								      ? now_ns - client->stamp_ns
								      : 0);
				}
				data += head + size;
				n -= head + size;
				continue;
			}
		}
		used = step(shared, client, data, n, now_ns);
		data += used;
		n -= used;
	}
}
