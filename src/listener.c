/* Listeners */
#include "src/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "chatd-config.h"
#include "src/server.h"

#if HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

/* Connections taken per event of one listener, so that a flood of them is no monopoly. */
#define ACCEPTS_PER_EVENT 64

/* How long accepting pauses when descriptors or memory have run out. */
#define PAUSE_MS 250

/* ---- accepting ---- */

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void start_polling(struct listeners *ls)
{
	for (size_t i = 0; i < ls->n; i++)
		uv_poll_start(&ls->all[i].poll, UV_READABLE, on_acceptable);
}

static void on_resume(uv_timer_t *timer)
{
	start_polling(container_of(timer, struct listeners, resume));
}

/* Without a pause a listener that can't accept would be reported readable for ever. */
static void pause_accepting(struct listeners *ls, int error)
{
	log_limited(&ls->pauses, LOG_LEVEL_WARNING,
		    "accepting pauses for %d ms with %u connections open: %s", PAUSE_MS,
		    ls->server->n_connections, strerror(error));
	for (size_t i = 0; i < ls->n; i++)
		uv_poll_stop(&ls->all[i].poll);
	uv_timer_start(&ls->resume, on_resume, PAUSE_MS, 0);
}

static void accepted(struct listeners *ls, int fd)
{
	struct session *s = session_new(ls->server);
	int one = 1;

	if (!s) {
		close(fd);
		pause_accepting(ls, ENOMEM);
		return;
	}
	/* Fails for a Unix socket, which has no such delay to switch off. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	ws_adopt(&ls->server->ws, fd, s);
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
	struct listener *l = container_of(poll, struct listener, poll);

	(void)status; /* an error shows at accept, too */
	(void)events;
	for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= l->owner->server->max_descriptors) {
			/* The limit was raised after we have looked: as good as none left. */
			close(fd);
			pause_accepting(l->owner, EMFILE);
			return;
		}
		if (fd >= 0) {
			accepted(l->owner, fd);
			if (uv_is_active((uv_handle_t *)&l->owner->resume))
				return;
			continue;
		}
		switch (errno) {
		case EAGAIN:
			return;
		case EMFILE:
		case ENFILE:
		case ENOBUFS:
		case ENOMEM:
			pause_accepting(l->owner, errno);
			return;
		default:
			break; /* that connection has come to nothing (accept(2)): the next one */
		}
	}
}

/* ---- binding ---- */

/* Takes @fd; it is closed on failure. */
static int add(struct listeners *ls, int fd, const char *path)
{
	struct listener *all = realloc(ls->all, (ls->n + 1) * sizeof(*all));
	char *copy = path ? strdup(path) : NULL;

	if (all)
		ls->all = all;
	if (!all || (path && !copy)) {
		free(copy);
		close(fd);
		return -ENOMEM;
	}
	ls->all[ls->n++] = (struct listener){.owner = ls, .fd = fd, .path = copy};
	return 0;
}

static void log_listening(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	} a;
	socklen_t len = sizeof(a);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(fd, &a.any, &len))
		return;
	if (a.any.sa_family == AF_UNIX)
		log_info("listening on unix:%.*s", (int)sizeof(a.un.sun_path), a.un.sun_path);
	else if (!getnameinfo(&a.any, len, host, sizeof(host), port, sizeof(port),
			      NI_NUMERICHOST | NI_NUMERICSERV))
		log_info(a.any.sa_family == AF_INET6 ? "listening on ws://[%s]:%s/"
						     : "listening on ws://%s:%s/",
			 host, port);
}

/* Return: a listening socket, or negative errno. */
static int open_socket(const struct sockaddr *address, socklen_t len)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, r;

	if (fd < 0)
		return -errno;
	if (address->sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (address->sa_family != AF_UNIX)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, address, len) || listen(fd, SOMAXCONN)) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static int complain(const struct config_address *a, const char *reason)
{
	log_error("%s: server.listen: %s: %s", a->origin, a->text, reason);
	return -EADDRNOTAVAIL;
}

/* Binds all addresses that a name has; one that this host hasn't got (::1 without IPv6) is
 * passed over, as long as there's another. */
