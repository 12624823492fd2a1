/* The load: connecting everybody, the loop, and the phases of a run. */
#include "load.h"
#include "rooms.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX	    256
#define QUIET_EVERY	    16u /* events of the busy room between two looks at the pairs */
#define READS_MAX	    4u	/* of one client in a turn */
#define CONNECTING_MAX	    64u /* at once, well below a server's backlog */
#define CONNECT_PATIENCE_NS 20000000000ull
#define DRAIN_PATIENCE_NS   3000000000ull
#define GRACE_NS	    50000000ull /* after the last message, for one too many */
#define CLOSE_PATIENCE_NS   3000000000ull
#define SETTLE_NS	    1000000000ull
#define SAMPLE_STRIDE	    31u /* a prime, so that it walks over all members */

static volatile sig_atomic_t interrupted;

void load_interrupt(void)
{
	interrupted = 1;
}

/* Remember the first thing that went wrong; part of it may come from the server. */
static void load_note(Load *load, const char *what)
{
	size_t n = strlen(what);

	if (load->trouble[0])
		return;
	if (n > sizeof(load->trouble) - 1)
		n = sizeof(load->trouble) - 1;
	for (size_t i = 0; i < n; i++)
		load->trouble[i] = (char)(what[i] < ' ' || what[i] > '~' ? '?' : what[i]);
	load->trouble[n] = '\0';
}

static void load_on_open(void *userdata, Client *client)
{
	Load *load = userdata;

	if (client->role == ROLE_CHURN)
		return;
	load->n_connecting--;
	load->n_open++;
	if (client->role == ROLE_FROZEN)
		epoll_ctl(load->epoll, EPOLL_CTL_DEL, client->fd, NULL);
	if (load->n_open == load->connect_step)
		load->connect_first_s = proc_cpu_s(&load->proc) - load->empty.server_cpu_s;
	if (load->n_open == load->n_steady - load->connect_step)
		load->connect_last_s = proc_cpu_s(&load->proc);
}

static void load_on_closed(void *userdata, Client *client, const char *why)
{
	Load *load = userdata;
	char what[sizeof(load->trouble)];

	if (client->state == CLIENT_CLOSING || load->is_ending) {
		if (client->close_code == 1000)
			load->n_closed_normally++;
		else
			load->n_closed_otherwise++;
		return;
	}
	if (client->close_code)
		snprintf(what, sizeof(what), "%s (%u)", why, client->close_code);
	else
		snprintf(what, sizeof(what), "%s", why);
	if (client->role == ROLE_FROZEN && client->state == CLIENT_OPEN)
		return;
	load_note(load, what);
	if (client->role == ROLE_CHURN) {
		load->n_join_failures++;
	} else if (client->state == CLIENT_CONNECTING) {
		load->n_connecting--;
	} else {
		load->n_lost++;
		if (client->room)
			room_forget(client);
	}
}

static void load_on_sample(void *userdata, Client *client, uint64_t latency_ns)
{
	Load *load = userdata;

	if (load->is_measuring && client->role <= ROLE_PAIR)
		hist_add(client->role == ROLE_PAIR ? &load->pair_latency : &load->latency,
			 latency_ns);
}

static int load_raise_files(Load *load, unsigned int n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	if (limit.rlim_cur >= n)
		return 0;
	limit.rlim_cur = n;
	if (limit.rlim_max < n)
		limit.rlim_max = n; /* only root may, and then it works */
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
		load_note(load,
			  "too few open files are allowed for so many connections; see ulimit -n");
		return -EMFILE;
	}
	return 0;
}

