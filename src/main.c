/* chatd: the command line */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chatd-config.h"
#include "src/config.h"
#include "src/server.h"

enum {
	EXIT_CANNOT_START = 1,
	EXIT_USAGE = 2, /* of the command line or the configuration */
};

static const char usage[] =
    "Usage: chatd [OPTION]...\n"
    "A WebSocket chat server.\n"
    "\n"
    "  -c, --config FILE            read FILE instead of " CONFIG_DEFAULT_FILE "\n"
    "  -s, --set SECTION.KEY=VALUE  override one setting; may be repeated\n"
    "      --check                  check the configuration and exit\n"
    "      --print-config           print the settings in force, and where each\n"
    "                               comes from, and exit\n"
    "  -h, --help                   print this and exit\n"
    "      --version                print the version and exit\n"
    "\n"
    "Settings come from the file, are overridden by the environment\n"
    "(CHATD_SECTION_KEY) and that by --set. Without any, chatd listens on\n"
    "localhost:8765. Try: wscat -c ws://localhost:8765/room1\n"
    "\n"
    "Settings:\n";

enum action {
	ACTION_SERVE,
	ACTION_CHECK,
	ACTION_PRINT_CONFIG,
};

struct arguments {
	enum action action;
	const char *file;
	const char **sets;
	size_t n_sets;
};

static int bad_usage(const char *format, const char *what)
{
	fprintf(stderr, "chatd: ");
	fprintf(stderr, format, what);
	fprintf(stderr, " (try: chatd --help)\n");
	return EXIT_USAGE;
}

static int print_help(void)
{
	if (fputs(usage, stdout) == EOF || fflush(stdout) || config_print_keys(STDOUT_FILENO))
		return EXIT_CANNOT_START;
	return EXIT_SUCCESS;
}

/* Return: -1 to go on, or what to exit with. */
static int parse_arguments(int argc, char **argv, struct arguments *a)
{
	enum { CHECK = 256, PRINT_CONFIG, VERSION };
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"set", required_argument, NULL, 's'},
	    {"check", no_argument, NULL, CHECK},
	    {"print-config", no_argument, NULL, PRINT_CONFIG},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, VERSION},
	    {0},
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":c:s:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			a->file = optarg;
			break;
		case 's':
			a->sets[a->n_sets++] = optarg;
			break;
		case CHECK:
			a->action = ACTION_CHECK;
			break;
		case PRINT_CONFIG:
			a->action = ACTION_PRINT_CONFIG;
			break;
		case 'h':
			return print_help();
		case VERSION:
			return puts("chatd " CHATD_VERSION) == EOF ? EXIT_CANNOT_START
								   : EXIT_SUCCESS;
		case ':':
			return bad_usage("%s needs an argument", argv[optind - 1]);
		default:
			return bad_usage("%s is not an option", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return bad_usage("\"%s\" is one argument too many", argv[optind]);
	return -1;
}

static int act(enum action action, const struct config *config)
{
	int r;

	switch (action) {
	case ACTION_CHECK:
		return puts("the configuration is good") == EOF ? EXIT_CANNOT_START : EXIT_SUCCESS;
	case ACTION_PRINT_CONFIG:
		r = config_print(config, STDOUT_FILENO);
		if (r)
			fprintf(stderr, "chatd: can't print: %s\n", strerror(-r));
		return r ? EXIT_CANNOT_START : EXIT_SUCCESS;
	default:
		log_init(config->log_level, config->log_target);
		return server_run(config) ? EXIT_CANNOT_START : EXIT_SUCCESS;
	}
}

int main(int argc, char **argv)
{
	struct arguments a = {.sets = calloc((size_t)argc, sizeof(*a.sets))};
	char error[CONFIG_ERROR_MAX];
	struct config config;
	int r;

	if (!a.sets)
		return EXIT_CANNOT_START;
	r = parse_arguments(argc, argv, &a);
	if (r >= 0) {
		free(a.sets);
		return r;
	}

	r = config_load(
	    &config,
	    &(struct config_sources){
		.file = a.file, .environment = environ, .sets = a.sets, .n_sets = a.n_sets},
	    error);
	free(a.sets);
	if (r) {
		fprintf(stderr, "chatd: %s\n", r == -EINVAL ? error : strerror(-r));
		return r == -EINVAL ? EXIT_USAGE : EXIT_CANNOT_START;
	}
	r = act(a.action, &config);
	config_deinit(&config);
	return r;
}
