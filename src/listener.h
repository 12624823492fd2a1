#pragma once
/*
 * Listeners: the sockets that connections come in by. Our own, not
 * libwebsockets', so that configured and inherited sockets are one path, and
 * running out of descriptors pauses accepting.
 */
#include <uv.h>

#include "src/config.h"

struct server;

struct listener {
	struct listeners *owner;
	uv_poll_t poll;
	int fd;
	char *path; /* of a Unix socket that is ours to unlink, or NULL */
};

struct listeners {
	struct server *server;
	struct listener *all;
	size_t n;
	uv_timer_t resume; /* active: accepting is paused */
	bool is_polled;	   /* the handles are open */
	struct log_limit pauses;
};

/**
 * listeners_open() - bind what @config says, or take what systemd hands over
 *
 * Sockets passed by the service manager (sd_listen_fds(3)) take the place of
 * server.listen. Resolves names, so it may block: only for starting.
 *
 * Return: 0; negative errno: logged, nothing is left open.
 */
int listeners_open(struct listeners *ls, struct server *server,
		   const struct config *config) _must_check_;

/* Begins to accept. Return: 0 or negative errno. */
int listeners_start(struct listeners *ls) _must_check_;

/* Stops accepting and closes the sockets; the loop must run once more for their handles.
 * May be called again. */
void listeners_close(struct listeners *ls);

/* Frees what listeners_close() has left; the loop has ended. */
void listeners_deinit(struct listeners *ls);
