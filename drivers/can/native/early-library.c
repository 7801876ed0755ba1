#include "early-library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* The C libraries differ in what they give a thread; the library's own threads have 8 MiB. */
#define STACK_BYTES (8 * 1024 * 1024)

static pthread_t thread;
static bool is_begun;
static bool is_running;
static bool is_initialised;
static char *library_file;

/* The library stays open: who loads it later has the same one. */
static void *initialise(void *context) {
  void *library = dlopen(context, RTLD_LAZY);
  if (library == NULL) return NULL;
  void *(*allocator)(void) = (void *(*)(void))dlsym(library, "aws_default_allocator");
  void (*init)(void *) = (void (*)(void *))dlsym(library, "aws_io_library_init");
  if (allocator == NULL || init == NULL) return NULL;
  init(allocator());
  is_initialised = true;
  return NULL;
}

/* What a library does at exit must not meet its own initialisation. */
static void await_at_exit(void) { early_library_await(); }

static bool start_thread(void) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool ok = pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0 &&
            pthread_create(&thread, &attributes, initialise, library_file) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return ok;
}

void early_library_begin(const char *file) {
  if (is_begun) return;
  is_begun = true;
  library_file = strdup(file);
  if (library_file == NULL || atexit(await_at_exit) != 0) return;
  is_running = start_thread();
}

bool early_library_await(void) {
  if (is_running) pthread_join(thread, NULL);
  is_running = false;
  return is_initialised;
}
