/* Configuration: the table of keys, the layers */
#include "src/config.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/value.h"

#define LINE_MAX_BYTES 4096 /* of the file, without the newline */

enum kind {
	KIND_COUNT,
	KIND_SIZE,
	KIND_TIME,
	KIND_CHOICE,
	KIND_LISTEN,
};

struct key {
	const char *section, *name;
	enum kind kind;
	size_t offset;	   /* in struct config */
	uint64_t min, max; /* beside 0, where that means off */
	const char *default_text;
	const char *const *choices; /* NULL-terminated; the value is the index */
	const char *meaning;
};

static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const log_targets[] = {"auto", "journal", "stderr", NULL};

#define FIELD(name) offsetof(struct config, name)

static const struct key keys[] = {
    {"server", "listen", KIND_LISTEN, FIELD(listen), 0, 0, "localhost:8765", NULL,
     "where to accept connections: host:port, [v6]:port or unix:/path; may be repeated"},
    {"limits", "connections", KIND_COUNT, FIELD(connections), 1, 1000000, "10000", NULL,
     "connections at a time; further ones are answered 503"},
    {"limits", "message_bytes", KIND_SIZE, FIELD(message_bytes), 1, 1u << 30, "1M", NULL,
     "the longest message a client may send; a longer one closes with 1009"},
    {"limits", "lag_bytes", KIND_SIZE, FIELD(lag_bytes), 4096, UINT64_C(1) << 40, "4M", NULL,
     "what a connection may be behind in reading; more closes with 4101"},
    {"limits", "buffered_bytes", KIND_SIZE, FIELD(buffered_bytes), 65536, UINT64_C(1) << 50, "256M",
     NULL, "the same for all connections together: the slowest go first"},
    {"limits", "handshake_seconds", KIND_TIME, FIELD(handshake_ms), 100, 3600000, "10s", NULL,
     "time for a connection to become a WebSocket"},
    {"keepalive", "interval", KIND_TIME, FIELD(keepalive_interval_ms), 100, 86400000, "20s", NULL,
     "silence after which a connection is pinged"},
    {"keepalive", "timeout", KIND_TIME, FIELD(keepalive_timeout_ms), 100, 86400000, "20s", NULL,
     "further silence after which it is closed with 4201"},
    {"log", "level", KIND_CHOICE, FIELD(log_level), 0, 0, "info", log_levels,
     "error, warning, info or debug"},
    {"log", "target", KIND_CHOICE, FIELD(log_target), 0, 0, "auto", log_targets,
     "auto (the journal under systemd), journal or stderr"},
};

/* Where the values of the keys came from, in the order of the table. */
struct config_origins {
	char text[N_ELEMENTS(keys)][CONFIG_ORIGIN_MAX];
};

/* A layer being read. */
struct load {
	struct config *config;
	char *error;
	char origin[CONFIG_ORIGIN_MAX]; /* of what is being read now */
	bool has_listen;		/* this layer has named an address already */
	FILE *file;
	const char *file_name;
	unsigned int line;
	char *text; /* of the line, as getline(3) has it */
	size_t text_size;
	int r; /* what reading the file has come to */
};

_printf_(2, 3) static int fail(struct load *l, const char *format, ...)
{
	va_list args;
	int n = snprintf(l->error, CONFIG_ERROR_MAX, "%s: ", l->origin);

	va_start(args, format);
	vsnprintf(l->error + n, CONFIG_ERROR_MAX - (size_t)n, format, args);
	va_end(args);
	for (char *p = l->error; *p; p++) /* what is quoted may be anything: one line it is */
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return -EINVAL;
}

