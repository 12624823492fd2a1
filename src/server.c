/* Server */
#include "chatd-config.h"
#include "src/server.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

/* How long a peer may take to answer our close frame, or libwebsockets to close a socket. */
#define CLOSING_MS 5000
#define DROPPED_MS 10000

/* How long stopping may take: longer than the former, shorter than TimeoutStopSec=. */
#define STOP_MS 7000

/* Sessions looked at per tick and state, so that no tick takes long. */
#define EXPIRIES_PER_TICK 4096

#define STUCK_CHECKS_PER_TURN 4

/* Descriptors where limits.connections has no limit: there's a table of them. */
#define MAX_DESCRIPTORS 524288

/* Descriptors beside those of open WebSockets: for handshakes and refusals under way, and for
 * listeners, the loop, logs. */
#define SPARE_DESCRIPTORS 256

uint64_t server_now_ms(const struct server *server)
{
	return uv_now(&server->loop);
}

enum server_admission server_admits(const struct server *server)
{
	uint64_t limit = server->config->connections;

	if (server->stop_ms)
		return SERVER_IS_STOPPING;
	return limit && server->n_open >= limit ? SERVER_IS_FULL : SERVER_ADMITS;
}

static struct session *first_session(struct server *server, enum session_state state)
{
	struct list_node *node = list_first(&server->sessions[state]);

	return node ? container_of(node, struct session, place) : NULL;
}

/* ---- stopping ---- */

static void close_everything(struct server *server)
{
	if (server->is_closed)
		return;
	server->is_closed = true;
	listeners_close(&server->listeners);
	notify_close(&server->notify);
	uv_close((uv_handle_t *)&server->prepare, NULL);
	uv_close((uv_handle_t *)&server->again, NULL);
	uv_close((uv_handle_t *)&server->tick, NULL);
	uv_close((uv_handle_t *)&server->sigterm, NULL);
	uv_close((uv_handle_t *)&server->sigint, NULL);
	ws_close_begin(&server->ws);
}

/* Nobody new; those who are here get what was said, and are told to come back. */
static void begin_to_stop(struct server *server)
{
	struct session *s;

	server->stop_ms = server_now_ms(server);
	log_info("stopping with %u connections", server->n_open);
	notify_stopping(&server->notify);
	listeners_close(&server->listeners);
	while ((s = first_session(server, SESSION_HANDSHAKE))) {
		session_dropped(s);
		ws_kill(&s->peer);
	}
	while ((s = first_session(server, SESSION_ALIVE)))
		session_close(s, CLOSE_RESTART);
	while ((s = first_session(server, SESSION_PINGED)))
		session_close(s, CLOSE_RESTART);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct server *server = signal->data;

	(void)number;
	if (server->stop_ms)
		close_everything(server); /* asked twice: at once */
	else
		begin_to_stop(server);
}

static bool has_stopped(const struct server *server)
{
	return server->stop_ms &&
	       (!server->n_connections || server_now_ms(server) - server->stop_ms >= STOP_MS);
}

/* ---- the end of a turn ---- */

static void on_again(uv_idle_t *again)
{
	(void)again; /* being active is all it's for */
}

static bool finish_doomed(struct server *server)
{
	struct session *s;
	bool any = false;

	while ((s = first_session(server, SESSION_DOOMED))) {
		session_finish(s);
		any = true;
	}
	return any;
}

/* A few in each turn: where there are turns enough to matter, all get theirs soon. */
static void check_stuck(struct server *server)
{
	struct list_node *first = list_first(&server->held), *node = first;

	for (unsigned int i = 0; node && i < STUCK_CHECKS_PER_TURN; i++) {
		session_check_stuck(container_of(node, struct session, held));
		node = list_first(&server->held);
		if (node == first)
			break; /* once round: a second look needs a turn between */
	}
}

static void on_turn_end(uv_prepare_t *prepare)
{
	struct server *server = container_of(prepare, struct server, prepare);
	bool is_more = fanout_flush(&server->fanout);

	check_stuck(server);
	if (finish_doomed(server))
		is_more = fanout_flush(&server->fanout);
	if (has_stopped(server)) {
		close_everything(server);
		return;
	}
	if (is_more)
		uv_idle_start(&server->again, on_again);
	else
		uv_idle_stop(&server->again);
}

/* ---- once a second ---- */

static void end_handshake(struct session *s)
{
	log_debug("session %" PRIu64 ": no WebSocket in time", s->member.id);
	session_dropped(s);
	ws_kill(&s->peer);
}

/* libwebsockets doesn't tell of a client's pings, and what has come while the loop stood still
 * isn't read yet: the kernel knows. */
static bool was_heard(struct session *s, uint64_t ms)
{
	if (!ws_has_heard(&s->peer, ms))
		return false;
	session_heard(s);
	return true;
}

static void ping_silent(struct session *s)
{
	if (!was_heard(s, s->server->config->keepalive_interval_ms))
		session_ping(s);
}

static void close_silent(struct session *s)
{
	if (!was_heard(s, s->server->config->keepalive_timeout_ms))
		session_close(s, CLOSE_NO_PONG);
}

static void kill_closing(struct session *s)
{
	session_dropped(s);
	ws_kill(&s->peer);
}

static void kill_again(struct session *s)
{
	list_move_to_end(&s->server->sessions[SESSION_DROPPED], &s->place);
	s->since_ms = server_now_ms(s->server);
	ws_kill(&s->peer);
}

