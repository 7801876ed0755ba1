/*
 * A wall clock that is somewhere else than the machine's: an LD_PRELOAD library.
 *
 * CAUSEWAY_MOVED_CLOCK names a file of 8 bytes, the ns to add to the wall clock, in the byte order of the machine. All processes that have
 * it mapped see a change at the same instant, as those of one machine do whose clock is set. Clocks that do not step (CLOCK_MONOTONIC,
 * CLOCK_BOOTTIME) are the kernel's own, and so are timers.
 *
 * Moved: clock_gettime of CLOCK_REALTIME and CLOCK_REALTIME_COARSE, gettimeofday, time, timespec_get; what pthread_cond_timedwait and
 * sem_timedwait wait for, where that is a wall time.
 *
 * Not moved: CLOCK_TAI, times of files, adjtimex, timers that are set to a wall time, receive times of sockets, programs that are linked
 * statically or call the kernel past libc.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL
/* A time since the boot is far below it, a wall time far above (2001-09-09). */
#define FIRST_WALL_S 1000000000LL
#define REAL(name) ((__typeof__(&name))real(&real_##name, #name))

static void *_Atomic real_clock_gettime, *_Atomic real_pthread_cond_timedwait, *_Atomic real_sem_timedwait;
static const _Atomic int64_t unmoved = 0;
static const _Atomic int64_t *moved_ns = &unmoved;

static void *real(void *_Atomic *place, const char *name) {
  void *found = atomic_load_explicit(place, memory_order_relaxed);
  if (found == NULL) {
    found = dlsym(RTLD_NEXT, name);
    atomic_store_explicit(place, found, memory_order_relaxed);
  }
  return found;
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("CAUSEWAY_MOVED_CLOCK");
  int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof *moved_ns, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) moved_ns = mapped;
}

static struct timespec plus(struct timespec at, int64_t ns) {
  int64_t sum = at.tv_nsec + ns % NS_PER_S;
  int64_t carried = sum < 0 ? -1 : sum / NS_PER_S;
  return (struct timespec){.tv_sec = at.tv_sec + ns / NS_PER_S + carried, .tv_nsec = sum - carried * NS_PER_S};
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = REAL(clock_gettime)(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) *now = plus(*now, atomic_load(moved_ns));
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  struct timespec at;
  int result = clock_gettime(CLOCK_REALTIME, &at);
  if (result == 0) *now = (struct timeval){.tv_sec = at.tv_sec, .tv_usec = at.tv_nsec / 1000};
  return result;
}

time_t time(time_t *place) {
  struct timespec at;
  if (clock_gettime(CLOCK_REALTIME, &at) != 0) return (time_t)-1;
  if (place != NULL) *place = at.tv_sec;
  return at.tv_sec;
}

int timespec_get(struct timespec *at, int base) {
  return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, at) == 0 ? base : 0;
}

/* The kernel compares with its own clock. */
static struct timespec machine_time(const struct timespec *until) {
  return until->tv_sec < FIRST_WALL_S ? *until : plus(*until, -atomic_load(moved_ns));
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
  struct timespec at = machine_time(until);
  return REAL(pthread_cond_timedwait)(condition, mutex, &at);
}

int sem_timedwait(sem_t *semaphore, const struct timespec *until) {
  struct timespec at = machine_time(until);
  return REAL(sem_timedwait)(semaphore, &at);
}
