/* Service manager */
#include "src/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chatd-config.h"
#include "src/log.h"

#if HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#else
static int sd_watchdog_enabled(int unset, uint64_t *usec)
{
	(void)unset;
	(void)usec;
	return 0;
}
#endif

/* Return: whether it is on its way (or there's nobody to tell): false to try again later. */
static bool tell(const struct notify *n, const char *text)
{
	if (n->fd < 0)
		return true;
	return sendto(n->fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&n->address,
		      n->address_len) >= 0 ||
	       (errno != EAGAIN && errno != ENOBUFS && errno != EINTR);
}

static void tell_what_is_due(struct notify *n)
{
	if (n->is_ready_due)
		n->is_ready_due = !tell(n, "READY=1");
	if (n->is_stopping_due)
		n->is_stopping_due = !tell(n, "STOPPING=1");
	if (*n->status && tell(n, n->status)) {
		strcpy(n->told, n->status);
		*n->status = '\0';
	}
}

static void on_watchdog(uv_timer_t *timer)
{
	/* One that is lost because the manager doesn't read is followed by the next. */
	(void)tell(container_of(timer, struct notify, watchdog), "WATCHDOG=1");
}

/* $NOTIFY_SOCKET: a path, or an abstract name with @ in place of the NUL. */
static void find_manager(struct notify *n)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len = name ? strlen(name) : 0;

	if (len < 2 || (name[0] != '/' && name[0] != '@') || len >= sizeof(n->address.sun_path))
		return;
	n->address.sun_family = AF_UNIX;
	memcpy(n->address.sun_path, name, len);
	if (name[0] == '@')
		n->address.sun_path[0] = '\0';
	n->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (n->fd < 0)
		log_warning("the service manager can't be told anything: %s", strerror(errno));
}

int notify_init(struct notify *n, uv_loop_t *loop)
{
	*n = (struct notify){.fd = -1};
	find_manager(n);
	return uv_timer_init(loop, &n->watchdog);
}

void notify_close(struct notify *n)
{
	uv_close((uv_handle_t *)&n->watchdog, NULL);
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

void notify_ready(struct notify *n)
{
	uint64_t usec;
	int r = sd_watchdog_enabled(0, &usec);

	if (r > 0) {
		/* Half of the time allowed, as sd_watchdog_enabled(3) recommends. */
		uint64_t ms = usec / 2000 ? usec / 2000 : 1;

		uv_timer_start(&n->watchdog, on_watchdog, 0, ms);
	} else if (r < 0) {
		log_warning("the watchdog's settings in the environment can't be read: %s",
			    strerror(-r));
	}
	n->is_ready_due = true;
	tell_what_is_due(n);
}

void notify_stopping(struct notify *n)
{
	n->is_stopping_due = true;
	tell_what_is_due(n);
}

void notify_status(struct notify *n, const char *format, ...)
{
	char status[sizeof(n->status)] = "STATUS=";
	va_list args;

	va_start(args, format);
	vsnprintf(status + strlen(status), sizeof(status) - strlen(status), format, args);
	va_end(args);
	strcpy(n->status, strcmp(status, n->told) ? status : "");
	tell_what_is_due(n);
}