static const struct key *find_key(const char *section, const char *name)
{
	for (size_t i = 0; i < N_ELEMENTS(keys); i++)
		if (!strcmp(keys[i].section, section) && !strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static bool is_section(const char *section)
{
	for (size_t i = 0; i < N_ELEMENTS(keys); i++)
		if (!strcmp(keys[i].section, section))
			return true;
	return false;
}

/* ---- one value ---- */

static int set_number(struct load *l, const struct key *key, const char *text)
{
	uint64_t *out = (uint64_t *)((char *)l->config + key->offset);
	const char *why;

	switch (key->kind) {
	case KIND_SIZE:
		why = value_parse_size(text, key->min, key->max, out);
		break;
	case KIND_TIME:
		why = value_parse_time(text, key->min, key->max, out);
		break;
	default:
		why = value_parse_count(text, key->min, key->max, out);
		break;
	}
	if (why)
		return fail(l, "%s.%s: \"%.100s\" %s", key->section, key->name, text, why);
	return 0;
}

static int set_choice(struct load *l, const struct key *key, const char *text)
{
	for (unsigned int i = 0; key->choices[i]; i++) {
		if (!strcmp(key->choices[i], text)) {
			*(unsigned int *)((char *)l->config + key->offset) = i;
			return 0;
		}
	}
	return fail(l, "%s.%s: \"%.100s\" is none of: %s", key->section, key->name, text,
		    key->meaning);
}

/* Addresses of one layer add up; the first takes the place of what lower layers said. */
static int set_listen(struct load *l, const struct key *key, const char *text)
{
	struct config *c = l->config;
	char *copy = strdup(text), *state, *word;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	if (!l->has_listen)
		c->n_listen = 0;
	l->has_listen = true;
	word = strtok_r(copy, ", \t", &state);
	if (!word)
		r = fail(l, "%s.%s: an address is missing", key->section, key->name);
	for (; word && !r; word = strtok_r(NULL, ", \t", &state)) {
		struct config_address *a = &c->listen[c->n_listen];
		const char *why;

		if (c->n_listen == CONFIG_LISTEN_MAX) {
			r = fail(l, "%s.%s: more than %u addresses", key->section, key->name,
				 CONFIG_LISTEN_MAX);
			break;
		}
		why = address_parse(word, &a->address);
		if (why) {
			r = fail(l, "%s.%s: \"%.100s\": %s", key->section, key->name, word, why);
			break;
		}
		snprintf(a->text, sizeof(a->text), "%s", word);
		snprintf(a->origin, sizeof(a->origin), "%s", l->origin);
		c->n_listen++;
	}
	free(copy);
	return r;
}

static int set(struct load *l, const char *section, const char *name, const char *text)
{
	const struct key *key = find_key(section, name);
	int r;

	if (!key && !is_section(section))
		return fail(l, "%s.%s: there is no section \"%.100s\"", section, name, section);
	if (!key)
		return fail(l, "%s.%s: there is no such key in section \"%.100s\"", section, name,
			    section);

	if (key->kind == KIND_LISTEN)
		r = set_listen(l, key, text);
	else if (key->kind == KIND_CHOICE)
		r = set_choice(l, key, text);
	else
		r = set_number(l, key, text);
	if (!r)
		snprintf(l->config->origins->text[key - keys], CONFIG_ORIGIN_MAX, "%s", l->origin);
	return r;
}

/* ---- the layers ---- */

static int load_defaults(struct load *l)
{
	snprintf(l->origin, sizeof(l->origin), "default");
	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		int r = set(l, keys[i].section, keys[i].name, keys[i].default_text);

		if (r)
			return r;
	}
	return 0;
}

static int cannot_read(struct load *l)
{
	return errno == ENOMEM ? -ENOMEM : fail(l, "can't be read: %s", strerror(errno));
}

/* Gives inih a line, without its newline, and counts it: inih doesn't tell the handler where it
 * is, and it would cut a long line in two. */
static char *read_line(char *line, int size, void *stream)
{
	struct load *l = stream;
	int n = 0, c;

	if (l->r)
		return NULL;
	l->line++;
	snprintf(l->origin, sizeof(l->origin), "%s:%u", l->file_name, l->line);
	while ((c = getc(l->file)) != EOF && c != '\n') {
		if (n == LINE_MAX_BYTES || n == size - 1)
			l->r = fail(l, "the line is longer than %d bytes", n);
		else if (!c)
			l->r = fail(l, "there is a NUL in the line");
		if (l->r)
			return NULL;
		line[n++] = (char)c;
	}
	if (ferror(l->file)) {
		snprintf(l->origin, sizeof(l->origin), "%s", l->file_name);
		l->r = cannot_read(l);
	}
	line[n] = '\0';
	return l->r || (c == EOF && !n) ? NULL : line;
}

static int handle_pair(void *user, const char *section, const char *name, const char *value)
{
	struct load *l = user;

	if (*section)
		l->r = set(l, section, name, value);
	else
		l->r = fail(l, "%s: there is no [section] above it", name);
	return !l->r;
}

static int load_file(struct load *l, const char *name, bool must_exist)
{
	int r;

	l->file_name = name;
	snprintf(l->origin, sizeof(l->origin), "%s", name);
	l->file = fopen(name, "re");
	if (!l->file)
		return errno == ENOENT && !must_exist ? 0 : cannot_read(l);

	ini_use_stack = false;
	ini_max_line = ini_initial_alloc = LINE_MAX_BYTES + 3; /* inih counts CR, LF and NUL */
	ini_allow_multiline = false;
	ini_stop_on_first_error = true;
	r = ini_parse_stream(read_line, l, handle_pair, l);
	fclose(l->file);
	if (l->r)
		return l->r;
	if (r == -2) /* what inih calls no memory */
		return -ENOMEM;
	if (r)
		return fail(l, "is neither \"[section]\" nor \"key = value\" nor a comment");
	return 0;
}

/* CHATD_SECTION_KEY=value. No section's name has a _ in it, so the first one ends it. */
static int load_variable(struct load *l, const char *variable)
{
	const char *value = strchr(variable, '=');
	char name[128], *key;
	size_t n;

	if (strncmp(variable, "CHATD_", 6) != 0 || !value)
		return 0;
	snprintf(l->origin, sizeof(l->origin), "environment %.*s", (int)(value - variable),
		 variable);
	n = (size_t)(value - variable - 6);
	if (n >= sizeof(name))
		return fail(l, "there is no such key");
	for (size_t i = 0; i < n; i++) {
		char c = variable[6 + i];

		if (c >= 'a' && c <= 'z')
			return fail(l, "such names are all capitals");
		name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	name[n] = '\0';
	key = strchr(name, '_');
	if (!key)
		return fail(l, "is not of the form CHATD_SECTION_KEY");
	*key++ = '\0';
	return set(l, name, key, value + 1);
}

static int load_set(struct load *l, const char *text)
{
	const char *dot = strchr(text, '.'), *equals = strchr(text, '=');
	char section[64], key[64];

	if (!dot || !equals || dot > equals) {
		snprintf(l->origin, sizeof(l->origin), "--set %s", text);
		return fail(l, "is not of the form section.key=value");
	}
	snprintf(l->origin, sizeof(l->origin), "--set %.*s", (int)(equals - text), text);
	snprintf(section, sizeof(section), "%.*s", (int)(dot - text), text);
	snprintf(key, sizeof(key), "%.*s", (int)(equals - dot - 1), dot + 1);
	return set(l, section, key, equals + 1);
}

int config_load(struct config *c, const struct config_sources *sources,
		char error[static CONFIG_ERROR_MAX])
{
	struct load l = {.config = c, .error = error};
	int r;

	*error = '\0';
	*c = (struct config){0};
	c->origins = calloc(1, sizeof(*c->origins));
	if (!c->origins)
		return -ENOMEM;

	r = load_defaults(&l);
	l.has_listen = false;
	if (!r)
		r = load_file(&l, sources->file ? sources->file : CONFIG_DEFAULT_FILE,
			      sources->file != NULL);
	l.has_listen = false;
	for (char *const *v = sources->environment; v && *v && !r; v++)
		r = load_variable(&l, *v);
	l.has_listen = false;
	for (size_t i = 0; i < sources->n_sets && !r; i++)
		r = load_set(&l, sources->sets[i]);
	if (r)
		config_deinit(c);
	return r;
}

void config_deinit(struct config *c)
{
	free(c->origins);
	c->origins = NULL;
}

/* ---- printing ---- */

static void print_value(FILE *out, const struct config *c, const struct key *key)
{
	const char *field = (const char *)c + key->offset;
	char text[VALUE_TEXT_MAX];

	switch (key->kind) {
	case KIND_SIZE:
		value_format_size(*(const uint64_t *)field, text);
		break;
	case KIND_TIME:
		value_format_time(*(const uint64_t *)field, text);
		break;
	case KIND_CHOICE:
		snprintf(text, sizeof(text), "%s", key->choices[*(const unsigned int *)field]);
		break;
	default:
		snprintf(text, sizeof(text), "%" PRIu64, *(const uint64_t *)field);
		break;
	}
	fprintf(out, "%s = %s ; %s\n", key->name, text, c->origins->text[key - keys]);
}

static int finish(FILE *out)
{
	int r = ferror(out) ? -EIO : 0;

	if (fclose(out) && !r)
		r = -errno;
	return r;
}

static FILE *stream_for(int fd)
{
	int copy = dup(fd);
	FILE *out = copy < 0 ? NULL : fdopen(copy, "w");

	if (!out && copy >= 0)
		close(copy);
	return out;
}

int config_print(const struct config *c, int fd)
{
	FILE *out = stream_for(fd);
	const char *section = "";

	if (!out)
		return -errno;
	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		if (strcmp(section, keys[i].section) != 0) {
			fprintf(out, "%s[%s]\n", *section ? "\n" : "", keys[i].section);
			section = keys[i].section;
		}
		if (keys[i].kind != KIND_LISTEN) {
			print_value(out, c, &keys[i]);
			continue;
		}
		for (size_t j = 0; j < c->n_listen; j++)
			fprintf(out, "%s = %s ; %s\n", keys[i].name, c->listen[j].text,
				c->listen[j].origin);
	}
	return finish(out);
}

int config_print_keys(int fd)
{
	FILE *out = stream_for(fd);

	if (!out)
		return -errno;
	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s.%s", keys[i].section, keys[i].name);
		fprintf(out, "  %-25s %s\n  %25s default: %s\n", name, keys[i].meaning, "",
			keys[i].default_text);
	}
	return finish(out);
}