/* Does @what to the sessions that have been in @state for @ms, which moves them elsewhere. */
static void expire(struct server *server, enum session_state state, uint64_t ms,
		   void (*what)(struct session *s))
{
	uint64_t now = server_now_ms(server);

	if (!ms)
		return;
	for (unsigned int i = 0; i < EXPIRIES_PER_TICK; i++) {
		struct session *s = first_session(server, state);

		if (!s || now - s->since_ms < ms)
			break;
		what(s);
	}
}

static void on_tick(uv_timer_t *tick)
{
	struct server *server = container_of(tick, struct server, tick);
	const struct config *config = server->config;

	expire(server, SESSION_HANDSHAKE, config->handshake_ms, end_handshake);
	expire(server, SESSION_PINGED, config->keepalive_timeout_ms, close_silent);
	expire(server, SESSION_ALIVE, config->keepalive_interval_ms, ping_silent);
	expire(server, SESSION_CLOSING, CLOSING_MS, kill_closing);
	expire(server, SESSION_DROPPED, DROPPED_MS, kill_again);
	notify_status(&server->notify, "%u connections in %u rooms", server->n_open,
		      registry_count(&server->registry));
}

/* Once a second, or as often as the shortest time to be kept asks for. */
static uint64_t tick_ms(const struct config *config)
{
	const uint64_t times[] = {config->handshake_ms, config->keepalive_interval_ms,
				  config->keepalive_timeout_ms};
	uint64_t ms = 1000;

	for (size_t i = 0; i < N_ELEMENTS(times); i++)
		if (times[i] && times[i] / 4 < ms)
			ms = times[i] / 4;
	return ms;
}

/* ---- starting ---- */

/* As many descriptors as the connections allowed need, and no more: libwebsockets' tables, and
 * some of its loops, are as long as the limit. */
static int set_descriptor_limit(const struct config *config)
{
	struct rlimit limit;
	rlim_t wanted =
	    config->connections ? config->connections + SPARE_DESCRIPTORS : MAX_DESCRIPTORS;

	if (getrlimit(RLIMIT_NOFILE, &limit)) {
		log_error("can't start: the limit of descriptors can't be read: %s",
			  strerror(errno));
		return -1;
	}
	if (wanted > limit.rlim_max) {
		if (config->connections)
			log_warning("limits.connections is %" PRIu64 ", but only %" PRIu64
				    " descriptors are allowed (LimitNOFILE=, ulimit -Hn)",
				    config->connections, (uint64_t)limit.rlim_max);
		wanted = limit.rlim_max;
	}
	limit.rlim_cur = wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) && !getrlimit(RLIMIT_NOFILE, &limit))
		log_warning("the limit of descriptors can't be set: %s", strerror(errno));
	return (int)limit.rlim_cur;
}

static int open_handles(struct server *server)
{
	int r;

	if ((r = uv_prepare_init(&server->loop, &server->prepare)) ||
	    (r = uv_idle_init(&server->loop, &server->again)) ||
	    (r = uv_timer_init(&server->loop, &server->tick)) ||
	    (r = uv_signal_init(&server->loop, &server->sigterm)) ||
	    (r = uv_signal_init(&server->loop, &server->sigint)) ||
	    (r = notify_init(&server->notify, &server->loop)))
		return r;
	server->sigterm.data = server->sigint.data = server;
	return 0;
}

static int start(struct server *server)
{
	uint64_t ms = tick_ms(server->config);
	int r;

	if ((r = uv_prepare_start(&server->prepare, on_turn_end)) ||
	    (r = uv_timer_start(&server->tick, on_tick, ms, ms)) ||
	    (r = uv_signal_start(&server->sigterm, on_signal, SIGTERM)) ||
	    (r = uv_signal_start(&server->sigint, on_signal, SIGINT)) ||
	    (r = ws_open(&server->ws, &server->loop, server->config->handshake_ms)) ||
	    (r = listeners_start(&server->listeners))) {
		log_error("can't start: %s", strerror(-r));
		return r;
	}
	return 0;
}

static int random_key(struct siphash_key *key)
{
	return getrandom(key, sizeof(*key), 0) == sizeof(*key) ? 0 : -errno;
}

static int run(struct server *server)
{
	int r = start(server);

	if (r) {
		close_everything(server);
	} else {
		log_info("ready: chatd " CHATD_VERSION);
		notify_ready(&server->notify);
	}
	uv_run(&server->loop, UV_RUN_DEFAULT);
	ws_close_finish(&server->ws);
	listeners_deinit(&server->listeners);
	return r;
}

int server_run(const struct config *config)
{
	struct server server = {.config = config};
	struct siphash_key key;
	int r;

	server.max_descriptors = set_descriptor_limit(config);
	if (server.max_descriptors < 0)
		return -EIO;
	for (size_t i = 0; i < N_SESSION_STATES; i++)
		list_init(&server.sessions[i]);
	list_init(&server.partials);
	list_init(&server.held);
	r = listeners_open(&server.listeners, &server, config);
	if (r)
		return r;

	if ((r = random_key(&key)) ||
	    (r = fanout_init(&server.fanout,
			     (struct fanout_limits){config->lag_bytes, config->buffered_bytes})) ||
	    (r = uv_loop_init(&server.loop)) || (r = open_handles(&server))) {
		log_error("can't start: %s", strerror(-r));
		return r; /* the process ends: no need to take apart what there is */
	}
	registry_init(&server.registry, &server.fanout, key);

	r = run(&server);
	uv_loop_close(&server.loop);
	registry_deinit(&server.registry);
	fanout_deinit(&server.fanout);
	if (!r)
		log_info("stopped");
	return r;
}
