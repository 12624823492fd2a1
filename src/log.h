#pragma once
/*
 * Logging: to the journal with fields, or lines on stderr. Never waits: lines that
 * nobody reads are lost, and counted.
 *
 * What is logged when stands in docs/operations.md. Never what members say to
 * each other, at any level.
 */
#include "proto/defs.h"

enum log_level {
	LOG_LEVEL_ERROR,   /* chatd can't do its work, or not all of it */
	LOG_LEVEL_WARNING, /* it can, but an operator should know */
	LOG_LEVEL_INFO,	   /* starting, stopping, what it listens on */
	LOG_LEVEL_DEBUG,   /* each connection's coming and going */
};

enum log_target {
	LOG_TARGET_AUTO, /* the journal if that is where stderr goes, else stderr */
	LOG_TARGET_JOURNAL,
	LOG_TARGET_STDERR,
};

/* Before this, lines go to stderr from LOG_LEVEL_INFO up. */
void log_init(enum log_level level, enum log_target target);

/* Whether lines of @level are logged, for callers who would have to work for them. */
bool log_is_enabled(enum log_level level);

/* One line; no newline at its end. Longer than some 1,000 bytes, it is cut off. */
void log_message(enum log_level level, const char *format, ...) _printf_(2, 3);

#define log_error(...)	 log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_is_enabled(LOG_LEVEL_DEBUG))                                               \
			log_message(LOG_LEVEL_DEBUG, __VA_ARGS__);                                 \
	} while (0)

/* At most so many lines in a while: for what clients can bring about. Zero-initialise. */
struct log_limit {
	uint64_t window_ms; /* when the present while began */
	unsigned int n_logged;
	unsigned int n_suppressed;
};

#define LOG_LIMIT_LINES 5u
#define LOG_LIMIT_MS	10000u

/* Like log_message(), limited; tells afterwards how many lines were left out. */
void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
    _printf_(3, 4);
