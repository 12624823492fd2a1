/* Logging */
#include "src/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "chatd-config.h"
#if HAVE_SYSTEMD
#include <syslog.h>
/* The fields that say where in the source a line comes from would all name this file. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#endif

#define LINE_MAX_BYTES 1024

static enum log_level log_level = LOG_LEVEL_INFO;
static bool log_to_journal;

#if HAVE_SYSTEMD
/* Whether stderr is the stream that systemd has connected to the journal (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}
#endif

void log_init(enum log_level level, enum log_target target)
{
	log_level = level;
#if HAVE_SYSTEMD
	log_to_journal =
	    target == LOG_TARGET_JOURNAL || (target == LOG_TARGET_AUTO && stderr_is_journal());
#endif
}

bool log_is_enabled(enum log_level level)
{
	return level <= log_level;
}

static void write_to_stderr(enum log_level level, const char *text)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	char line[LINE_MAX_BYTES + 64];
	struct timespec now;
	struct tm utc;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	n = snprintf(line, sizeof(line), "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s\n",
		     utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
		     utc.tm_sec, now.tv_nsec / 1000000, names[level], text);
	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	/* A log that can't be written is no reason to stop, and there's nobody to tell. */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

static void emit(enum log_level level, const char *text)
{
#if HAVE_SYSTEMD
	static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

	if (log_to_journal) {
		sd_journal_send("MESSAGE=%s", text, "PRIORITY=%i", priorities[level], NULL);
		return;
	}
#endif
	write_to_stderr(level, text);
}

static void emit_format(enum log_level level, const char *format, va_list args)
{
	char text[LINE_MAX_BYTES];

	vsnprintf(text, sizeof(text), format, args);
	/* What a client has sent may be quoted: it must not be able to forge lines. */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	emit(level, text);
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
