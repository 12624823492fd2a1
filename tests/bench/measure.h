#pragma once
/* Measuring: clocks, a latency histogram, and what /proc tells about the server. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A histogram of nanoseconds: 64 steps for each power of two, so a bucket is at most 1.6 % wide.
 * 40 powers reach past an hour (the last one takes what is longer still).
 */
#define HIST_STEPS   64u
#define HIST_BUCKETS (40u * HIST_STEPS)

typedef struct Hist {
	uint64_t n;
	uint64_t max_ns;
	uint64_t bucket[HIST_BUCKETS];
} Hist;

void hist_reset(Hist *hist);
void hist_add(Hist *hist, uint64_t ns);

/**
 * hist_quantile() - the value below which a share of the samples lies
 * @share: 0 to 1
 *
 * Return: nanoseconds (the middle of the bucket), 0 if there are no samples.
 */
uint64_t hist_quantile(const Hist *hist, double share);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t clock_now_ns(void);

/* What this process has used of the processor, in seconds. */
double cpu_own_s(void);

/* The server under test. A pid of 0 means that nobody told us; every figure is then negative. */
typedef struct Proc {
	pid_t pid;
	clockid_t clock;
} Proc;

/**
 * proc_open() - find out whether a process can be measured
 * @pid:        0 for none
 *
 * Return: 0; negative errno when there is no such process.
 */
int proc_open(Proc *proc, pid_t pid);

/* User and system time of all threads, in seconds. */
double proc_cpu_s(const Proc *proc);

/* Proportional set size in KiB (smaps_rollup); the largest resident size so far in KiB. */
long proc_pss_kib(const Proc *proc);
long proc_peak_kib(const Proc *proc);

/* What all processes of the machine have used of its processors since it started, in seconds. */
double machine_cpu_s(void);

/* What the kernel keeps in slabs, in KiB: for the whole machine, so only a difference says
 * something. */
long kernel_slab_kib(void);
