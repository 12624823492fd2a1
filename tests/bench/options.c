/* What the person at the command line asked for. */
#include "options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 1000000u

static const char help[] =
    "chat-bench - put a chat server under load and measure it\n"
    "\n"
    "Usage: chat-bench [options] ws://127.0.0.1:8765/room\n"
    "\n"
    "Speaks chat.v1: every message that a member sends is delivered to everybody else in its\n"
    "room. Only servers on this machine are accepted. When it has stopped sending, chat-bench\n"
    "waits for what is still under way, counts what each member got, and exits with 1 if\n"
    "anything is missing or too much.\n"
    "\n"
    "The load:\n"
    "  --rooms R          rooms (1); with more than one they are called room-0, room-1 ...\n"
    "  --members M        members in each room (100)\n"
    "  --senders S        members of each room who send, in turn (all)\n"
    "  --payload BYTES    length of a message's content (64; at least 24)\n"
    "  --window W         messages under way in each room (64): the next one is sent when as\n"
    "                     many deliveries have come in as a message has receivers\n"
    "  --rate N           N messages a second over all rooms instead of as many as the window\n"
    "                     lets through; --window then is the most that may be under way\n"
    "\n"
    "Besides, or instead:\n"
    "  --idle N           no load: N connections in rooms of M; memory of each, cost of a\n"
    "                     connect, and processor time while nothing happens\n"
    "  --churn N          N members a second join the first room and leave after a second\n"
    "  --churn-rooms      each of them joins a room of its own, which goes when it leaves\n"
    "  --mix              one busy room as above, and quiet pairs beside it, whose latency is\n"
    "                     measured separately; with --members 0 the pairs are alone\n"
    "  --pairs P          how many pairs (50)\n"
    "  --pair-rate N      messages a second that each pair sends (4)\n"
    "  --frozen N         N further members of the first room do not read until the end\n"
    "\n"
    "The measuring:\n"
    "  --seconds S        how long to measure (5)\n"
    "  --warmup S         load before that, not measured (1)\n"
    "  --drain S          longest wait for what is under way at the end (15)\n"
    "  --pid PID          the server's process: its processor time and memory\n"
    "  --json             print one JSON object instead of the report\n"
    "  --help             this text\n"
    "\n"
    "Give the server one core and chat-bench another:\n"
    "  taskset -c 0 chatd &\n"
    "  taskset -c 1 chat-bench --members 100 --pid $! ws://127.0.0.1:8765/bench\n"
    "\n"
    "If the generator's own processor share comes near 100 %, it is what was measured.\n"
    "Ctrl-C stops the load early; the report is printed all the same.\n"
    "Exit status: 0 complete, 1 incomplete, 2 could not run.\n";

static bool parse_uint(const char *text, unsigned int min, unsigned int max, unsigned int *valuep)
{
	char *end;
	unsigned long long value;

	if (*text < '0' || *text > '9')
		return false;
	value = strtoull(text, &end, 10);
	if (*end || value < min || value > max)
		return false;
	*valuep = (unsigned int)value;
	return true;
}

static bool parse_real(const char *text, double min, double max, double *valuep)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !isfinite(value) || value < min || value > max)
		return false;
	*valuep = value;
	return true;
}

/* Loopback only: this program must not become a weapon by a slip of the keyboard. */
static bool parse_host(Options *options, const char *host, unsigned int port)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)&options->address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&options->address;

	if (!strcmp(host, "localhost"))
		host = "127.0.0.1";
	memset(&options->address, 0, sizeof(options->address));
	if (inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons((uint16_t)port);
		options->n_address = sizeof(*in4);
		return ntohl(in4->sin_addr.s_addr) >> 24 == 127;
	}
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		options->n_address = sizeof(*in6);
		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	}
	return false;
}

