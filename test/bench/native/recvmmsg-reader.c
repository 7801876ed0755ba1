/*
 * The least that a C program needs to receive CAN frames with kernel times: the yardstick of the receive benchmark.
 *
 * usage: recvmmsg-reader INTERFACE[,INTERFACE...]
 *
 * Reads all that waits with recvmmsg, one interface after the other, then looks at stdin for 10 ms. Prints {"ready":true}; answers the line "reset" by counting
 * anew, "report" with {"frames":N,"cpuUs":N} since the reset.
 */
#include <linux/can.h>
#include <linux/can/raw.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define VECTOR 256
#define IDLE_MS 10
#define MOST_BUSES 32

static struct canfd_frame frames[VECTOR];
static struct iovec parts[VECTOR];
static struct mmsghdr messages[VECTOR];
static unsigned char control[VECTOR][CMSG_SPACE(3 * sizeof(struct timespec))];

static int open_receiver(const char *interface) {
  int fd = socket(PF_CAN, SOCK_RAW | SOCK_NONBLOCK, CAN_RAW);
  int on = 1;
  int stamps = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
  int bytes = 8388608;
  setsockopt(fd, SOL_CAN_RAW, CAN_RAW_FD_FRAMES, &on, sizeof(on));
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof(stamps));
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
  struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = (int)if_nametoindex(interface)};
  if (fd < 0 || address.can_ifindex == 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) return -1;
  return fd;
}

static int receive(int fd) {
  for (int i = 0; i < VECTOR; i += 1) {
    parts[i] = (struct iovec){&frames[i], sizeof(frames[i])};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = control[i],
                                          .msg_controllen = sizeof(control[i])};
  }
  return recvmmsg(fd, messages, VECTOR, MSG_DONTWAIT, NULL);
}

/* Sums the times, so that the compiler keeps the work of finding them. */
static double sum_times(int count) {
  double sum = 0;
  for (int i = 0; i < count; i += 1) {
    struct cmsghdr *header = CMSG_FIRSTHDR(&messages[i].msg_hdr);
    struct timespec stamp = {0};
    if (header != NULL) memcpy(&stamp, CMSG_DATA(header), sizeof(stamp));
    sum += (double)stamp.tv_sec * 1e6 + (double)stamp.tv_nsec / 1e3;
  }
  return sum;
}

static uint64_t cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
         (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int main(int argc, char **argv) {
  int sockets[MOST_BUSES];
  int buses = 0;
  for (char *name = argc == 2 ? strtok(argv[1], ",") : NULL; name != NULL && buses < MOST_BUSES; name = strtok(NULL, ",")) {
    sockets[buses] = open_receiver(name);
    if (sockets[buses] < 0) perror(name);
    if (sockets[buses] < 0) return 1;
    buses += 1;
  }
  if (buses == 0) {
    fprintf(stderr, "usage: recvmmsg-reader INTERFACE[,INTERFACE...]\n");
    return 64;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("{\"ready\":true}\n");
  uint64_t received = 0;
  uint64_t since_us = cpu_us();
  double times = 0;
  for (;;) {
    for (int bus = 0; bus < buses; bus += 1) {
      for (int count = receive(sockets[bus]); count > 0; count = receive(sockets[bus])) {
        received += (uint64_t)count;
        times += sum_times(count);
      }
    }
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&input, 1, IDLE_MS) <= 0) continue;
    char line[64];
    ssize_t length = read(STDIN_FILENO, line, sizeof(line) - 1);
    if (length <= 0) return times < 0;
    line[length] = '\0';
    if (strncmp(line, "reset", 5) == 0) {
      received = 0;
      since_us = cpu_us();
    } else {
      printf("{\"frames\":%llu,\"cpuUs\":%llu}\n", (unsigned long long)received, (unsigned long long)(cpu_us() - since_us));
    }
  }
}
