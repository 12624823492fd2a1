/*
 * Preloaded into the daemon under test: SIGUSR2 makes the loop's thread stand
 * still, in the signal handler, until SIGUSR1. The process lives, and so do its
 * other threads; only the loop turns no more.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *text, size_t n)
{
	if (write(STDERR_FILENO, text, n) < 0)
		_exit(99);
}

static void go_on(int number)
{
	(void)number;
}

static void stand_still(int number)
{
	sigset_t others;

	/* The signal is the process's; the loop runs on its first thread. */
	if (syscall(SYS_gettid) != getpid()) {
		syscall(SYS_tgkill, getpid(), getpid(), number);
		return;
	}
	say("stuck\n", 6);
	sigfillset(&others);
	sigdelset(&others, SIGUSR1);
	sigsuspend(&others);
	say("released\n", 9);
}

__attribute__((constructor)) static void install(void)
{
	struct sigaction action = {.sa_handler = stand_still, .sa_flags = SA_RESTART};

	sigfillset(&action.sa_mask);
	sigaction(SIGUSR2, &action, NULL);
	action.sa_handler = go_on;
	sigaction(SIGUSR1, &action, NULL);
}
