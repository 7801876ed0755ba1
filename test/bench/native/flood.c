/*
 * Sends frames on a CAN interface at a given rate.
 *
 * usage: flood INTERFACE FRAMES FRAMES_PER_SECOND   (0 frames a second: as fast as the kernel takes them)
 *
 * Frame n has id n & 0x7ff and its number as eight little-endian bytes. Prints the number of frames the kernel took.
 */
#include <errno.h>
#include <linux/can.h>
#include <linux/can/raw.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int open_sender(const char *interface) {
  int fd = socket(PF_CAN, SOCK_RAW, CAN_RAW);
  struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = (int)if_nametoindex(interface)};
  /* Nothing is to be received here: an empty filter list keeps the socket's queue empty. */
  setsockopt(fd, SOL_CAN_RAW, CAN_RAW_FILTER, NULL, 0);
  if (fd < 0 || address.can_ifindex == 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
    perror(interface);
    exit(1);
  }
  return fd;
}

static void send_frame(int fd, uint64_t number) {
  struct can_frame frame = {.can_id = number & CAN_SFF_MASK, .can_dlc = 8};
  memcpy(frame.data, &number, sizeof(number));
  while (write(fd, &frame, sizeof(frame)) != sizeof(frame)) {
    if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) {
      perror("write");
      exit(1);
    }
    usleep(100);
  }
}

/* Sleeps until frame `number` is due; a millisecond of frames goes out at once, as a busy bus with a slow host would show. */
static void pace(const struct timespec *start, uint64_t number, uint64_t rate) {
  if (rate == 0 || number % (rate / 1000 + 1) != 0) return;
  uint64_t due_ns = (uint64_t)start->tv_nsec + number * 1000000000ull / rate;
  struct timespec due = {start->tv_sec + (time_t)(due_ns / 1000000000ull), (long)(due_ns % 1000000000ull)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: flood INTERFACE FRAMES FRAMES_PER_SECOND\n");
    return 64;
  }
  uint64_t count = strtoull(argv[2], NULL, 10);
  uint64_t rate = strtoull(argv[3], NULL, 10);
  int fd = open_sender(argv[1]);
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (uint64_t number = 0; number < count; number += 1) {
    pace(&start, number, rate);
    send_frame(fd, number);
  }
  printf("%llu\n", (unsigned long long)count);
  return 0;
}
