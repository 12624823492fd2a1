/* Service manager */
#include "src/notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "chatd-config.h"
#include "src/log.h"

#if HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#else
static int sd_notify(int unset, const char *state)
{
	(void)unset;
	(void)state;
	return 0;
}

static int sd_watchdog_enabled(int unset, uint64_t *usec)
{
	(void)unset;
	(void)usec;
	return 0;
}
#endif

static void on_watchdog(uv_timer_t *timer)
{
	(void)timer;
	sd_notify(0, "WATCHDOG=1");
}

int notify_init(struct notify *n, uv_loop_t *loop)
{
	*n = (struct notify){0};
	return uv_timer_init(loop, &n->watchdog);
}

void notify_close(struct notify *n)
{
	uv_close((uv_handle_t *)&n->watchdog, NULL);
}

void notify_ready(struct notify *n)
{
	uint64_t usec;
	int r = sd_watchdog_enabled(0, &usec);

	if (r > 0) {
		/* Half of the time allowed, as sd_watchdog_enabled(3) recommends. */
		uint64_t ms = usec / 2000 ? usec / 2000 : 1;

		n->has_watchdog = true;
		uv_timer_start(&n->watchdog, on_watchdog, 0, ms);
	} else if (r < 0) {
		log_warning("the watchdog's settings in the environment can't be read: %s",
			    strerror(-r));
	}
	sd_notify(0, "READY=1");
}

void notify_stopping(struct notify *n)
{
	(void)n;
	sd_notify(0, "STOPPING=1");
}

void notify_status(struct notify *n, const char *format, ...)
{
	char status[sizeof(n->status)] = "STATUS=";
	va_list args;

	va_start(args, format);
	vsnprintf(status + strlen(status), sizeof(status) - strlen(status), format, args);
	va_end(args);
	if (!strcmp(status, n->status))
		return;
	strcpy(n->status, status);
	sd_notify(0, status);
}