int load_init(Load *load, const Options *options)
{
	struct epoll_event event = {.events = EPOLLIN};
	uint32_t fan_out = options->n_members;
	int r;

	*load = (Load){.options = options, .epoll = -1, .quiet_epoll = -1};
	load->n_clients = options_n_connections(options);
	load->n_steady = load->n_clients - 3 * options->churn;
	load->connect_step = load->n_steady / 2 < 1000 ? load->n_steady / 2 : 1000;
	load->target = (ClientTarget){&options->address, options->n_address, options->host, 0, -1};
	r = load_raise_files(load, load->n_clients + 64);
	if (r < 0)
		return r;
	r = proc_open(&load->proc, options->pid);
	if (r < 0) {
		load_note(load, "there is no process with the number that --pid gives");
		return r;
	}
	r = client_shared_init(&load->shared, options->payload);
	if (r < 0)
		return r;
	load->shared.on_open = load_on_open;
	load->shared.on_closed = load_on_closed;
	load->shared.on_sample = load_on_sample;
	load->shared.load = load;
	load->shared.stride = fan_out > 20 ? SAMPLE_STRIDE : 1;
	load->clients = calloc(load->n_clients + 1, sizeof(*load->clients));
	load->pending = calloc(2 * (size_t)load->n_clients + 2, sizeof(*load->pending));
	if (!load->clients || !load->pending)
		return -ENOMEM;
	for (uint32_t i = 0; i < load->n_clients; i++)
		load->clients[i].fd = -1;
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->quiet_epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load->epoll < 0 || load->quiet_epoll < 0 ||
	    epoll_ctl(load->epoll, EPOLL_CTL_ADD, load->quiet_epoll, &event) < 0)
		return -errno;
	return rooms_init(load);
}

void load_deinit(Load *load)
{
	for (uint32_t i = 0; load->clients && i < load->n_clients; i++)
		client_drop(&load->clients[i]);
	free(load->clients);
	free(load->pending);
	rooms_deinit(load);
	client_shared_deinit(&load->shared);
	if (load->epoll >= 0)
		close(load->epoll);
	if (load->quiet_epoll >= 0)
		close(load->quiet_epoll);
}

static void load_handle(Load *load, Client *client, uint32_t events)
{
	uint64_t before = client->n_received, n;

	if (client->fd < 0)
		return; /* closed earlier in this turn */
	if (client_on_ready(&load->shared, client, events, READS_MAX) && !client->pending) {
		client->pending = true;
		load->pending[load->n_pending++] = client;
	}
	n = client->n_received - before;
	if (!n)
		return;
	if (client->role == ROLE_PAIR)
		load->n_pair_delivered += n;
	else
		load->n_delivered += n;
	if (client->role <= ROLE_PAIR)
		room_on_delivered(load, client->room, n);
}

/* The pairs' sockets: looked at often, so that what the busy room costs us is not charged to them.
 */
static void load_turn_quiet(Load *load)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(load->quiet_epoll, events, EVENTS_MAX, 0);

	for (int i = 0; i < n; i++)
		load_handle(load, events[i].data.ptr, events[i].events);
}

/* One turn of the loop: wait at most @timeout_ns, then handle what there is. */
static void load_turn(Load *load, uint64_t timeout_ns)
{
	struct epoll_event events[EVENTS_MAX];
	uint32_t n_pending = load->n_pending, n_left = 0;
	struct timespec timeout;
	int n;

	if (load->n_pending)
		timeout_ns = 0;
	timeout =
	    (struct timespec){(time_t)(timeout_ns / 1000000000u), (long)(timeout_ns % 1000000000u)};
	n = epoll_pwait2(load->epoll, events, EVENTS_MAX, &timeout, NULL);
	if (n < 0)
		n = 0; /* EINTR: the caller looks at the flag */
	for (int i = 0; i < n; i++) {
		if (load->options->n_pairs && (unsigned int)i % QUIET_EVERY == 0) {
			load_turn_quiet(load);
			rooms_tick(load, clock_now_ns());
		}
		if (events[i].data.ptr)
			load_handle(load, events[i].data.ptr, events[i].events);
	}
	for (uint32_t i = 0; i < n_pending; i++) {
		load->pending[i]->pending = false;
		load_handle(load, load->pending[i], EPOLLIN);
	}
	/* Those that have been put behind the old ones move to the front. */
	for (uint32_t i = n_pending; i < load->n_pending; i++)
		load->pending[n_left++] = load->pending[i];
	load->n_pending = n_left;
	load->now_ns = clock_now_ns();
}

