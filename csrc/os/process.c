#include "os/process.h"

#include <pthread.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static long id;
static int is_told_of_forks;

static void note_id(void) {
  id = (long)getpid();
}

static void ask_to_be_told(void) {
  note_id();
  is_told_of_forks = pthread_atfork(NULL, NULL, note_id) == 0;
}

long cm_process_id(void) {
  pthread_once(&once, ask_to_be_told);
  return is_told_of_forks ? id : (long)getpid();
}
