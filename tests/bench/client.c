/* A WebSocket client of the cheapest kind: connecting, sending, and the socket's side of reading.
 */
#include "client.h"
#include "parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "measure.h"

#define HEAD_MAX   4096u
#define READ_SIZE  (256u * 1024u) /* stays in the second-level cache */
#define COPIES_MAX 256u		  /* in one system call; IOV_MAX is 1024 */

/* The key of the example in RFC 6455, so that the right answer is known without SHA-1. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static uint8_t read_buffer[READ_SIZE];

static size_t put_header(uint8_t *p, unsigned int opcode, size_t n)
{
	size_t at = 0;

	p[at++] = (uint8_t)(0x80u | opcode);
	if (n < 126) {
		p[at++] = (uint8_t)(0x80u | n);
	} else if (n < 65536) {
		p[at++] = 0x80u | 126u;
		p[at++] = (uint8_t)(n >> 8);
		p[at++] = (uint8_t)n;
	} else {
		p[at++] = 0x80u | 127u;
		for (int shift = 56; shift >= 0; shift -= 8)
			p[at++] = (uint8_t)((uint64_t)n >> shift);
	}
	return at;
}

static void mask_bytes(const uint8_t mask[4], size_t from, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] ^= mask[(from + i) & 3u];
}

/* Write masked text into the ready frame: its body starts at @body. */
static void patch(ClientShared *shared, size_t at, const char *text, size_t n)
{
	size_t body = shared->frame[1] == (0x80u | 127u)   ? 14
		      : shared->frame[1] == (0x80u | 126u) ? 8
							   : 6;
	memcpy(shared->frame + body + at, text, n);
	mask_bytes(shared->mask, at, shared->frame + body + at, n);
}

int client_shared_init(ClientShared *shared, unsigned int payload)
{
	static const char before[] = "{\"type\":\"message\",\"content\":\"",
			  between[] = "\",\"sender\":\"", after[] = "\"}";
	static const char sender[] = "m00000000";
	size_t n = sizeof(before) - 1 + payload + sizeof(between) - 1 + sizeof(sender) - 1 +
		   sizeof(after) - 1;
	uint64_t seed = clock_now_ns() * 0x9e3779b97f4a7c15ull;
	char *body, *p;
	size_t at;

	shared->payload = payload;
	shared->stride = shared->n_until_sample = 1;
	shared->frame = malloc(14 + n + 1);
	if (!shared->frame)
		return -ENOMEM;
	for (int i = 0; i < 4; i++)
		shared->mask[i] = (uint8_t)(seed >> (8 * i + 24));
	at = put_header(shared->frame, 1, n);
	memcpy(shared->frame + at, shared->mask, 4);
	at += 4;
	body = p = (char *)shared->frame + at;
	p = stpcpy(p, before);
	shared->stamp_at = (size_t)(p - body) + sizeof(STAMP_MARK) - 1;
	p = stpcpy(p, STAMP_MARK);
	for (size_t i = sizeof(STAMP_MARK) - 1; i < payload; i++)
		*p++ = (char)('a' + i % 26);
	p = stpcpy(p, between);
	shared->sender_at = (size_t)(p - body) + 1;
	p = stpcpy(p, sender);
	p = stpcpy(p, after);
	mask_bytes(shared->mask, 0, (uint8_t *)body, n);
	shared->n_frame = at + n;
	return 0;
}

void client_shared_deinit(ClientShared *shared)
{
	free(shared->frame);
	shared->frame = NULL;
}

void client_drop(Client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	free(client->out);
	free(client->head);
	client->fd = -1;
	client->out = NULL;
	client->head = NULL;
	client->n_out = client->n_out_done = client->n_head = 0;
	client->state = CLIENT_CLOSED;
}

static void client_fail(ClientShared *shared, Client *client, const char *why)
{
	if (client->state == CLIENT_CLOSED)
		return;
	shared->on_closed(shared->load, client, why);
	client_drop(client);
}