static int load_start_one(Load *load, uint32_t index)
{
	Client *client = &load->clients[index];
	char path[PATH_SIZE];

	rooms_path(load, client, path, sizeof(path));
	load->target.epoll = client->role == ROLE_PAIR ? load->quiet_epoll : load->epoll;
	load->target.source = index / PORTS_PER_ADDRESS;
	return client_connect(client, &load->target, path);
}

static int load_connect(Load *load)
{
	uint64_t begin = clock_now_ns(), last_ns = begin;
	uint32_t n_open = 0;
	int r = 0;

	while (load->n_open < load->n_steady && !r) {
		while (load->n_connecting < CONNECTING_MAX && load->n_started < load->n_steady &&
		       !r) {
			r = load_start_one(load, load->n_started);
			if (r < 0)
				load_note(load, strerror(-r));
			load->n_started++;
			load->n_connecting += !r;
		}
		load_turn(load, 100000000);
		if (load->n_open != n_open)
			last_ns = load->now_ns;
		n_open = load->n_open;
		if (load->now_ns - last_ns > CONNECT_PATIENCE_NS)
			load_note(load, "no answer");
		if (load->trouble[0])
			r = -ECONNREFUSED;
		if (interrupted)
			break;
	}
	load->connect_wall_s = (double)(clock_now_ns() - begin) / 1e9;
	if (load->n_open < load->n_steady)
		return LOAD_E_CONNECT;
	if (load->connect_last_s > 0)
		load->connect_last_s = proc_cpu_s(&load->proc) - load->connect_last_s;
	return 0;
}

static Marks load_mark(const Load *load)
{
	Marks marks = {
	    .at_ns = clock_now_ns(),
	    .n_delivered = load->n_delivered,
	    .n_pair_delivered = load->n_pair_delivered,
	    .server_cpu_s = proc_cpu_s(&load->proc),
	    .own_cpu_s = cpu_own_s(),
	    .machine_cpu_s = machine_cpu_s(),
	    .pss_kib = -1,
	    .slab_kib = -1,
	};

	for (uint32_t i = 0; i < load->n_rooms; i++)
		marks.n_sent += load->rooms[i].n_sent;
	return marks;
}

/* Reading the server's page tables holds it up a little: never in the middle of a measurement. */
static Marks load_mark_memory(const Load *load)
{
	Marks marks;
	long pss = proc_pss_kib(&load->proc);

	marks = load_mark(load);
	marks.pss_kib = pss;
	marks.slab_kib = kernel_slab_kib();
	return marks;
}

static void load_show_progress(const Load *load, uint64_t *shown_ns, uint64_t *n_shown)
{
	const Hist *latency = load->n_loaded ? &load->latency : &load->pair_latency;
	double s = (double)(load->now_ns - *shown_ns) / 1e9;

	if (s < 1)
		return;
	fprintf(stderr, "\r%6.1f s  %10.0f deliveries/s  ",
		(double)(load->now_ns - load->started_ns) / 1e9,
		(double)(load->n_delivered + load->n_pair_delivered - *n_shown) / s);
	if (latency->n)
		fprintf(stderr, "p99 %8.2f ms  ", (double)hist_quantile(latency, 0.99) / 1e6);
	else
		fprintf(stderr, "warming up  ");
	*shown_ns = load->now_ns;
	*n_shown = load->n_delivered + load->n_pair_delivered;
}

/* Let the load run for a while. */
static void load_stretch(Load *load, uint64_t until_ns, bool show)
{
	uint64_t shown_ns = load->now_ns, n_shown = load->n_delivered + load->n_pair_delivered;

	while (load->now_ns < until_ns && !interrupted) {
		uint64_t wait = rooms_tick(load, load->now_ns);

		if (wait > until_ns - load->now_ns)
			wait = until_ns - load->now_ns;
		load_turn(load, wait < 100000000 ? wait : 100000000);
		if (show)
			load_show_progress(load, &shown_ns, &n_shown);
	}
}