static int parse_url(Options *options, const char *url)
{
	char host[48] = "", port_text[8] = "";
	const char *rest, *slash;
	unsigned int port;
	int r;

	if (strncmp(url, "ws://", 5)) {
		fprintf(stderr, "chat-bench: the server must be given as ws://HOST:PORT/ROOM\n");
		return OPTIONS_E_USAGE;
	}
	rest = url + 5;
	slash = strchrnul(rest, '/');
	if (*rest == '[')
		r = sscanf(rest, "[%47[0-9a-fA-F:.]]:%7[0-9]", host, port_text);
	else
		r = sscanf(rest, "%47[^:/]:%7[0-9]", host, port_text);
	if (r != 2 || !parse_uint(port_text, 1, 65535, &port)) {
		fprintf(stderr, "chat-bench: no host and port in %s\n", url);
		return OPTIONS_E_USAGE;
	}
	if (!parse_host(options, host, port)) {
		fprintf(stderr,
			"chat-bench: %s is not this machine; only 127.0.0.0/8, ::1 and localhost "
			"are accepted\n",
			host);
		return OPTIONS_E_USAGE;
	}
	if ((size_t)(slash - rest) >= sizeof(options->host)) {
		fprintf(stderr, "chat-bench: no host and port in %s\n", url);
		return OPTIONS_E_USAGE;
	}
	memcpy(options->host, rest, (size_t)(slash - rest));
	while (*slash == '/')
		slash++;
	for (const char *c = slash; *c; c++) {
		if (*c <= ' ' || *c > '~' || *c == '?' || *c == '#') {
			fprintf(
			    stderr,
			    "chat-bench: the room's name must be plain ASCII, percent-encoded\n");
			return OPTIONS_E_USAGE;
		}
	}
	if (strlen(slash) > PATH_SIZE - 32u) {
		fprintf(stderr, "chat-bench: the room's name is too long\n");
		return OPTIONS_E_USAGE;
	}
	strcpy(options->path, *slash ? slash : "bench");
	return 0;
}

static int check(Options *options, bool window_given)
{
	if (options->n_senders > options->n_members || !options->n_senders)
		options->n_senders = options->n_members;
	if (!options->mix)
		options->n_pairs = 0;
	if (options->mix && options->n_rooms > 1) {
		fprintf(stderr, "chat-bench: --mix has one busy room\n");
		return OPTIONS_E_USAGE;
	}
	if (options->n_members < 2 && !options->n_idle && !(options->mix && !options->n_members)) {
		fprintf(stderr, "chat-bench: a room needs two members at least\n");
		return OPTIONS_E_USAGE;
	}
	if (!options->n_members) {
		options->n_rooms = 0;
		if (options->churn || options->n_frozen || options->n_idle) {
			fprintf(stderr, "chat-bench: --members 0 leaves no room to do that in\n");
			return OPTIONS_E_USAGE;
		}
	}
	if ((uint64_t)options->n_rooms * options->n_members > CONNECTIONS_MAX) {
		fprintf(stderr, "chat-bench: that would be more than %u connections\n",
			CONNECTIONS_MAX);
		return OPTIONS_E_USAGE;
	}
	if (options->rate > 0 && !window_given)
		options->window = 1000000;
	if (options->n_idle && (options->mix || options->churn || options->n_frozen)) {
		fprintf(stderr, "chat-bench: --idle stands alone\n");
		return OPTIONS_E_USAGE;
	}
	return 0;
}

