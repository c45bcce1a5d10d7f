/*
** launch.c - runs a command and prints what it cost.
**
** The command's output comes first, and then a line of JSON: `cpu`, seconds of user and system time
** of it and of the children it waited for; `wall`, seconds; `peak_kb`, the most memory that one of
** them held; `status`, its exit status (128 and the signal where it was killed, as by the limit).
**
**   launch [-c CPU] [-t SECONDS] COMMAND [ARGUMENT…]
**
**   -c CPU       it runs on this processor only, where there is one of that number
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

int main(int argc, char **argv) {
  int option, cpu = -1, status = 0;
  unsigned limit = 120;
  struct rusage used;
  double began = seconds();

  while ((option = getopt(argc, argv, "+c:t:")) != -1) {
    if (option == 'c') cpu = atoi(optarg);
    if (option == 't') limit = (unsigned)atoi(optarg);
    if (option == '?') return 2;
  }
  if (optind == argc) return 2;
  child = fork();
  if (child < 0) return 2;
  if (child == 0) run(argv + optind, cpu);
  signal(SIGALRM, kill_child);
  alarm(limit);
  while (wait4(child, &status, 0, &used) < 0) continue;
  printf("{\"cpu\":%.6f,\"wall\":%.6f,\"peak_kb\":%ld,\"status\":%d}\n",
         of_time(used.ru_utime) + of_time(used.ru_stime), seconds() - began, used.ru_maxrss,
         WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}
