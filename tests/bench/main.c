/* chat-bench: put a chat server under load and measure it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "load.h"
#include "options.h"
#include "report.h"

enum { EXIT_COMPLETE, EXIT_INCOMPLETE, EXIT_TROUBLE };

static void on_signal(int number)
{
	(void)number;
	load_interrupt();
}

int main(int argc, char **argv)
{
	static Load load;
	struct sigaction action = {.sa_handler = on_signal};
	Options options;
	int r, status;

	r = options_parse(&options, argc, argv);
	if (r == OPTIONS_E_HELP)
		return EXIT_COMPLETE;
	if (r)
		return EXIT_TROUBLE;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	r = load_init(&load, &options);
	if (!r)
		r = load_run(&load);
	if (r == LOAD_E_CONNECT) {
		fprintf(stderr, "chat-bench: only %u of %u could connect: %s\n", load.n_open,
			load.n_steady, load.trouble[0] ? load.trouble : "interrupted");
		status = EXIT_TROUBLE;
	} else if (r) {
		fprintf(stderr, "chat-bench: %s\n", load.trouble[0] ? load.trouble : strerror(-r));
		status = EXIT_TROUBLE;
	} else {
		if (options.json)
			report_json(&load);
		else
			report_text(&load);
		status = load_is_complete(&load) ? EXIT_COMPLETE : EXIT_INCOMPLETE;
	}
	load_deinit(&load);
	return status;
}
