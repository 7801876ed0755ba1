#include "bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

/* Kernel memory one queued frame is charged against SO_RCVBUF (skb with its overhead, measured on 6.1). */
#define KERNEL_BYTES_PER_FRAME 768

/* What a bus brings at most: short frames of CAN FD at 8 Mbit/s. */
#define MOST_FRAMES_A_MS 20

/* Longer than any frame is on its way through the kernel's lists of receivers, which is a part of one soft interrupt. */
#define FILTER_SETTLE_MS 200

/* Bound of one drain, so that a flooded bus cannot starve the others. */
#define MAX_VECTORS_PER_DRAIN 64

/* Two clocks that were read within this time were read at once. */
#define LONGEST_READ_US 100
#define READ_TRIES 4

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec * 1e6 + (double)(now.tv_nsec / 1000);
}

static double boottime_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (double)now.tv_sec * 1e6 + (double)(now.tv_nsec / 1000);
}

/* Wall time less boottime, for which `wall_us` was read last. Both are read again where something came between. */
static double clock_offset_us(double wall_us, double before_us) {
  double after_us = boottime_us();
  for (int try = 1; after_us - before_us > LONGEST_READ_US && try < READ_TRIES; try += 1) {
    before_us = boottime_us();
    wall_us = now_us();
    after_us = boottime_us();
  }
  return wall_us - before_us;
}

/* The functions named *_locked need bus->lock. */

static void set_link_locked(struct bus *bus, enum link_state link) {
  if (link == bus->link) return;
  bus->link = link;
  if (bus->change_count == LINK_CHANGES) bus->change_count -= 1;
  bus->changes[bus->change_count] = link;
  bus->change_count += 1;
  bus->pending = true;
}

static void add_kernel_drops_locked(struct bus *bus) {
  if (bus->socket.fd < 0) return;
  uint32_t drops = can_socket_drops(&bus->socket);
  bus->dropped += (uint32_t)(drops - bus->kernel_drops);
  bus->kernel_drops = drops;
}

static void close_socket_locked(struct bus *bus) {
  add_kernel_drops_locked(bus);
  can_socket_close(&bus->socket);
}

static int open_socket_locked(struct bus *bus) {
  bus->settling = false;
  int fault = can_socket_open(&bus->socket, &bus->options);
  if (fault == 0) {
    struct epoll_event interest = {.events = EPOLLIN};
    if (epoll_ctl(bus->epoll_fd, EPOLL_CTL_ADD, bus->socket.fd, &interest) != 0) fault = errno;
    if (fault != 0) can_socket_close(&bus->socket);
  }
  bus->kernel_drops = 0;
  bus->link = fault == 0 ? can_socket_link(&bus->socket, bus->options.interface) : LINK_ABSENT;
  return fault;
}

static struct can_filter *copy_of(const struct can_filter *filters, size_t count) {
  struct can_filter *copy = calloc(count + 1, sizeof(struct can_filter));
  if (copy != NULL && count > 0) memcpy(copy, filters, count * sizeof(struct can_filter));
  return copy;
}

int bus_open(struct bus *bus, const struct can_socket_options *options, struct bus_bounds bounds, int epoll_fd) {
  memset(bus, 0, sizeof(*bus));
  bus->options = *options;
  bus->epoll_fd = epoll_fd;
  bus->bounds = bounds;
  bus->socket.fd = -1;
  bus->options.filters = copy_of(options->filters, options->filter_count);
  bus->ring = malloc((size_t)bounds.ring_frames * sizeof(struct frame));
  pthread_mutex_init(&bus->lock, NULL);
  int fault = ENOMEM;
  if (bus->options.filters != NULL && bus->ring != NULL) fault = open_socket_locked(bus);
  if (fault != 0 && fault != ENODEV) {
    bus_close(bus);
    return fault;
  }
  bus->changes[0] = bus->link;
  bus->change_count = 1;
  bus->pending = true;
  return 0;
}

void bus_close(struct bus *bus) {
  can_socket_close(&bus->socket);
  free((void *)bus->options.filters);
  free(bus->ring);
  bus->options.filters = NULL;
  bus->ring = NULL;
  pthread_mutex_destroy(&bus->lock);
}

