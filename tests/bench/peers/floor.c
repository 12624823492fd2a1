/*
 * floor: the least that any single-threaded chat server must do.
 *
 * Bare epoll and no JSON library. A frame is taken apart as far as its length, unmasked, and its
 * text spliced unparsed into a frame for the others of the room. What a turn of the loop brings
 * is sent to each member in one call at its end. It trusts its clients, keeps what a slow one
 * does not take without a limit, and answers nothing but the upgrade and a close frame: it is
 * there to be measured, not to be used.
 *
 *     floor PORT
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define EVENTS_MAX     512
#define READ_SIZE      (64u * 1024u)
#define NAME_MAX_BYTES 128u
#define TABLE_SIZE     (1u << 17)
#define PARTS_MAX      1024u /* IOV_MAX */

typedef struct Room Room;

typedef struct Conn {
	int fd;
	uint32_t slot; /* in the room */
	Room *room;    /* NULL before the upgrade */
	uint8_t *in;   /* the piece of a frame that is not all here, or the request */
	size_t n_in;
	uint8_t *out; /* what the socket did not take */
	size_t n_out, n_out_done;
	uint32_t first_entry, last_entry; /* its messages of this turn, from 1; 0: none */
	struct Conn *next_dead;
} Conn;

/* A message of this turn: where it is in the room's bytes, and its sender's next one. */
typedef struct Entry {
	size_t at, size;
	uint32_t next;
} Entry;

struct Room {
	Room *next; /* in its place of the table */
	Room *next_dirty;
	bool is_dirty;
	Conn **members;
	uint32_t n_members, members_size;
	uint8_t *bytes; /* this turn's frames, one after the other */
	size_t n_bytes, bytes_size;
	Entry *entries;
	uint32_t n_entries, entries_size;
	char name[NAME_MAX_BYTES + 1];
};

static Room *table[TABLE_SIZE];
static Room *dirty;
static Conn *dead;
static int loop;
static uint8_t read_buffer[READ_SIZE + 16];

static void *must(void *memory)
{
	if (!memory) {
		fprintf(stderr, "floor: out of memory\n");
		exit(1);
	}
	return memory;
}

/* SHA-1 of up to 119 bytes: enough for a key and the constant of RFC 6455. */
static void sha1(const char *text, size_t n, uint8_t digest[20])
{
	uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}, w[80];
	uint8_t data[128] = {0};
	size_t n_blocks = n + 9 > 64 ? 2 : 1;

	memcpy(data, text, n);
	data[n] = 0x80;
	data[n_blocks * 64 - 2] = (uint8_t)(n * 8 >> 8);
	data[n_blocks * 64 - 1] = (uint8_t)(n * 8);
	for (size_t block = 0; block < n_blocks; block++) {
		uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f, k, t;

		for (int i = 0; i < 16; i++) {
			const uint8_t *p = data + block * 64 + i * 4;

			w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
			       p[3];
		}
		for (int i = 16; i < 80; i++) {
			t = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
			w[i] = t << 1 | t >> 31;
		}
		for (int i = 0; i < 80; i++) {
			if (i < 20)
				f = (b & c) | (~b & d), k = 0x5a827999;
			else if (i < 40)
				f = b ^ c ^ d, k = 0x6ed9eba1;
			else if (i < 60)
				f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
			else
				f = b ^ c ^ d, k = 0xca62c1d6;
			t = (a << 5 | a >> 27) + f + e + k + w[i];
			e = d;
			d = c;
			c = b << 30 | b >> 2;
			b = a;
			a = t;
		}
		h[0] += a;
		h[1] += b;
		h[2] += c;
		h[3] += d;
		h[4] += e;
	}
	for (int i = 0; i < 20; i++)
		digest[i] = (uint8_t)(h[i / 4] >> (24 - i % 4 * 8));
}

static void base64(const uint8_t *data, char text[29])
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t at = 0;

	for (int i = 0; i < 21; i += 3) {
		uint32_t v = (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 |
			     (i + 2 < 20 ? data[i + 2] : 0u);

		for (int shift = 18; shift >= 0; shift -= 6)
			text[at++] = digits[v >> shift & 63];
	}
	text[27] = '=';
	text[28] = '\0';
}

static Room *room_get(const char *name, size_t n)
{
	uint32_t hash = 2166136261u;
	Room **place, *room;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	place = &table[hash % TABLE_SIZE];
	for (room = *place; room; room = room->next) {
		if (strlen(room->name) == n && !memcmp(room->name, name, n))
			return room;
	}
	room = must(calloc(1, sizeof(*room)));
	memcpy(room->name, name, n);
	room->next = *place;
	*place = room;
	return room;
}

static void room_join(Room *room, Conn *conn)
{
	if (room->n_members == room->members_size) {
		room->members_size = room->members_size ? room->members_size * 2 : 2;
		room->members =
		    must(realloc(room->members, room->members_size * sizeof(*room->members)));
	}
	conn->room = room;
	conn->slot = room->n_members;
	room->members[room->n_members++] = conn;
}