static int client_bind(int fd, const ClientTarget *target)
{
	struct sockaddr_in source = {.sin_family = AF_INET};
	int one = 1;

	if (!target->source || target->address->ss_family != AF_INET)
		return 0;
	source.sin_addr.s_addr = htonl(0x7f000001u + target->source);
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&source, sizeof(source)) < 0)
		return -errno;
	return 0;
}

static int client_watch(Client *client, int epoll, int op)
{
	struct epoll_event event = {.data.ptr = client};

	event.events = EPOLLIN | EPOLLRDHUP | EPOLLOUT | EPOLLET;
	return epoll_ctl(epoll, op, client->fd, &event) < 0 ? -errno : 0;
}

int client_connect(Client *client, const ClientTarget *target, const char *path)
{
	char request[1024];
	int one = 1, n, r, fd;

	fd = socket(target->address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	n = snprintf(request, sizeof(request),
		     "GET /%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		     "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n",
		     path, target->host);
	*client = (Client){.fd = fd,
			   .role = client->role,
			   .room = client->room,
			   .slot = client->slot,
			   .always_sample = client->always_sample};
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	client->out = malloc((size_t)n);
	client->head = malloc(HEAD_MAX);
	r = client->out && client->head ? client_bind(fd, target) : -ENOMEM;
	if (!r && connect(fd, (const struct sockaddr *)target->address, target->n_address) < 0 &&
	    errno != EINPROGRESS)
		r = -errno;
	if (!r) {
		memcpy(client->out, request, (size_t)n);
		client->n_out = (size_t)n;
		r = client_watch(client, target->epoll, EPOLL_CTL_ADD);
	}
	if (r < 0) {
		client_drop(client);
		client->state = CLIENT_NEW;
		return r;
	}
	client->state = CLIENT_CONNECTING;
	return 0;
}

/* Keep what the socket did not take. EPOLLOUT is always watched: edge-triggered, it costs nothing.
 */
static void client_keep(ClientShared *shared, Client *client, const uint8_t *data, size_t n)
{
	uint8_t *out;

	if (client->n_out_done == client->n_out)
		client->n_out_done = client->n_out = 0;
	out = realloc(client->out, client->n_out + n);
	if (!out) {
		client_fail(shared, client, "out of memory");
		return;
	}
	memcpy(out + client->n_out, data, n);
	client->out = out;
	client->n_out += n;
}

static void client_flush(ClientShared *shared, Client *client)
{
	ssize_t n;

	while (client->n_out_done < client->n_out) {
		n = send(client->fd, client->out + client->n_out_done,
			 client->n_out - client->n_out_done, MSG_NOSIGNAL);
		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				client_fail(shared, client, strerror(errno));
			return;
		}
		client->n_out_done += (size_t)n;
	}
	free(client->out);
	client->out = NULL;
	client->n_out = client->n_out_done = 0;
}

static void client_write(ClientShared *shared, Client *client, const struct iovec *parts,
			 unsigned int n_parts, size_t size)
{
	struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = n_parts};
	size_t skip;
	ssize_t n = 0;

	if (client->fd < 0)
		return;
	if (!client->n_out) {
		n = n_parts == 1 ? send(client->fd, parts->iov_base, size, MSG_NOSIGNAL)
				 : sendmsg(client->fd, &message, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			client_fail(shared, client, strerror(errno));
			return;
		}
		if (n < 0)
			n = 0;
	}
	if ((size_t)n == size)
		return;
	skip = (size_t)n;
	for (unsigned int i = 0; i < n_parts && client->fd >= 0; i++) {
		if (skip < parts[i].iov_len)
			client_keep(shared, client, (uint8_t *)parts[i].iov_base + skip,
				    parts[i].iov_len - skip);
		skip -= skip < parts[i].iov_len ? skip : parts[i].iov_len;
	}
}