int bus_filter(struct bus *bus, const struct filter_change *change) {
  struct can_filter *filters = copy_of(change->after, change->after_count);
  if (filters == NULL) return ENOMEM;
  pthread_mutex_lock(&bus->lock);
  free((void *)bus->options.filters);
  bus->options.filters = filters;
  bus->options.filter_count = change->after_count;
  if (bus->socket.fd >= 0) {
    /* Without memory the old ones go on until then; without the interface the next socket is opened with the new ones. */
    (void)can_socket_filter(&bus->socket, change->between, change->between_count);
    bus->settling = true;
    bus->settle_at_ms = -1;
  }
  pthread_mutex_unlock(&bus->lock);
  return 0;
}

void bus_settle_filters(struct bus *bus, int64_t now_ms) {
  pthread_mutex_lock(&bus->lock);
  if (bus->settling && bus->settle_at_ms < 0) {
    bus->settle_at_ms = now_ms + FILTER_SETTLE_MS;
  } else if (bus->settling && now_ms >= bus->settle_at_ms) {
    int fault = can_socket_filter(&bus->socket, bus->options.filters, bus->options.filter_count);
    /* Without memory the wider filters go on, and it is tried again. */
    bus->settling = fault == ENOMEM;
    bus->settle_at_ms = now_ms + FILTER_SETTLE_MS;
  }
  pthread_mutex_unlock(&bus->lock);
}

static void store_locked(struct bus *bus, struct receive_vector *vector, int count) {
  double boottime = boottime_us();
  double now = now_us();
  bus->clock_offset_us = clock_offset_us(now, boottime);
  for (int i = 0; i < count; i += 1) {
    if (bus->held == bus->bounds.ring_frames) {
      bus->dropped += 1;
      bus->ring_dropped += 1;
      vector->messages[i].msg_hdr.msg_controllen = CONTROL_BYTES;
      continue;
    }
    uint32_t at = bus->first + bus->held;
    if (at >= bus->bounds.ring_frames) at -= bus->bounds.ring_frames;
    can_socket_convert(&bus->socket, vector, i, now, &bus->ring[at]);
    bus->held += 1;
  }
  bus->pending = true;
}

/*
 * The kernel reports a lost link before the frames that were queued when it went, so these are read first and the socket of
 * a deleted interface is closed only then.
 */
static void settle_link_locked(struct bus *bus, int fault, bool got_frames) {
  if (fault == ENODEV || fault == ENXIO) {
    close_socket_locked(bus);
    set_link_locked(bus, LINK_ABSENT);
  } else if (fault == ENETDOWN) {
    set_link_locked(bus, LINK_DOWN);
  } else if (got_frames && bus->link != LINK_UP) {
    set_link_locked(bus, can_socket_link(&bus->socket, bus->options.interface));
  }
  /* Any other fault (ENOBUFS, ENOMEM) is over by the next drain. */
}

double bus_drain(struct bus *bus, struct receive_vector *vector) {
  uint32_t frames = 0;
  int fault = 0;
  if (bus->socket.fd < 0) return 0;
  for (int round = 0; round < MAX_VECTORS_PER_DRAIN; round += 1) {
    int count = can_socket_receive(&bus->socket, vector);
    if (count == 0) break;
    if (count < 0) {
      fault = -count;
      continue;
    }
    pthread_mutex_lock(&bus->lock);
    store_locked(bus, vector, count);
    pthread_mutex_unlock(&bus->lock);
    frames += (uint32_t)count;
    if (count < RECEIVE_VECTOR) break;
  }
  double fill = (double)frames * KERNEL_BYTES_PER_FRAME / (double)(bus->socket.got_bytes + 1);
  pthread_mutex_lock(&bus->lock);
  settle_link_locked(bus, fault, frames > 0);
  pthread_mutex_unlock(&bus->lock);
  return fill;
}

void bus_check_link(struct bus *bus) {
  pthread_mutex_lock(&bus->lock);
  enum link_state before = bus->link;
  if (before != LINK_UP) {
    enum link_state now = LINK_ABSENT;
    if (bus->socket.fd >= 0) {
      now = can_socket_link(&bus->socket, bus->options.interface);
      if (now == LINK_ABSENT) close_socket_locked(bus);
    } else if (open_socket_locked(bus) == 0) {
      now = bus->link;
    }
    bus->link = before;
    set_link_locked(bus, now);
  }
  pthread_mutex_unlock(&bus->lock);
}

