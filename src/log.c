/* Logging */
#include "src/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static enum log_level log_level = LOG_LEVEL_INFO;
static int journal = -1; /* a socket to it, or -1: stderr */
static int output = STDERR_FILENO;
static unsigned int n_unwritten; /* lines lost since the last one that was written */

/* Whether stderr is the stream that systemd has connected to the journal (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

static const struct sockaddr_un journal_address = {AF_UNIX, "/run/systemd/journal/socket"};

/* Return: a socket to send to the journal by, or -1. Not connected, so that a journal that is
 * started anew is found again; but whether there is one is tried here. */
static int open_journal(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = connect(probe, (const struct sockaddr *)&journal_address, sizeof(journal_address));

	if (r && fd >= 0) {
		close(fd);
		fd = -1;
	}
	if (probe >= 0)
		close(probe);
	return fd;
}

/* A pipe or terminal may be full, and others who write to it don't expect it not to block: a
 * description of our own doesn't. */
static void open_output(void)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) || (!S_ISFIFO(st.st_mode) && !isatty(STDERR_FILENO)))
		return;
	output = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (output < 0)
		output = STDERR_FILENO;
}

void log_init(enum log_level level, enum log_target target)
{
	log_level = level;
	open_output();
	if (target == LOG_TARGET_JOURNAL || (target == LOG_TARGET_AUTO && stderr_is_journal())) {
		journal = open_journal();
		if (journal < 0)
			log_warning("the journal can't be reached (%s): logging to stderr",
				    strerror(errno));
	}
}

bool log_is_enabled(enum log_level level)
{
	return level <= log_level;
}

/*
 * Both return whether the line has been written. Neither waits: who reads the log
 * may have stopped, and the loop must not stop with it.
 */

static bool write_to_stderr(enum log_level level, const char *text)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	struct pollfd writable = {.fd = output, .events = POLLOUT};
	char line[LINE_MAX_BYTES + 64];
	struct timespec now;
	struct tm utc;
	int n;

	/* A pipe that is writable takes PIPE_BUF bytes (pipe(7)), which is more than a line has. */
	_Static_assert(sizeof(line) <= PIPE_BUF, "a line must be written in one piece");
	if (poll(&writable, 1, 0) != 1)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	n = snprintf(line, sizeof(line), "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s\n",
		     utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
		     utc.tm_sec, now.tv_nsec / 1000000, names[level], text);
	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	return write(output, line, (size_t)n) == n;
}

/* The native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): a field a line. */
static bool write_to_journal(enum log_level level, const char *text)
{
	static const int priorities[] = {3, 4, 6, 7}; /* as syslog(3) counts */
	char datagram[LINE_MAX_BYTES + 64];
	int n =
	    snprintf(datagram, sizeof(datagram),
		     "PRIORITY=%d\nSYSLOG_IDENTIFIER=chatd\nMESSAGE=%s\n", priorities[level], text);

	return sendto(journal, datagram, (size_t)n, MSG_NOSIGNAL,
		      (const struct sockaddr *)&journal_address, sizeof(journal_address)) == n;
}

static bool emit(enum log_level level, const char *text)
{
	return journal >= 0 ? write_to_journal(level, text) : write_to_stderr(level, text);
}

static void emit_format(enum log_level level, const char *format, va_list args)
{
	char text[LINE_MAX_BYTES];

	vsnprintf(text, sizeof(text), format, args);
	/* What a client has sent may be quoted: it must not be able to forge lines. */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';

	if (n_unwritten) {
		char lost[64];

		snprintf(lost, sizeof(lost), "%u lines were lost: nobody read them", n_unwritten);
		if (emit(LOG_LEVEL_WARNING, lost))
			n_unwritten = 0;
	}
	if (!emit(level, text))
		n_unwritten++;
}

void log_message(enum log_level level, const char *format, ...)
{
	va_list args;

	if (!log_is_enabled(level))
		return;
	va_start(args, format);
	emit_format(level, format, args);
	va_end(args);
}

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
	struct timespec now;
	uint64_t now_ms;
	va_list args;

	if (!log_is_enabled(level))
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (now_ms - limit->window_ms >= LOG_LIMIT_MS) {
		if (limit->n_suppressed)
			log_message(level, "%u more such lines were left out", limit->n_suppressed);
		*limit = (struct log_limit){.window_ms = now_ms};
	}
	if (limit->n_logged == LOG_LIMIT_LINES) {
		limit->n_suppressed++;
		return;
	}
	limit->n_logged++;
	va_start(args, format);
	emit_format(level, format, args);
	va_end(args);
}