void client_send(ClientShared *shared, Client *client, unsigned int copies, uint64_t stamp_ns)
{
	static const char digits[] = "0123456789abcdef";
	struct iovec parts[COPIES_MAX];
	char text[STAMP_DIGITS], number[8];
	unsigned int value = client->slot;

	for (unsigned int i = 0; i < STAMP_DIGITS; i++)
		text[i] = digits[(stamp_ns >> (4 * (STAMP_DIGITS - 1 - i))) & 15u];
	for (int i = 7; i >= 0; i--, value /= 10)
		number[i] = (char)('0' + value % 10);
	patch(shared, shared->stamp_at, text, sizeof(text));
	patch(shared, shared->sender_at, number, sizeof(number));
	for (unsigned int i = 0; i < COPIES_MAX && i < copies; i++)
		parts[i] = (struct iovec){shared->frame, shared->n_frame};
	client->n_sent += copies;
	while (copies) {
		unsigned int n = copies < COPIES_MAX ? copies : COPIES_MAX;

		client_write(shared, client, parts, n, n * shared->n_frame);
		copies -= n;
	}
}

void client_send_control(ClientShared *shared, Client *client, unsigned int opcode,
			 const uint8_t *data, size_t n)
{
	uint8_t frame[2 + 4 + 125]; /* control frames have 125 bytes at most */

	if (n > 125)
		n = 125;
	put_header(frame, opcode, n);
	memcpy(frame + 2, shared->mask, 4);
	memcpy(frame + 6, data, n);
	mask_bytes(shared->mask, 0, frame + 6, n);
	client_write(shared, client, &(struct iovec){frame, 6 + n}, 1, 6 + n);
}

void client_close(ClientShared *shared, Client *client)
{
	static const uint8_t normal[2] = {1000 >> 8, 1000 & 255};

	if (client->state != CLIENT_OPEN)
		return;
	client->state = CLIENT_CLOSING;
	client_send_control(shared, client, 8, normal, sizeof(normal));
}

/* The answer to the upgrade: wait for its empty line, then check it. */
static void client_read_head(ClientShared *shared, Client *client, const uint8_t *data, size_t n)
{
	size_t had = client->n_head, take = n < HEAD_MAX - 1 - had ? n : HEAD_MAX - 1 - had;
	char why[64];
	char *end;

	memcpy(client->head + had, data, take);
	client->n_head += take;
	client->head[client->n_head] = '\0';
	end = strstr(client->head, "\r\n\r\n");
	if (!end) {
		if (client->n_head == HEAD_MAX - 1)
			client_fail(shared, client, "the answer to the upgrade is too long");
		return;
	}
	end += 4;
	if (strncmp(client->head, "HTTP/1.1 101", 12)) {
		snprintf(why, sizeof(why), "refused: %.*s", (int)strcspn(client->head, "\r\n"),
			 client->head);
		client_fail(shared, client, why);
		return;
	}
	if (!strstr(client->head, ACCEPT)) {
		client_fail(shared, client,
			    "the answer to the upgrade has the wrong Sec-WebSocket-Accept");
		return;
	}
	take = (size_t)(end - client->head) - had;
	free(client->head);
	client->head = NULL;
	client->state = CLIENT_OPEN;
	shared->on_open(shared->load, client);
	if (take < n && client->fd >= 0)
		parse_frames(shared, client, data + take, n - take, clock_now_ns());
}

bool client_on_ready(ClientShared *shared, Client *client, uint32_t events, unsigned int limit)
{
	ssize_t n;

	if (events & EPOLLOUT && client->n_out)
		client_flush(shared, client);
	if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		return false;
	for (unsigned int i = 0; client->fd >= 0; i++) {
		if (i == limit)
			return true;
		n = recv(client->fd, read_buffer, sizeof(read_buffer), 0);
		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				client_fail(shared, client, strerror(errno));
			return false;
		}
		if (!n) {
			client_fail(shared, client, "the server hung up");
			return false;
		}
		if (client->state == CLIENT_CONNECTING)
			client_read_head(shared, client, read_buffer, (size_t)n);
		else
			parse_frames(shared, client, read_buffer, (size_t)n, clock_now_ns());
		/* A short read has emptied the socket, and what comes later is a new edge. */
		if ((size_t)n < sizeof(read_buffer) &&
		    !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
			return false;
	}
	return false;
}
