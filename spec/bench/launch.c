/*
** launch.c - runs a command and prints what it cost.
**
** The command's output comes first, and then a line of JSON: `cpu`, seconds of user and system time
** of it and of the children it waited for; `wall`, seconds; `peak_kb`, the most memory that one of
** them held; `status`, its exit status (128 and the signal where it was killed, as by the limit).
**
**   launch [-c CPU] [-n TIMES] [-t SECONDS] COMMAND [ARGUMENT…]
**
**   -c CPU       it runs on this processor only, where there is one of that number
**   -n TIMES     it runs so many times, one after the other, as long as it goes well; `cpu` and
**                `wall` are of all together (1)
**   -t SECONDS   it is killed after so long (120)
*/
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;

static void kill_child(int signal) {
  (void)signal;
  kill(child, SIGKILL);
}

static double seconds(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double of_time(struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void run(char **command, int cpu) {
  cpu_set_t only;

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  CPU_ZERO(&only);
  if (cpu >= 0) {
    CPU_SET((size_t)cpu, &only);
    sched_setaffinity(0, sizeof only, &only);
  }
  execvp(command[0], command);
  perror(command[0]);
  _exit(127);
}

/* Runs it once more; returns its exit status. */
static int run_once(char **command, int cpu, unsigned limit, double *used, long *peak_kb) {
  struct rusage usage;
  int status = 0;

  child = fork();
  if (child < 0) return 127;
  if (child == 0) run(command, cpu);
  alarm(limit);
  while (wait4(child, &status, 0, &usage) < 0) continue;
  *used += of_time(usage.ru_utime) + of_time(usage.ru_stime);
  if (usage.ru_maxrss > *peak_kb) *peak_kb = usage.ru_maxrss;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv) {
  int option, cpu = -1, status = 0, times = 1;
  unsigned limit = 120;
  double began = seconds(), used = 0;
  long peak_kb = 0;

  while ((option = getopt(argc, argv, "+c:n:t:")) != -1) {
    if (option == 'c') cpu = atoi(optarg);
    if (option == 'n') times = atoi(optarg);
    if (option == 't') limit = (unsigned)atoi(optarg);
    if (option == '?') return 2;
  }
  if (optind == argc) return 2;
  signal(SIGALRM, kill_child);
  for (; times > 0 && status == 0; times--)
    status = run_once(argv + optind, cpu, limit, &used, &peak_kb);
  printf("{\"cpu\":%.6f,\"wall\":%.6f,\"peak_kb\":%ld,\"status\":%d}\n", used, seconds() - began,
         peak_kb, status);
  return 0;
}
