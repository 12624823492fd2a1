#pragma once
/* What the service manager is told (sd_notify(3)); without one, or without libsystemd, nothing. */
#include <uv.h>

#include "proto/defs.h"

struct notify {
	uv_timer_t watchdog;
	bool has_watchdog;
	char status[128]; /* the last one told */
};

/* Return: 0 or negative errno. */
int notify_init(struct notify *n, uv_loop_t *loop) _must_check_;
void notify_close(struct notify *n); /* the loop must run once more */

/* Readiness; from here on the watchdog is fed, by a timer of the loop: a loop that is stuck
 * doesn't feed it. */
void notify_ready(struct notify *n);
void notify_stopping(struct notify *n);

/* A line for `systemctl status`, told only where it has changed. */
void notify_status(struct notify *n, const char *format, ...) _printf_(2, 3);
