/* What came out of a run, for a person or for a program. */
#include "report.h"

#include <stdio.h>

typedef struct Figures {
	double seconds, deliveries, sent, deliveries_per_s;
	double server_cpu_s, server_share, own_share, cpu_per_million;
	double others_share;	 /* what neither the server nor we have used */
	double connection_bytes; /* of the server's memory, each */
	double kernel_bytes;	 /* of the kernel's, both ends together */
	double connect_first_us, connect_last_us;
} Figures;

static Figures figures(const Load *load)
{
	Figures f = {.server_cpu_s = -1,
		     .server_share = -1,
		     .others_share = -1,
		     .cpu_per_million = -1,
		     .connection_bytes = -1,
		     .kernel_bytes = -1,
		     .connect_first_us = -1,
		     .connect_last_us = -1};
	bool has_server = load->from.server_cpu_s >= 0 && load->to.server_cpu_s >= 0;

	f.seconds = (double)(load->to.at_ns - load->from.at_ns) / 1e9;
	if (f.seconds <= 0)
		f.seconds = 1e-9;
	f.deliveries = (double)(load->to.n_delivered + load->to.n_pair_delivered -
				load->from.n_delivered - load->from.n_pair_delivered);
	f.sent = (double)(load->to.n_sent - load->from.n_sent);
	f.deliveries_per_s = f.deliveries / f.seconds;
	f.own_share = (load->to.own_cpu_s - load->from.own_cpu_s) / f.seconds;
	if (has_server && load->from.machine_cpu_s >= 0) {
		f.others_share = (load->to.machine_cpu_s - load->from.machine_cpu_s) / f.seconds -
				 f.own_share -
				 (load->to.server_cpu_s - load->from.server_cpu_s) / f.seconds;
		if (f.others_share < 0)
			f.others_share = 0;
	}
	if (has_server) {
		f.server_cpu_s = load->to.server_cpu_s - load->from.server_cpu_s;
		f.server_share = f.server_cpu_s / f.seconds;
		if (f.deliveries > 0)
			f.cpu_per_million = f.server_cpu_s / f.deliveries * 1e6;
		if (load->connect_step) {
			f.connect_first_us = load->connect_first_s * 1e6 / load->connect_step;
			f.connect_last_us = load->connect_last_s * 1e6 / load->connect_step;
		}
	}
	if (load->ready.pss_kib >= load->empty.pss_kib && load->empty.pss_kib >= 0)
		f.connection_bytes =
		    (double)(load->ready.pss_kib - load->empty.pss_kib) * 1024 / load->n_steady;
	if (load->options->n_idle && load->from.pss_kib >= load->empty.pss_kib &&
	    load->empty.pss_kib >= 0)
		f.connection_bytes =
		    (double)(load->from.pss_kib - load->empty.pss_kib) * 1024 / load->n_steady;
	if (load->options->n_idle && load->from.slab_kib >= load->empty.slab_kib &&
	    load->empty.slab_kib >= 0)
		f.kernel_bytes =
		    (double)(load->from.slab_kib - load->empty.slab_kib) * 1024 / load->n_steady;
	return f;
}

static void text_latency(const char *what, const Hist *hist)
{
	if (!hist->n)
		return;
	printf("%-22s p50 %.3f ms   p99 %.3f ms   p99.9 %.3f ms   most %.3f ms   (%llu samples)\n",
	       what, (double)hist_quantile(hist, 0.5) / 1e6,
	       (double)hist_quantile(hist, 0.99) / 1e6, (double)hist_quantile(hist, 0.999) / 1e6,
	       (double)hist->max_ns / 1e6, (unsigned long long)hist->n);
}

