#pragma once
/*
 * Configuration: embedded defaults, overridden by a file, that by the
 * environment, and that by the command line.
 *
 * docs/operations.md describes the keys for operators; config.c holds the table.
 */
#include "src/address.h"
#include "src/log.h"

#define CONFIG_DEFAULT_FILE "/etc/chatd.conf"
#define CONFIG_LISTEN_MAX   32u
#define CONFIG_ERROR_MAX    512u /* bytes of an error's text */
#define CONFIG_ORIGIN_MAX   256u

struct config_address {
	struct address address;
	char text[280];			/* as it was written */
	char origin[CONFIG_ORIGIN_MAX]; /* where: for errors when binding it */
};

struct config {
	struct config_address listen[CONFIG_LISTEN_MAX];
	size_t n_listen;

	/* 0 switches a limit off */
	uint64_t connections;
	uint64_t message_bytes;
	uint64_t lag_bytes;
	uint64_t buffered_bytes;
	uint64_t handshake_ms;

	uint64_t keepalive_interval_ms; /* 0: no pings */
	uint64_t keepalive_timeout_ms;

	enum log_level log_level;
	enum log_target log_target;

	struct config_origins *origins; /* of each key's value */
};

struct config_sources {
	const char *file;	  /* must exist; NULL: CONFIG_DEFAULT_FILE, if it exists */
	char *const *environment; /* as environ; those beginning with CHATD_ count */
	const char *const *sets;  /* "section.key=value", @n_sets of them */
	size_t n_sets;
};

/**
 * config_load() - put the layers together
 * @error: with -EINVAL, one line without newline that names the place, the key
 *         and the reason
 *
 * Return: 0, or -EINVAL for anything that can't be used as it is (an unknown key, a bad
 *         value, an unreadable file), or -ENOMEM. Unless 0, there is nothing to free.
 */
int config_load(struct config *c, const struct config_sources *sources,
		char error[static CONFIG_ERROR_MAX]) _must_check_;
void config_deinit(struct config *c);

/* Writes what is in force as a configuration file, with where each value came from.
 * Return: 0 or negative errno. */
int config_print(const struct config *c, int fd) _must_check_;

/* Writes the keys with their meanings and defaults, for --help. */
int config_print_keys(int fd) _must_check_;
