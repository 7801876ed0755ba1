/*
 * One bus: its socket, the ring between reader thread and JavaScript, and its link state.
 *
 * The reader thread calls bus_drain and bus_check_link; the JavaScript thread calls the rest. `lock` covers what both touch.
 */
#ifndef CAUSEWAY_BUS_H
#define CAUSEWAY_BUS_H

#include <pthread.h>

#include "can-socket.h"

/* Link changes kept while JavaScript is busy; further ones overwrite the last. */
#define LINK_CHANGES 16

struct bus_bounds {
  uint32_t ring_frames;
  uint32_t gather_ms; /* for how long frames are gathered before JavaScript is woken for them; 0: it is woken when they begin to come */
};

struct bus {
  struct can_socket_options options;
  int epoll_fd;

  pthread_mutex_t lock;
  struct can_socket socket;
  struct frame *ring;
  struct bus_bounds bounds;
  uint32_t first; /* index of the oldest frame */
  uint32_t held;
  uint64_t dropped;      /* by a full ring, and by the kernel up to `kernel_drops` */
  uint64_t ring_dropped; /* by a full ring alone */
  double clock_offset_us; /* wall time less boottime when frames last came */
  uint32_t kernel_drops; /* of the present socket, as last added to `dropped` */
  enum link_state link;
  enum link_state changes[LINK_CHANGES];
  uint32_t change_count;
  bool pending; /* JavaScript has something to fetch */
  bool settling;        /* the socket has filters for the time of a change, and not yet `options.filters` */
  int64_t settle_at_ms; /* when it gets these; -1 until the reader has seen `settling` */

  bool told_up; /* the last link change that JavaScript has fetched; its own */
};

struct bus_outlook {
  bool up;
  bool pending; /* JavaScript has something to fetch */
  bool urgent;  /* a quarter of the ring is in use, or the link changed */
  bool settling;
  uint32_t gather_ms; /* no longer than queue and ring can take it on a bus that is suddenly full */
};

/* The two lists of a change of filters: for the time of the change, and after it (drivers/can/filter.ts, betweenFilters). */
struct filter_change {
  const struct can_filter *between;
  size_t between_count;
  const struct can_filter *after;
  size_t after_count;
};

struct bus_facts {
  uint32_t asked_bytes;
  uint32_t got_bytes;
  uint64_t ring_dropped;
};

/* What JavaScript is to be told next. */
struct bus_news {
  uint32_t frames; /* moved to the batch */
  uint32_t error_frames; /* of these */
  int link;              /* a link change to tell after the frames, or -1 */
  double clock_offset_us; /* of the clock that stamped the frames; 0 without any */
};

/* Copies `options` with its filters. Returns 0 or an errno of can_socket_open; an absent interface is not a failure. */
int bus_open(struct bus *bus, const struct can_socket_options *options, struct bus_bounds bounds, int epoll_fd);

/* Frees everything but `bus` itself. The reader must not know the bus any more. */
void bus_close(struct bus *bus);

/* Changes the filters, in the kernel too before it returns. Copies them. Returns 0 or ENOMEM. The reader must be nudged after it. */
int bus_filter(struct bus *bus, const struct filter_change *change);

/* Ends a change of filters when its time is over: for the reader, once a pass. `now_ms` is monotonic. */
void bus_settle_filters(struct bus *bus, int64_t now_ms);

/*
 * Moves all frames that wait in the kernel to the ring, at most a bounded number. Returns the share of the socket's queue
 * that they had filled: 0 when nothing came, 1 or more when the queue may have been full.
 */
double bus_drain(struct bus *bus, struct receive_vector *vector);

/* Looks after a bus that is not up: reads its link state, or opens it again. */
void bus_check_link(struct bus *bus);

/* What the reader thread has to know to decide when to wake JavaScript and how long to sleep. */
struct bus_outlook bus_outlook(struct bus *bus);
/* Reads and clears `pending`. */
bool bus_take_pending(struct bus *bus);
void bus_set_pending(struct bus *bus);

/*
 * Moves the oldest frames to `out`, at most `capacity`, and the next link change when it is its turn: frames come after the
 * "up" that brought them and before the loss that ended them. All zero and -1 when there is no more.
 */
struct bus_news bus_next_news(struct bus *bus, struct frame *out, uint32_t capacity);

uint64_t bus_dropped(struct bus *bus);
struct bus_facts bus_facts(struct bus *bus);

#endif