static void text_server(const Load *load, const Figures *f)
{
	if (!load->proc.pid)
		return;
	if (f->server_share < 0 || load->to.pss_kib < 0) {
		printf("%-22s %s\n", "server",
		       "its figures could not be read; is it still running?");
		return;
	}
	printf("%-22s %.1f %% of a core", "server processor", f->server_share * 100);
	if (f->cpu_per_million >= 0)
		printf(", %.3f s per million deliveries", f->cpu_per_million);
	printf("\n");
	printf("%-22s %ld KiB empty, %ld connected, %ld at the start, %ld at the end (PSS); peak "
	       "%ld resident\n",
	       "server memory", load->empty.pss_kib, load->ready.pss_kib, load->from.pss_kib,
	       load->to.pss_kib, proc_peak_kib(&load->proc));
	if (load->options->n_idle) {
		printf("%-22s %.0f bytes of user space; in the kernel %.0f, both ends together\n",
		       "a connection", f->connection_bytes, f->kernel_bytes);
		printf("%-22s %.1f us of processor time for the first %u, %.1f us for the last\n",
		       "a connect", f->connect_first_us, load->connect_step, f->connect_last_us);
	}
}

static void text_frozen(const Load *load)
{
	uint32_t n = load->options->n_frozen;

	if (!n)
		return;
	printf("%-22s %u: when they read again, %u got everything, %u less, %u had been closed",
	       "frozen members", n, load->n_frozen_complete, load->n_frozen_short,
	       load->n_frozen_closed);
	if (load->frozen_code)
		printf(" (%u)", load->frozen_code);
	printf("; %llu of %llu messages\n", (unsigned long long)load->n_frozen_received,
	       (unsigned long long)load->n_frozen_expected);
}

static void text_books(const Load *load)
{
	if (!load->options->n_idle)
		printf("%-22s %llu expected, %llu received, %llu missing, %llu extra\n",
		       "deliveries in all", (unsigned long long)load->n_expected_total,
		       (unsigned long long)load->n_got_total, (unsigned long long)load->n_missing,
		       (unsigned long long)load->n_extra);
	if (load->n_lost)
		printf("%-22s %llu members lost their connection: %s\n", "INCOMPLETE",
		       (unsigned long long)load->n_lost, load->trouble);
	if (load->shared.n_unexpected)
		printf("%-22s %llu messages that are not deliveries, like: %s\n", "INCOMPLETE",
		       (unsigned long long)load->shared.n_unexpected, load->shared.unexpected);
	if (load->n_missing || load->n_extra || load->n_frozen_short)
		printf("%-22s not everybody got what the others sent\n", "INCOMPLETE");
	else if (!load->drained)
		printf("%-22s gave up waiting for what was under way\n", "INCOMPLETE");
	if (load->interrupted)
		printf("%-22s the figures are for the time until then\n", "stopped early");
}

void report_text(const Load *load)
{
	const Options *o = load->options;
	Figures f = figures(load);

	if (o->n_idle)
		printf("%-22s %u idle connections in rooms of %u, connected in %.1f s\n", "load",
		       o->n_idle, o->n_members, load->connect_wall_s);
	else if (o->n_members && o->rate > 0)
		printf("%-22s %u rooms of %u, %.0f messages a second, %u bytes\n", "load",
		       o->n_rooms, o->n_members, o->rate, o->payload);
	else if (o->n_members)
		printf("%-22s %u rooms of %u, %u of them send, window %u, %u bytes\n", "load",
		       o->n_rooms, o->n_members, o->n_senders, o->window, o->payload);
	if (o->n_pairs)
		printf("%-22s %u pairs with %.1f messages a second each\n", "quiet", o->n_pairs,
		       o->pair_rate);
	printf("%-22s %.2f s, the generator took %.0f %% of a core\n", "measured", f.seconds,
	       f.own_share * 100);
	if (f.others_share > 0.1)
		printf("%-22s other programs took %.0f %% of a core meanwhile\n", "disturbed",
		       f.others_share * 100);
	if (!o->n_idle)
		printf("%-22s %.0f /s  (%.0f messages sent /s)\n", "deliveries", f.deliveries_per_s,
		       f.sent / f.seconds);
	text_latency("latency", &load->latency);
	text_latency("latency of the pairs", &load->pair_latency);
	text_server(load, &f);
	if (o->churn)
		printf("%-22s %llu joins, %llu leaves, %llu failed\n", "churn",
		       (unsigned long long)load->n_joins, (unsigned long long)load->n_leaves,
		       (unsigned long long)load->n_join_failures);
	text_frozen(load);
	text_books(load);
}