/* Half of the queue and half of the ring are room enough for what comes meanwhile. */
static uint32_t gather_ms_locked(const struct bus *bus) {
  if (bus->socket.fd < 0) return bus->bounds.gather_ms;
  uint32_t queue_frames = bus->socket.got_bytes / KERNEL_BYTES_PER_FRAME;
  uint32_t frames = queue_frames < bus->bounds.ring_frames ? queue_frames : bus->bounds.ring_frames;
  uint32_t fitting_ms = frames / 2 / MOST_FRAMES_A_MS + 1;
  return fitting_ms < bus->bounds.gather_ms ? fitting_ms : bus->bounds.gather_ms;
}

struct bus_outlook bus_outlook(struct bus *bus) {
  pthread_mutex_lock(&bus->lock);
  struct bus_outlook outlook = {
      .up = bus->link == LINK_UP,
      .pending = bus->pending,
      .urgent = bus->change_count > 0 || bus->held >= bus->bounds.ring_frames / 4,
      .settling = bus->settling,
      .gather_ms = gather_ms_locked(bus),
  };
  pthread_mutex_unlock(&bus->lock);
  return outlook;
}

void bus_set_pending(struct bus *bus) {
  pthread_mutex_lock(&bus->lock);
  bus->pending = true;
  pthread_mutex_unlock(&bus->lock);
}

bool bus_take_pending(struct bus *bus) {
  pthread_mutex_lock(&bus->lock);
  bool pending = bus->pending;
  bus->pending = false;
  pthread_mutex_unlock(&bus->lock);
  return pending;
}

static uint32_t take_frames_locked(struct bus *bus, struct frame *out, uint32_t capacity) {
  uint32_t frames = bus->held < capacity ? bus->held : capacity;
  uint32_t until_end = bus->bounds.ring_frames - bus->first;
  uint32_t head = frames < until_end ? frames : until_end;
  memcpy(out, bus->ring + bus->first, head * sizeof(struct frame));
  memcpy(out + head, bus->ring, (frames - head) * sizeof(struct frame));
  bus->held -= frames;
  bus->first += frames;
  if (bus->first >= bus->bounds.ring_frames) bus->first -= bus->bounds.ring_frames;
  /* Starting over keeps the used part of the ring small: resident memory and cache follow the load, not the bound. */
  if (bus->held == 0) bus->first = 0;
  return frames;
}

static int take_link_locked(struct bus *bus) {
  if (bus->change_count == 0) return -1;
  int next = (int)bus->changes[0];
  bus->change_count -= 1;
  memmove(bus->changes, bus->changes + 1, bus->change_count * sizeof(bus->changes[0]));
  bus->told_up = next == LINK_UP;
  return next;
}

struct bus_news bus_next_news(struct bus *bus, struct frame *out, uint32_t capacity) {
  struct bus_news news = {0, 0, -1, 0};
  pthread_mutex_lock(&bus->lock);
  if (bus->told_up || bus->change_count == 0) news.frames = take_frames_locked(bus, out, capacity);
  if (news.frames > 0) news.clock_offset_us = bus->clock_offset_us;
  if (news.frames < capacity) news.link = take_link_locked(bus);
  pthread_mutex_unlock(&bus->lock);
  for (uint32_t i = 0; i < news.frames; i += 1) news.error_frames += (out[i].flags & FRAME_ERROR) != 0;
  return news;
}

uint64_t bus_dropped(struct bus *bus) {
  pthread_mutex_lock(&bus->lock);
  add_kernel_drops_locked(bus);
  uint64_t dropped = bus->dropped;
  pthread_mutex_unlock(&bus->lock);
  return dropped;
}

struct bus_facts bus_facts(struct bus *bus) {
  pthread_mutex_lock(&bus->lock);
  struct bus_facts facts = {bus->options.receive_buffer_bytes, bus->socket.got_bytes, bus->ring_dropped};
  pthread_mutex_unlock(&bus->lock);
  return facts;
}