int options_parse(Options *options, int argc, char **argv)
{
	enum {
		ROOMS = 256,
		MEMBERS,
		SENDERS,
		PAYLOAD,
		WINDOW,
		RATE,
		IDLE,
		CHURN,
		CHURN_ROOMS,
		MIX,
		PAIRS,
		PAIR_RATE,
		FROZEN,
		SECONDS,
		WARMUP,
		DRAIN,
		PID,
		JSON,
		HELP
	};
	static const struct option long_options[] = {
	    {"rooms", required_argument, NULL, ROOMS},
	    {"members", required_argument, NULL, MEMBERS},
	    {"senders", required_argument, NULL, SENDERS},
	    {"payload", required_argument, NULL, PAYLOAD},
	    {"window", required_argument, NULL, WINDOW},
	    {"rate", required_argument, NULL, RATE},
	    {"idle", required_argument, NULL, IDLE},
	    {"churn", required_argument, NULL, CHURN},
	    {"churn-rooms", no_argument, NULL, CHURN_ROOMS},
	    {"mix", no_argument, NULL, MIX},
	    {"pairs", required_argument, NULL, PAIRS},
	    {"pair-rate", required_argument, NULL, PAIR_RATE},
	    {"frozen", required_argument, NULL, FROZEN},
	    {"seconds", required_argument, NULL, SECONDS},
	    {"warmup", required_argument, NULL, WARMUP},
	    {"drain", required_argument, NULL, DRAIN},
	    {"pid", required_argument, NULL, PID},
	    {"json", no_argument, NULL, JSON},
	    {"help", no_argument, NULL, HELP},
	    {0},
	};
	bool ok = true, window_given = false;
	unsigned int pid = 0;
	int c, index = 0, r;

	*options = (Options){.n_rooms = 1,
			     .n_members = 100,
			     .payload = 64,
			     .window = 64,
			     .n_pairs = 50,
			     .pair_rate = 4,
			     .seconds = 5,
			     .warmup_s = 1,
			     .drain_s = 15};
	while (ok && (c = getopt_long(argc, argv, "h", long_options, &index)) >= 0) {
		switch (c) {
		case ROOMS:
			ok = parse_uint(optarg, 1, 1000000, &options->n_rooms);
			break;
		case MEMBERS:
			ok = parse_uint(optarg, 0, 1000000, &options->n_members);
			break;
		case SENDERS:
			ok = parse_uint(optarg, 1, 1000000, &options->n_senders);
			break;
		case PAYLOAD:
			ok = parse_uint(optarg, PAYLOAD_MIN, PAYLOAD_MAX, &options->payload);
			break;
		case WINDOW:
			ok = window_given = parse_uint(optarg, 1, 1000000, &options->window);
			break;
		case RATE:
			ok = parse_real(optarg, 0.01, 1e8, &options->rate);
			break;
		case IDLE:
			ok = parse_uint(optarg, 1, 1000000, &options->n_idle);
			break;
		case CHURN:
			ok = parse_uint(optarg, 1, 10000, &options->churn);
			break;
		case CHURN_ROOMS:
			options->churn_rooms = true;
			break;
		case MIX:
			options->mix = true;
			break;
		case PAIRS:
			ok = parse_uint(optarg, 1, 100000, &options->n_pairs);
			break;
		case PAIR_RATE:
			ok = parse_real(optarg, 0.01, 10000, &options->pair_rate);
			break;
		case FROZEN:
			ok = parse_uint(optarg, 1, 100000, &options->n_frozen);
			break;
		case SECONDS:
			ok = parse_real(optarg, 0.1, 86400, &options->seconds);
			break;
		case WARMUP:
			ok = parse_real(optarg, 0, 3600, &options->warmup_s);
			break;
		case DRAIN:
			ok = parse_real(optarg, 0.1, 3600, &options->drain_s);
			break;
		case PID:
			ok = parse_uint(optarg, 1, 1u << 22, &pid);
			break;
		case JSON:
			options->json = true;
			break;
		case HELP:
		case 'h':
			fputs(help, stdout);
			return OPTIONS_E_HELP;
		default:
			fprintf(stderr, "Try chat-bench --help.\n");
			return OPTIONS_E_USAGE;
		}
	}
	if (!ok) {
		fprintf(stderr, "chat-bench: --%s cannot be %s\n", long_options[index].name,
			optarg);
		return OPTIONS_E_USAGE;
	}
	if (optind != argc - 1) {
		fprintf(stderr,
			"chat-bench: give one server, like ws://127.0.0.1:8765/room; see --help\n");
		return OPTIONS_E_USAGE;
	}
	options->pid = (pid_t)pid;
	r = parse_url(options, argv[optind]);
	return r ? r : check(options, window_given);
}

unsigned int options_n_connections(const Options *options)
{
	if (options->n_idle)
		return options->n_idle;
	/* A member that comes by churn lives for a second; as many again may be on their way in or
	 * out. */
	return options->n_rooms * options->n_members + options->n_frozen + 2 * options->n_pairs +
	       3 * options->churn;
}
