#pragma once
/* What the person at the command line asked for. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define PAYLOAD_MIN 24u /* room for the stamp: see client.h */
#define PAYLOAD_MAX (1u << 20)
#define PATH_SIZE   200u

typedef struct Options {
	struct sockaddr_storage address;
	socklen_t n_address;
	char host[64];	      /* as it goes into the Host header */
	char path[PATH_SIZE]; /* without the leading slash */

	unsigned int n_rooms;
	unsigned int n_members; /* in each room */
	unsigned int n_senders; /* in each room; 0: all of them */
	unsigned int payload;	/* bytes of content */
	unsigned int window;	/* messages under way in each room */
	double rate;		/* messages a second over all rooms; 0: as the window allows */

	unsigned int n_idle;
	unsigned int churn; /* joins and as many leaves a second */
	bool churn_rooms;
	bool mix;
	unsigned int n_pairs;
	double pair_rate; /* messages a second and pair */
	unsigned int n_frozen;

	double seconds;
	double warmup_s;
	double drain_s;
	pid_t pid;
	bool json;
} Options;

enum {
	_OPTIONS_E_SUCCESS,
	OPTIONS_E_HELP,	 /* help was asked for and printed */
	OPTIONS_E_USAGE, /* the mistake is on stderr */
};

int options_parse(Options *options, int argc, char **argv);

/* The number of connections that these options need at once. */
unsigned int options_n_connections(const Options *options);
