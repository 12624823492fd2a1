/* Measuring: clocks, a latency histogram, and what /proc tells about the server. */
#include "measure.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull

static unsigned int hist_index(uint64_t ns)
{
	unsigned int power, index;

	if (ns < HIST_STEPS)
		return (unsigned int)ns;
	power = 63u - (unsigned int)__builtin_clzll(ns); /* >= 6: HIST_STEPS is 2^6 */
	index =
	    (power - 5u) * HIST_STEPS + (unsigned int)((ns >> (power - 6u)) & (HIST_STEPS - 1u));
	return index < HIST_BUCKETS ? index : HIST_BUCKETS - 1u;
}

static uint64_t hist_middle(unsigned int index)
{
	unsigned int power;

	if (index < HIST_STEPS)
		return index;
	power = index / HIST_STEPS + 5u;
	return ((uint64_t)(HIST_STEPS + index % HIST_STEPS) << (power - 6u)) +
	       ((1ull << (power - 6u)) >> 1);
}

void hist_reset(Hist *hist)
{
	memset(hist, 0, sizeof(*hist));
}

void hist_add(Hist *hist, uint64_t ns)
{
	hist->bucket[hist_index(ns)]++;
	hist->n++;
	if (ns > hist->max_ns)
		hist->max_ns = ns;
}

uint64_t hist_quantile(const Hist *hist, double share)
{
	uint64_t wanted = (uint64_t)((double)hist->n * share), seen = 0;

	if (!hist->n)
		return 0;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		seen += hist->bucket[i];
		if (seen > wanted || seen == hist->n)
			return hist_middle(i) < hist->max_ns ? hist_middle(i) : hist->max_ns;
	}
	return hist->max_ns;
}

static uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_now_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

double cpu_own_s(void)
{
	return (double)clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
}

int proc_open(Proc *proc, pid_t pid)
{
	int r;

	*proc = (Proc){.pid = pid};
	if (!pid)
		return 0;
	if (kill(pid, 0) < 0 && errno != EPERM)
		return -errno;
	r = clock_getcpuclockid(pid, &proc->clock);
	return -r;
}

/*
 * The same time that /proc/PID/stat has in fields 14 and 15, but in nanoseconds: a thousand
 * connects cost a few hundredths of a second, and stat counts in hundredths.
 */
double proc_cpu_s(const Proc *proc)
{
	uint64_t ns = proc->pid ? clock_read_ns(proc->clock) : 0;

	return ns ? (double)ns / 1e9 : -1;
}

static long read_field_kib(const char *path, const char *key)
{
	char line[256];
	long kib = -1;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)) &&
		    sscanf(line + strlen(key), "%ld", &kib) == 1)
			break;
	}
	fclose(f);
	return kib;
}

static long proc_field_kib(const Proc *proc, const char *file, const char *key)
{
	char path[64];

	if (!proc->pid)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)proc->pid, file);
	return read_field_kib(path, key);
}

long proc_pss_kib(const Proc *proc)
{
	return proc_field_kib(proc, "smaps_rollup", "Pss:");
}

long proc_peak_kib(const Proc *proc)
{
	return proc_field_kib(proc, "status", "VmHWM:");
}

double machine_cpu_s(void)
{
	unsigned long long user = 0, nice = 0, kernel = 0, idle, wait, irq = 0, softirq = 0;
	FILE *f;
	int n;

	f = fopen("/proc/stat", "re");
	if (!f)
		return -1;
	n = fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &kernel, &idle, &wait,
		   &irq, &softirq);
	fclose(f);
	if (n < 7)
		return -1;
	return (double)(user + nice + kernel + irq + softirq) / (double)sysconf(_SC_CLK_TCK);
}

long kernel_slab_kib(void)
{
	return read_field_kib("/proc/meminfo", "Slab:");
}