static void conn_close(Conn *conn)
{
	Room *room = conn->room;

	if (conn->fd < 0)
		return;
	close(conn->fd);
	conn->fd = -1;
	if (room) {
		Conn *last = room->members[--room->n_members];

		room->members[conn->slot] = last;
		last->slot = conn->slot;
	}
	conn->next_dead = dead;
	dead = conn;
}

static void room_publish(Room *room, Conn *sender, const uint8_t *body, size_t n,
			 const uint8_t mask[4])
{
	size_t head = n < 126 ? 2 : n < 65536 ? 4 : 10, wanted = room->n_bytes + head + n + 8;
	uint64_t wide, key;
	uint8_t *p;

	if (wanted > room->bytes_size) {
		room->bytes_size = wanted * 2;
		room->bytes = must(realloc(room->bytes, room->bytes_size));
	}
	if (room->n_entries == room->entries_size) {
		room->entries_size = room->entries_size ? room->entries_size * 2 : 4;
		room->entries =
		    must(realloc(room->entries, room->entries_size * sizeof(*room->entries)));
	}
	room->entries[room->n_entries++] = (Entry){room->n_bytes, head + n, 0};
	if (sender->first_entry)
		room->entries[sender->last_entry - 1].next = room->n_entries;
	else
		sender->first_entry = room->n_entries;
	sender->last_entry = room->n_entries;
	p = room->bytes + room->n_bytes;
	p[0] = 0x81;
	if (head == 2) {
		p[1] = (uint8_t)n;
	} else if (head == 4) {
		p[1] = 126;
		p[2] = (uint8_t)(n >> 8);
		p[3] = (uint8_t)n;
	} else {
		p[1] = 127;
		for (int i = 0; i < 8; i++)
			p[2 + i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
	}
	p += head;
	memcpy(&key, mask, 4);
	memcpy((uint8_t *)&key + 4, mask, 4);
	/* Both buffers have eight bytes to spare. */
	for (size_t i = 0; i < n; i += 8) {
		memcpy(&wide, body + i, 8);
		wide ^= key;
		memcpy(p + i, &wide, 8);
	}
	room->n_bytes += head + n;
	if (!room->is_dirty) {
		room->is_dirty = true;
		room->next_dirty = dirty;
		dirty = room;
	}
}

static void conn_keep(Conn *conn, const uint8_t *data, size_t n)
{
	if (conn->n_out_done == conn->n_out)
		conn->n_out_done = conn->n_out = 0;
	conn->out = must(realloc(conn->out, conn->n_out + n));
	memcpy(conn->out + conn->n_out, data, n);
	conn->n_out += n;
}

static void conn_flush(Conn *conn)
{
	ssize_t n;

	while (conn->n_out_done < conn->n_out) {
		n = send(conn->fd, conn->out + conn->n_out_done, conn->n_out - conn->n_out_done,
			 MSG_NOSIGNAL);
		if (n < 0)
			return; /* an error comes up on the read side, too */
		conn->n_out_done += (size_t)n;
	}
	free(conn->out);
	conn->out = NULL;
	conn->n_out = conn->n_out_done = 0;
}

static void conn_write(Conn *conn, struct iovec *parts, uint32_t n_parts)
{
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = n_parts};
	ssize_t n = 0;
	size_t skip;

	if (!conn->n_out) {
		if (n_parts == 1)
			n = send(conn->fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL);
		else
			n = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return; /* the read side will see it and close */
		if (n < 0)
			n = 0;
	}
	skip = (size_t)n;
	for (uint32_t i = 0; i < n_parts; i++) {
		if (skip < parts[i].iov_len) {
			conn_keep(conn, (uint8_t *)parts[i].iov_base + skip,
				  parts[i].iov_len - skip);
			skip = 0;
		} else {
			skip -= parts[i].iov_len;
		}
	}
}

/* Everything of this turn to every member, without its own: what lies between them is one part. */
static void room_flush(Room *room)
{
	struct iovec parts[PARTS_MAX];

	for (uint32_t m = 0; m < room->n_members; m++) {
		Conn *conn = room->members[m];
		size_t from = 0;
		uint32_t n_parts = 0;

		for (uint32_t i = conn->first_entry; i;) {
			const Entry *entry = &room->entries[i - 1];

			if (entry->at > from)
				parts[n_parts++] =
				    (struct iovec){room->bytes + from, entry->at - from};
			from = entry->at + entry->size;
			i = entry->next;
			if (n_parts == PARTS_MAX - 1) {
				conn_write(conn, parts, n_parts);
				n_parts = 0;
			}
		}
		conn->first_entry = conn->last_entry = 0;
		if (room->n_bytes > from)
			parts[n_parts++] = (struct iovec){room->bytes + from, room->n_bytes - from};
		if (n_parts)
			conn_write(conn, parts, n_parts);
	}
	room->n_bytes = 0;
	room->n_entries = 0;
	room->is_dirty = false;
}

