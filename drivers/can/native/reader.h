/* The one thread that receives for all buses of a JavaScript environment. */
#ifndef CAUSEWAY_READER_H
#define CAUSEWAY_READER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "bus.h"

#define MAX_BUSES 64

/*
 * `wake` runs on the reader thread when a bus has something pending; it is called again only after reader_woken.
 *
 * Only the JavaScript thread changes `buses`, under `lock`; the thread holds `lock` while it drains, never while it waits.
 */
struct reader {
  pthread_t thread;
  bool running;
  int epoll_fd;
  int event_fd;
  atomic_bool stopping;
  atomic_bool woken;
  pthread_mutex_t lock;
  struct bus *buses[MAX_BUSES];
  struct receive_vector vector;
  void (*wake)(void *context);
  void *context;
};

/* Starts the thread. Returns 0 or an errno. */
int reader_start(struct reader *reader, void (*wake)(void *context), void *context);

/* Ends the thread and waits for its end. */
void reader_stop(struct reader *reader);

/* Puts a bus into slot `slot`, or empties the slot when `bus` is NULL; the thread does not touch the old bus after that. */
void reader_set_bus(struct reader *reader, int slot, struct bus *bus);

/* Lets the thread look at its buses now. */
void reader_nudge(struct reader *reader);

/* Says that JavaScript is about to look at all buses. */
void reader_woken(struct reader *reader);

#endif