static void load_drain(Load *load)
{
	uint64_t end_ns = load->now_ns + (uint64_t)(load->options->drain_s * 1e9),
		 moved_ns = load->now_ns;
	uint64_t n_seen = load->n_delivered + load->n_pair_delivered, n;
	Room *room = load->rooms;

	for (uint32_t i = 0; load->n_loaded && i < room->n_frozen; i++) {
		Client *client = room->members[room->n_members + i];
		struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLOUT | EPOLLET,
					    .data.ptr = client};

		if (client->fd >= 0)
			epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->fd, &event);
	}
	while (load->now_ns < end_ns && load->now_ns - moved_ns < DRAIN_PATIENCE_NS) {
		load->drained = rooms_are_drained(load);
		if (load->drained)
			break;
		load_turn(load, 10000000);
		n = load->n_delivered + load->n_pair_delivered;
		if (n != n_seen)
			moved_ns = load->now_ns;
		n_seen = n;
	}
	end_ns = load->now_ns + GRACE_NS;
	while (load->now_ns < end_ns)
		load_turn(load, end_ns - load->now_ns);
}

/* Say goodbye as a browser does, and see that the server answers. */
static void load_close(Load *load)
{
	uint64_t end_ns = load->now_ns + CLOSE_PATIENCE_NS;
	uint64_t n_done = 0, n_asked = 0;

	load->is_ending = true;
	for (uint32_t i = 0; i < load->n_clients; i++) {
		if (load->clients[i].state == CLIENT_OPEN) {
			client_close(&load->shared, &load->clients[i]);
			n_asked++;
		}
	}
	load->n_closed_normally = load->n_closed_otherwise = 0;
	while (n_done < n_asked && load->now_ns < end_ns) {
		load_turn(load, 10000000);
		n_done = load->n_closed_normally + load->n_closed_otherwise;
	}
	load->n_closed_otherwise += (uint32_t)(n_asked > n_done ? n_asked - n_done : 0);
}

static void load_run_idle(Load *load, bool show)
{
	/* The server may still tidy up what the connecting has cost. */
	load_stretch(load, load->now_ns + SETTLE_NS, false);
	load->from = load_mark_memory(load);
	load->started_ns = load->now_ns = clock_now_ns();
	load_stretch(load, load->now_ns + (uint64_t)(load->options->seconds * 1e9), show);
	load->to = load_mark_memory(load);
	load->drained = true;
}

static void load_run_busy(Load *load, bool show)
{
	load->is_sending = true;
	load->started_ns = load->now_ns = clock_now_ns();
	rooms_start(load);
	load_stretch(load, load->now_ns + (uint64_t)(load->options->warmup_s * 1e9), show);
	load->is_measuring = true;
	load->from = load_mark_memory(load);
	load->now_ns = load->from.at_ns;
	load_stretch(load, load->now_ns + (uint64_t)(load->options->seconds * 1e9), show);
	load->is_measuring = false;
	load->to = load_mark(load);
	load->to.pss_kib = proc_pss_kib(&load->proc);
	load->is_sending = false;
	load->now_ns = clock_now_ns();
	load_drain(load);
	rooms_count(load);
}

int load_run(Load *load)
{
	bool show = isatty(STDERR_FILENO);
	int r;

	interrupted = 0;
	load->empty = load_mark_memory(load);
	r = load_connect(load);
	if (r)
		return r;
	load->ready = load_mark_memory(load);
	load->now_ns = clock_now_ns();
	if (load->options->n_idle)
		load_run_idle(load, show);
	else
		load_run_busy(load, show);
	load->interrupted = interrupted;
	if (show)
		fprintf(stderr, "\r%60s\r", "");
	load_close(load);
	return 0;
}

bool load_is_complete(const Load *load)
{
	return load->drained && !load->n_missing && !load->n_extra && !load->n_lost &&
	       !load->n_frozen_short && !load->shared.n_unexpected;
}
