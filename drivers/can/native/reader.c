#include "reader.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* While frames come that nobody gathers, the queue is emptied this often at most instead of at every frame: a wake-up costs more than many frames. */
#define LONGEST_WAIT_NS 20000000.0

/* The first wait after silence; each further one may be twice as long, so that a sudden burst does not find a long one. */
#define FIRST_WAIT_NS 2500000.0

/* Share of the socket's queue that may fill during one wait. */
#define TARGET_FILL 0.25

/* While such frames come, JavaScript is woken this often at most: its wake-up costs more than the drain. */
#define WAKE_INTERVAL_MS 40

/* How often a bus that is not up is looked at. */
#define LINK_CHECK_MS 500

/* The longest wait while the filters of a bus settle. */
#define SETTLE_CHECK_MS 50

static int64_t monotonic_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void reader_nudge(struct reader *reader) {
  uint64_t one = 1;
  /* Can only fail when the counter is full, and then the thread is about to wake up anyway. */
  (void)!write(reader->event_fd, &one, sizeof(one));
}

static void clear_nudge(struct reader *reader) {
  uint64_t count;
  (void)!read(reader->event_fd, &count, sizeof(count));
}

/* The wait after one of `last_ns` (0: none) that filled `fill` of the fullest queue. */
static double next_wait_ns(double last_ns, double fill) {
  if (last_ns == 0) return FIRST_WAIT_NS;
  double longest_ns = last_ns * 2 < LONGEST_WAIT_NS ? last_ns * 2 : LONGEST_WAIT_NS;
  double fitting_ns = last_ns * TARGET_FILL / fill;
  return fitting_ns < longest_ns ? fitting_ns : longest_ns;
}

/* The next wait while frames are gathered until JavaScript is due in `left_ms`, after one of `last_ns` (0: none) that filled `fill`. */
static double gathering_wait_ns(double last_ns, double fill, int64_t left_ms) {
  double fitting_ns = last_ns > 0 && fill > 0 ? last_ns * TARGET_FILL / fill : INFINITY;
  double left_ns = (double)left_ms * 1e6;
  return fitting_ns < left_ns ? fitting_ns : left_ns;
}

static void wait_busy(struct reader *reader, double wait_ns) {
  struct timespec timeout = {.tv_sec = (time_t)(wait_ns / 1e9), .tv_nsec = (long)fmod(wait_ns, 1e9)};
  struct pollfd nudged = {.fd = reader->event_fd, .events = POLLIN};
  if (ppoll(&nudged, 1, &timeout, NULL) > 0) clear_nudge(reader);
}

struct pass {
  double fill;
  bool pending; /* JavaScript has something to fetch */
  bool urgent;  /* a ring is filling up, or a link changed */
  bool all_up;
  bool settling; /* filters of a bus */
  uint32_t gather_ms; /* the least of all buses */
};

static void wait_idle(struct reader *reader, const struct pass *pass) {
  struct epoll_event events[MAX_BUSES];
  int longest_ms = pass->settling ? SETTLE_CHECK_MS : pass->all_up ? -1 : LINK_CHECK_MS;
  if (epoll_wait(reader->epoll_fd, events, MAX_BUSES, longest_ms) > 0) clear_nudge(reader);
}

static struct pass drain_all(struct reader *reader, int64_t now_ms, bool check_links) {
  struct pass pass = {.all_up = true, .gather_ms = UINT32_MAX};
  pthread_mutex_lock(&reader->lock);
  for (int slot = 0; slot < MAX_BUSES; slot += 1) {
    struct bus *bus = reader->buses[slot];
    if (bus == NULL) continue;
    if (check_links) bus_check_link(bus);
    bus_settle_filters(bus, now_ms);
    double fill = bus_drain(bus, &reader->vector);
    if (fill > pass.fill) pass.fill = fill;
    struct bus_outlook outlook = bus_outlook(bus);
    pass.pending |= outlook.pending;
    pass.urgent |= outlook.urgent;
    pass.all_up &= outlook.up;
    pass.settling |= outlook.settling;
    if (outlook.gather_ms < pass.gather_ms) pass.gather_ms = outlook.gather_ms;
  }
  pthread_mutex_unlock(&reader->lock);
  return pass;
}

