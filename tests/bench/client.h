#pragma once
/*
 * A WebSocket client of the cheapest kind: the frames it sends are encoded beforehand, the frames
 * it gets are counted by their headers. It must cost far less than the server it is put against.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct Client Client;
typedef struct ClientShared ClientShared;
typedef struct Room Room;

/* Every content starts with the time of sending: "t=" and 16 hexadecimal digits of nanoseconds. */
#define STAMP_MARK   "t="
#define STAMP_DIGITS 16u

typedef enum ClientState {
	CLIENT_NEW,	   /* not connected yet */
	CLIENT_CONNECTING, /* connect() is under way, or the answer to the upgrade */
	CLIENT_OPEN,
	CLIENT_CLOSING, /* our close frame is out, the server's is not here yet */
	CLIENT_CLOSED,
} ClientState;

struct Client {
	int fd; /* -1 unless connecting, open or closing */
	uint8_t state;
	uint8_t role;	     /* the load's */
	bool pending;	     /* stands on the load's list of those with more to read */
	bool always_sample;  /* but all of this one's are */
	uint16_t close_code; /* what the server's close frame said; 0: none seen */

	uint8_t opcode; /* of the message under way, and of the frame */
	uint8_t frame_opcode;
	bool frame_fin;
	bool in_body;
	uint8_t n_header;
	uint8_t n_control;
	uint8_t header[10];
	uint64_t body_left;
	uint64_t message_size;
	uint64_t stamp_ns; /* of the message under way, if it is a sample; else 0 */

	uint64_t n_received;
	uint64_t n_sent;
	Room *room;
	uint32_t slot; /* the load's: place among the room's counted members */

	uint8_t *out; /* what the socket did not take; mostly NULL */
	size_t n_out, n_out_done;
	char *head; /* the answer to the upgrade, while it comes in */
	size_t n_head;
	uint64_t left_ns; /* the load's: when to leave */
	uint8_t control[125];
};

/* What all clients of a run have in common. */
struct ClientShared {
	uint8_t *frame; /* the message, masked and ready to go */
	size_t n_frame;
	uint8_t mask[4];
	size_t stamp_at, sender_at; /* offsets in @frame */
	unsigned int payload;
	size_t expected_size; /* of what the server sends for it; 0 until seen */

	uint32_t stride; /* one delivery in so many is a sample, */
	uint32_t n_until_sample;

	uint64_t n_unexpected; /* text that is not a delivery */
	char unexpected[160];  /* the first of them */
	uint64_t n_pings;

	void (*on_open)(void *load, Client *client);
	void (*on_closed)(void *load, Client *client, const char *why);
	void (*on_sample)(void *load, Client *client, uint64_t latency_ns);
	void *load;
};

int client_shared_init(ClientShared *shared, unsigned int payload);
void client_shared_deinit(ClientShared *shared);

/* Whom to connect to, and where the connection is watched. */
typedef struct ClientTarget {
	const struct sockaddr_storage *address;
	socklen_t n_address;
	const char *host;
	unsigned int source; /* connect from 127.0.0.(1 + source); 0: let the kernel choose */
	int epoll;
} ClientTarget;

/**
 * client_connect() - begin to connect and to upgrade
 * @path:       the request's path, without the leading slash
 *
 * Return: 0; negative errno, and the client is as before.
 */
int client_connect(Client *client, const ClientTarget *target, const char *path);

/**
 * client_on_ready() - handle what epoll reported
 * @limit:      the most reads to do
 *
 * May call on_open, on_closed and on_sample.
 *
 * Return: true if there may be more to read.
 */
bool client_on_ready(ClientShared *shared, Client *client, uint32_t events, unsigned int limit);

/**
 * client_send() - send the shared message
 * @copies:     how many times
 * @stamp_ns:   the time of sending that the receivers measure from
 *
 * What the socket does not take is kept and goes out later.
 */
void client_send(ClientShared *shared, Client *client, unsigned int copies, uint64_t stamp_ns);

/* Send a close frame (1000), and wait for the server's. */
void client_close(ClientShared *shared, Client *client);

/* Hang up at once; calls nobody. */
void client_drop(Client *client);