static int open_tcp(struct listeners *ls, const struct config_address *a)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
				 .ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found;
	int r = getaddrinfo(a->address.host, a->address.port, &hints, &found);
	int last = -EADDRNOTAVAIL;
	size_t n = 0;

	if (r)
		return complain(a, gai_strerror(r));
	for (struct addrinfo *i = found; i; i = i->ai_next) {
		int fd = open_socket(i->ai_addr, i->ai_addrlen);

		if (fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT) {
			last = fd;
			continue;
		}
		if (fd < 0) {
			freeaddrinfo(found);
			return complain(a, strerror(-fd));
		}
		r = add(ls, fd, NULL);
		if (r) {
			freeaddrinfo(found);
			return r;
		}
		n++;
	}
	freeaddrinfo(found);
	return n ? 0 : complain(a, strerror(-last));
}

/* Whether @address is a socket file that nobody listens on: left by a daemon that was killed. */
static bool is_stale(const struct sockaddr_un *address)
{
	struct stat st;
	bool refused;
	int fd;

	/* Connecting to any other kind of file is refused, too. */
	if (lstat(address->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
		  errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int open_unix(struct listeners *ls, const struct config_address *a)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	_Static_assert(sizeof(address.sun_path) == sizeof(a->address.path), "paths must fit");
	strcpy(address.sun_path, a->address.path);
	fd = open_socket((struct sockaddr *)&address, sizeof(address));
	if (fd == -EADDRINUSE && is_stale(&address) && !unlink(address.sun_path))
		fd = open_socket((struct sockaddr *)&address, sizeof(address));
	if (fd < 0)
		return complain(a, strerror(-fd));
	return add(ls, fd, address.sun_path);
}

/* Return: how many sockets the service manager has passed; negative errno. */
static int take_passed(struct listeners *ls)
{
#if HAVE_SYSTEMD
	int n = sd_listen_fds(1);

	if (n < 0)
		log_error("the sockets passed by the service manager can't be used: %s",
			  strerror(-n));
	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;
		int r = sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1);

		if (r <= 0) {
			log_error("descriptor %d, passed by the service manager, is not a "
				  "listening stream socket",
				  fd);
			return r < 0 ? r : -ENOTSOCK;
		}
		if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
			return -errno;
		r = add(ls, fd, NULL);
		if (r)
			return r;
	}
	return n;
#else
	(void)ls;
	return 0;
#endif
}

static int open_all(struct listeners *ls, const struct config *config)
{
	int r = take_passed(ls);

	if (r)
		return r < 0 ? r : 0;
	for (size_t i = 0; i < config->n_listen; i++) {
		const struct config_address *a = &config->listen[i];

		r = a->address.kind == ADDRESS_UNIX ? open_unix(ls, a) : open_tcp(ls, a);
		if (r)
			return r;
	}
	return 0;
}

static void close_sockets(struct listeners *ls)
{
	for (size_t i = 0; i < ls->n; i++) {
		struct listener *l = &ls->all[i];

		if (l->fd < 0)
			continue;
		if (l->path)
			unlink(l->path);
		close(l->fd);
		l->fd = -1;
	}
}

int listeners_open(struct listeners *ls, struct server *server, const struct config *config)
{
	int r;

	*ls = (struct listeners){.server = server};
	r = open_all(ls, config);
	if (r) {
		close_sockets(ls);
		listeners_deinit(ls);
	}
	return r;
}

int listeners_start(struct listeners *ls)
{
	int r = uv_timer_init(&ls->server->loop, &ls->resume);

	for (size_t i = 0; i < ls->n && !r; i++)
		r = uv_poll_init(&ls->server->loop, &ls->all[i].poll, ls->all[i].fd);
	if (r)
		return r;
	ls->is_polled = true;
	start_polling(ls);
	for (size_t i = 0; i < ls->n; i++)
		log_listening(ls->all[i].fd);
	return 0;
}

void listeners_close(struct listeners *ls)
{
	if (ls->is_polled) {
		uv_close((uv_handle_t *)&ls->resume, NULL);
		for (size_t i = 0; i < ls->n; i++)
			uv_close((uv_handle_t *)&ls->all[i].poll, NULL);
		ls->is_polled = false;
	}
	close_sockets(ls);
}

void listeners_deinit(struct listeners *ls)
{
	for (size_t i = 0; i < ls->n; i++)
		free(ls->all[i].path);
	free(ls->all);
	ls->all = NULL;
	ls->n = 0;
}