static size_t conn_upgrade(Conn *conn, const char *request, size_t n)
{
	static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
			  field[] = "\r\nSec-WebSocket-Key: ";
	const char *end = memmem(request, n, "\r\n\r\n", 4), *key, *path, *stop;
	char text[128], accept[29], answer[256];
	uint8_t digest[21] = {0};
	int size;

	if (!end)
		return 0;
	key = memmem(request, n, field, sizeof(field) - 1);
	path = memchr(request, '/', n);
	stop = path ? memchr(path, ' ', n - (size_t)(path - request)) : NULL;
	if (!key || !stop || stop - path > (long)NAME_MAX_BYTES) {
		conn_close(conn);
		return 0;
	}
	key += sizeof(field) - 1;
	size = snprintf(text, sizeof(text), "%.24s%s", key, magic);
	sha1(text, (size_t)size, digest);
	base64(digest, accept);
	size = snprintf(
	    answer, sizeof(answer),
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n\r\n",
	    accept);
	room_join(room_get(path + 1, (size_t)(stop - path - 1)), conn);
	conn_write(conn, &(struct iovec){answer, (size_t)size}, 1);
	return (size_t)(end + 4 - request);
}

/* One frame from the front of @p. Return: bytes used, 0 if it is not all here. */
static size_t conn_frame(Conn *conn, const uint8_t *p, size_t n)
{
	static uint8_t bye[4] = {0x88, 2, 1000 >> 8, 1000 & 255};
	size_t head = 2, size;

	if (n < 2)
		return 0;
	size = p[1] & 0x7f;
	if (size == 126) {
		if (n < 4)
			return 0;
		size = (size_t)p[2] << 8 | p[3];
		head = 4;
	} else if (size == 127) {
		if (n < 10)
			return 0;
		size = 0;
		for (int i = 2; i < 10; i++)
			size = size << 8 | p[i];
		head = 10;
	}
	head += 4;
	if (size > 1u << 20) {
		conn_close(conn);
		return 0;
	}
	if (n < head + size)
		return 0;
	if ((p[0] & 15) == 1) {
		room_publish(conn->room, conn, p + head, size, p + head - 4);
	} else if ((p[0] & 15) == 8) {
		conn_write(conn, &(struct iovec){bye, sizeof(bye)}, 1);
		conn_close(conn);
	}
	return head + size;
}

/* Return: true if there may be more. */
static bool conn_read(Conn *conn)
{
	size_t had = conn->n_in, size, used = 0, step;
	uint8_t *data = read_buffer;
	ssize_t n;

	/* A frame in pieces is put together in a buffer of its own; most are whole. */
	if (had) {
		conn->in = must(realloc(conn->in, had + READ_SIZE + 16));
		data = conn->in;
	}
	n = recv(conn->fd, data + had, READ_SIZE, 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			conn_close(conn);
		return false;
	}
	size = had + (size_t)n;
	do {
		step = conn->room ? conn_frame(conn, data + used, size - used)
				  : conn_upgrade(conn, (const char *)data, size);
		used += step;
	} while (step && used < size && conn->fd >= 0);
	conn->n_in = size - used;
	if (!conn->n_in) {
		free(conn->in);
		conn->in = NULL;
	} else if (data == read_buffer) {
		conn->in = must(malloc(conn->n_in + 16));
		memcpy(conn->in, data + used, conn->n_in);
	} else {
		memmove(conn->in, data + used, conn->n_in);
	}
	return n == READ_SIZE;
}

static void accept_all(int listener)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLOUT | EPOLLET};
	int one = 1, fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		Conn *conn = must(calloc(1, sizeof(*conn)));

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		conn->fd = fd;
		event.data.ptr = conn;
		epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
	}
}

static int listen_on(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 4096) < 0) {
		perror("floor");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS_MAX], event = {.events = EPOLLIN};
	struct rlimit files;
	int listener;

	if (argc != 2) {
		fprintf(stderr, "Usage: floor PORT\n");
		return 2;
	}
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	loop = epoll_create1(EPOLL_CLOEXEC);
	listener = listen_on(atoi(argv[1]));
	epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(loop, events, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++) {
			Conn *conn = events[i].data.ptr;

			if (!conn) {
				accept_all(listener);
				continue;
			}
			if (conn->fd >= 0 && events[i].events & EPOLLOUT && conn->n_out)
				conn_flush(conn);
			if (!(events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
				continue;
			while (conn->fd >= 0 &&
			       (conn_read(conn) ||
				events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
				;
		}
		for (Room *room; (room = dirty);) {
			dirty = room->next_dirty;
			room_flush(room);
		}
		for (Conn *conn; (conn = dead);) {
			dead = conn->next_dead;
			free(conn->in);
			free(conn->out);
			free(conn);
		}
	}
}