static void json_number(const char *key, double value)
{
	if (value < 0)
		printf("\"%s\":null,", key);
	else
		printf("\"%s\":%.9g,", key, value);
}

static void json_count(const char *key, uint64_t value)
{
	printf("\"%s\":%llu,", key, (unsigned long long)value);
}

static void json_bool(const char *key, bool value)
{
	printf("\"%s\":%s,", key, value ? "true" : "false");
}

static void json_latency(const char *key, const Hist *hist)
{
	if (!hist->n) {
		printf("\"%s\":null,", key);
		return;
	}
	printf("\"%s\":{\"samples\":%llu,\"p50\":%.6f,\"p99\":%.6f,\"p999\":%.6f,\"max\":%.6f},",
	       key, (unsigned long long)hist->n, (double)hist_quantile(hist, 0.5) / 1e6,
	       (double)hist_quantile(hist, 0.99) / 1e6, (double)hist_quantile(hist, 0.999) / 1e6,
	       (double)hist->max_ns / 1e6);
}

static void json_text(const char *key, const char *value)
{
	printf("\"%s\":\"", key);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			putchar('\\');
		putchar(*value);
	}
	printf("\",");
}

void report_json(const Load *load)
{
	const Options *o = load->options;
	Figures f = figures(load);

	printf("{");
	json_count("rooms", o->n_idle ? 0 : o->n_rooms);
	json_count("members", o->n_members);
	json_count("senders", o->n_senders);
	json_count("payload", o->payload);
	json_count("window", o->window);
	json_number("rate", o->rate);
	json_count("idle", o->n_idle);
	json_count("pairs", o->n_pairs);
	json_count("churn", o->churn);
	json_count("frozen", o->n_frozen);
	json_count("connections", load->n_steady);
	json_number("seconds", f.seconds);
	json_number("connect_seconds", load->connect_wall_s);
	json_number("deliveries_per_s", f.deliveries_per_s);
	json_number("messages_per_s", f.sent / f.seconds);
	json_number("generator_share", f.own_share);
	json_number("others_share", f.others_share);
	json_number("server_share", f.server_share);
	json_number("server_cpu_s", f.server_cpu_s);
	json_number("cpu_s_per_million", f.cpu_per_million);
	json_latency("latency_ms", &load->latency);
	json_latency("pair_latency_ms", &load->pair_latency);
	json_number("connection_bytes", f.connection_bytes);
	json_number("kernel_bytes_both_ends", f.kernel_bytes);
	json_number("connect_first_us", f.connect_first_us);
	json_number("connect_last_us", f.connect_last_us);
	json_number("pss_empty_kib", (double)load->empty.pss_kib);
	json_number("pss_connected_kib", (double)load->ready.pss_kib);
	json_number("pss_start_kib", (double)load->from.pss_kib);
	json_number("pss_end_kib", (double)load->to.pss_kib);
	json_number("peak_kib", (double)proc_peak_kib(&load->proc));
	json_count("joins", load->n_joins);
	json_count("leaves", load->n_leaves);
	json_count("join_failures", load->n_join_failures);
	json_count("frozen_complete", load->n_frozen_complete);
	json_count("frozen_short", load->n_frozen_short);
	json_count("frozen_closed", load->n_frozen_closed);
	json_count("frozen_close_code", load->frozen_code);
	json_count("frozen_received", load->n_frozen_received);
	json_count("frozen_expected", load->n_frozen_expected);
	json_count("expected", load->n_expected_total);
	json_count("received", load->n_got_total);
	json_count("missing", load->n_missing);
	json_count("extra", load->n_extra);
	json_count("unexpected", load->shared.n_unexpected);
	json_count("lost_connections", load->n_lost);
	json_count("closed_normally", load->n_closed_normally);
	json_count("closed_otherwise", load->n_closed_otherwise);
	json_count("pings", load->shared.n_pings);
	json_text("trouble", load->trouble);
	json_bool("interrupted", load->interrupted);
	printf("\"complete\":%s}\n", load_is_complete(load) ? "true" : "false");
}
