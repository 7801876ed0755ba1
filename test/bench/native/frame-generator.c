/*
 * Sends smooth signals on CAN interfaces at an exact rate, and ends.
 *
 * usage: frame-generator INTERFACE[,INTERFACE...] FRAMES_PER_SECOND SECONDS [SEED [LEAD_SECONDS]]
 *
 * The rate is that of each interface. Frame n has message n % 60, whose id is 0x100 more: two slow sines with noise as 16 bits, two of 8 bits, four of
 * 4 bits, little-endian (peer-vehicle.ts has the DBC). Frames that are due go out with one system call each millisecond, by an absolute
 * timer, with real-time priority where that is permitted: a bus does not wait for a busy machine. A tick that comes late sends what has become
 * due, and `lateMs` tells by how much the latest was. Prints {"lead":N} as soon as the frames of LEAD_SECONDS are sent, if it is given, and
 * {"sent":N,"seconds":S,"lateMs":L} at the end.
 */
#include <errno.h>
#include <linux/can.h>
#include <linux/can/raw.h>
#include <math.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES 60
#define FIRST_ID 0x100
#define MOST_BUSES 32
#define TICKS_PER_SECOND 1000
#define AT_ONCE 64
#define MOST_SECONDS 3600
#define MOST_RATE 1000000

static uint32_t random_state;

/* Uniform in -bound..bound, from Park and Miller's minimal standard. */
static double noise(double bound) {
  random_state = (uint32_t)((uint64_t)random_state * 48271 % 0x7fffffff);
  return ((double)random_state / 0x7fffffff * 2 - 1) * bound;
}

static void fill(struct can_frame *frame, uint64_t number, double rate) {
  unsigned message = (unsigned)(number % MESSAGES);
  double seconds = (double)number / rate;
  double wave = sin(seconds / 7 * (1 + message / 10.0) + message);
  unsigned one = (unsigned)lround(30000 + 20000 * wave + noise(130));
  unsigned two = (unsigned)lround(20000 - 9000 * wave + noise(40));
  unsigned slow = (unsigned)(seconds / 3 + message) & 0xf;
  unsigned slower = (unsigned)(seconds / 11 + message) & 0xf;
  frame->can_id = FIRST_ID + message;
  frame->can_dlc = 8;
  uint8_t data[8] = {(uint8_t)one, (uint8_t)(one >> 8), (uint8_t)two, (uint8_t)(two >> 8), (uint8_t)lround(120 + 100 * wave + noise(2)),
                     (uint8_t)lround(100 + 40 * wave), (uint8_t)(slow | slower << 4), (uint8_t)(slower | slow << 4)};
  memcpy(frame->data, data, sizeof(data));
}

static int open_sender(const char *interface) {
  int fd = socket(PF_CAN, SOCK_RAW, CAN_RAW);
  struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = (int)if_nametoindex(interface)};
  int bytes = 1 << 20;
  /* Nothing is to be received here. */
  setsockopt(fd, SOL_CAN_RAW, CAN_RAW_FILTER, NULL, 0);
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
  if (fd < 0 || address.can_ifindex == 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
    perror(interface);
    exit(1);
  }
  return fd;
}

/* Sends frames `from`..`to` - 1. */
static void send_frames(int fd, uint64_t from, uint64_t to, double rate) {
  struct can_frame frames[AT_ONCE];
  struct iovec parts[AT_ONCE];
  struct mmsghdr messages[AT_ONCE];
  while (from < to) {
    unsigned count = to - from < AT_ONCE ? (unsigned)(to - from) : AT_ONCE;
    memset(frames, 0, sizeof(frames));
    memset(messages, 0, sizeof(messages));
    for (unsigned at = 0; at < count; at += 1) {
      fill(&frames[at], from + at, rate);
      parts[at] = (struct iovec){&frames[at], CAN_MTU};
      messages[at].msg_hdr = (struct msghdr){.msg_iov = &parts[at], .msg_iovlen = 1};
    }
    for (unsigned done = 0; done < count;) {
      int sent = sendmmsg(fd, messages + done, count - done, 0);
      if (sent > 0) done += (unsigned)sent;
      if (sent > 0 || errno == EINTR) continue;
      if (errno != ENOBUFS && errno != EAGAIN) {
        perror("sendmmsg");
        exit(1);
      }
      usleep(100);
    }
    from += count;
  }
}

static double now_after(const struct timespec *start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void sleep_until(const struct timespec *start, uint64_t tick) {
  uint64_t ns = (uint64_t)start->tv_nsec + tick * (1000000000ull / TICKS_PER_SECOND);
  struct timespec due = {start->tv_sec + (time_t)(ns / 1000000000ull), (long)(ns % 1000000000ull)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR) continue;
}

int main(int argc, char **argv) {
  double rate = argc > 2 ? strtod(argv[2], NULL) : 0;
  double seconds = argc > 3 ? strtod(argv[3], NULL) : 0;
  random_state = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 1;
  double lead = argc > 5 ? strtod(argv[5], NULL) : 0;
  if (argc < 4 || argc > 6 || !(rate > 0 && rate <= MOST_RATE) || !(seconds > 0 && seconds <= MOST_SECONDS) || random_state % 0x7fffffff == 0) {
    fprintf(stderr, "usage: frame-generator INTERFACE[,INTERFACE...] FRAMES_PER_SECOND SECONDS [SEED [LEAD_SECONDS]]\n");
    return 64;
  }
  int sockets[MOST_BUSES];
  int buses = 0;
  for (char *name = strtok(argv[1], ","); name != NULL && buses < MOST_BUSES; name = strtok(NULL, ",")) {
    sockets[buses] = open_sender(name);
    buses += 1;
  }
  struct sched_param first = {.sched_priority = 1};
  (void)sched_setscheduler(0, SCHED_FIFO, &first);
  setvbuf(stdout, NULL, _IOLBF, 0);
  uint64_t leading = lead > 0 ? (uint64_t)llround(rate * lead) : 0;
  uint64_t total = (uint64_t)llround(rate * seconds);
  uint64_t sent = 0;
  double late = 0;
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (uint64_t tick = 1; sent < total; tick += 1) {
    sleep_until(&start, tick);
    double now = now_after(&start);
    double behind = now - (double)tick / TICKS_PER_SECOND;
    if (behind > late) late = behind;
    uint64_t due = (uint64_t)(now * rate);
    if (due > total) due = total;
    for (int bus = 0; bus < buses; bus += 1) send_frames(sockets[bus], sent, due, rate);
    if (sent < leading && due >= leading) printf("{\"lead\":%llu}\n", (unsigned long long)due * (unsigned)buses);
    sent = due;
    if (behind * TICKS_PER_SECOND > 1) tick += (uint64_t)(behind * TICKS_PER_SECOND);
  }
  printf("{\"sent\":%llu,\"seconds\":%.3f,\"lateMs\":%.3f}\n", (unsigned long long)sent * (unsigned)buses, now_after(&start), late * 1000);
  return 0;
}