/*
 * When JavaScript is woken for what is pending. Where a bus gathers nothing: at once when frames begin to come and when they cease, so that no
 * frame waits for another.
 */
static bool is_due(const struct pass *pass, double wait_ns, int64_t since_woken_ms) {
  if (pass->urgent) return true;
  if (pass->gather_ms > 0) return since_woken_ms >= pass->gather_ms;
  return wait_ns == 0 || pass->fill == 0 || since_woken_ms >= WAKE_INTERVAL_MS;
}

static void *reader_main(void *argument) {
  struct reader *reader = argument;
  int64_t next_check_ms = monotonic_ms() + LINK_CHECK_MS;
  int64_t woken_ms = INT32_MIN;
  double wait_ns = 0;
  while (!atomic_load(&reader->stopping)) {
    int64_t now_ms = monotonic_ms();
    bool check = now_ms >= next_check_ms;
    if (check) next_check_ms = now_ms + LINK_CHECK_MS;
    struct pass pass = drain_all(reader, now_ms, check);
    bool due = is_due(&pass, wait_ns, now_ms - woken_ms);
    if (pass.pending && due && !atomic_exchange(&reader->woken, true)) {
      woken_ms = now_ms;
      reader->wake(reader->context);
    }
    if (pass.gather_ms > 0 && (pass.fill > 0 || (pass.pending && !due))) {
      int64_t left_ms = woken_ms + pass.gather_ms - now_ms;
      wait_ns = gathering_wait_ns(wait_ns, pass.fill, left_ms > 0 ? left_ms : pass.gather_ms);
      wait_busy(reader, wait_ns);
    } else if (pass.fill > 0) {
      wait_ns = next_wait_ns(wait_ns, pass.fill);
      wait_busy(reader, wait_ns);
    } else {
      wait_ns = 0;
      wait_idle(reader, &pass);
    }
  }
  return NULL;
}

static int start_thread(struct reader *reader) {
  /* Signals are the main thread's. */
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int fault = pthread_create(&reader->thread, NULL, reader_main, reader);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (fault == 0) pthread_setname_np(reader->thread, "causeway-can");
  return fault;
}

static void close_descriptors(struct reader *reader) {
  if (reader->event_fd >= 0) close(reader->event_fd);
  if (reader->epoll_fd >= 0) close(reader->epoll_fd);
  pthread_mutex_destroy(&reader->lock);
}

int reader_start(struct reader *reader, void (*wake)(void *context), void *context) {
  memset(reader, 0, sizeof(*reader));
  reader->wake = wake;
  reader->context = context;
  receive_vector_init(&reader->vector);
  pthread_mutex_init(&reader->lock, NULL);
  reader->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  reader->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  struct epoll_event interest = {.events = EPOLLIN};
  int fault = 0;
  if (reader->epoll_fd < 0 || reader->event_fd < 0 ||
      epoll_ctl(reader->epoll_fd, EPOLL_CTL_ADD, reader->event_fd, &interest) != 0) {
    fault = errno;
  }
  if (fault == 0) fault = start_thread(reader);
  if (fault != 0) close_descriptors(reader);
  reader->running = fault == 0;
  return fault;
}

void reader_stop(struct reader *reader) {
  if (!reader->running) return;
  atomic_store(&reader->stopping, true);
  reader_nudge(reader);
  pthread_join(reader->thread, NULL);
  reader->running = false;
  close_descriptors(reader);
}

void reader_set_bus(struct reader *reader, int slot, struct bus *bus) {
  pthread_mutex_lock(&reader->lock);
  reader->buses[slot] = bus;
  pthread_mutex_unlock(&reader->lock);
  reader_nudge(reader);
}

void reader_woken(struct reader *reader) { atomic_store(&reader->woken, false); }
