#pragma once
/*
 * What the service manager is told: the datagrams of sd_notify(3).
 *
 * Sent by ourselves, since libsystemd's function blocks while the manager doesn't
 * read, and everything here happens on the loop's thread. What can't be sent now is
 * sent later; what has been overtaken by then isn't.
 */
#include <sys/un.h>
#include <uv.h>

#include "proto/defs.h"

struct notify {
	uv_timer_t watchdog;
	int fd; /* -1: nobody to tell */
	struct sockaddr_un address;
	socklen_t address_len;
	bool is_ready_due, is_stopping_due;
	char status[128]; /* the newest; "" if it has been told */
	char told[128];
};

/* Return: 0 or negative errno. */
int notify_init(struct notify *n, uv_loop_t *loop) _must_check_;
void notify_close(struct notify *n); /* the loop must run once more */

/* Readiness; from here on the watchdog is fed, by a timer of the loop: a loop that is stuck
 * doesn't feed it. */
void notify_ready(struct notify *n);
void notify_stopping(struct notify *n);

/* A line for `systemctl status`, told only where it has changed. To be called now and then, as
 * it also tells what couldn't be told before. */
void notify_status(struct notify *n, const char *format, ...) _printf_(2, 3);
