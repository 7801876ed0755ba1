/*
 * Maps CAN_RAW sockets to UDP datagrams of the loopback device, for machines whose kernel has no CAN: an LD_PRELOAD library.
 *
 * CAUSEWAY_CAN_MAPPING="can0=21000,can1=21001" in the environment names the interfaces and their ports. A frame is a datagram to
 * 127.255.255.255 at the port of its interface, and its body is the struct can_frame or canfd_frame as it is, so that each socket that is
 * bound to the interface gets a copy in a queue of its own, as from CAN. The descriptor is a real socket: poll, epoll, SO_RCVBUF,
 * receive times (SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING, SIOCGSTAMP) and the count of what its queue had no room for
 * (SO_RXQ_OVFL, SK_MEMINFO_DROPS) are the kernel's own.
 *
 * Imitated: bind to one interface; read, recv, recvfrom, recvmsg, recvmmsg; write, send, sendto, sendmsg, sendmmsg; filters, error filter, joined
 * filters, FD frames, loopback and own messages; SIOCGIF{INDEX,NAME,FLAGS,HWADDR,MTU}, if_nametoindex, if_indextoname; type, mtu and
 * flags of the interface in /sys/class/net.
 *
 * Not imitated: filters work when frames are read, not before they are queued; a frame takes 832 bytes of a queue (Linux 6.18), from CAN 768; a
 * socket bound to all interfaces sends and hears nothing; a bus that is full or off; interfaces that go down; MSG_PEEK, MSG_DONTROUTE and
 * MSG_CONFIRM; a frame in several parts of an iovec when it is read; dup, readv, writev and io_uring; netlink; statistics of interfaces; CAN XL, BCM,
 * ISO-TP and J1939; programs that are linked statically or call the kernel past libc.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "can-mapping-filter.h"

#define VARIABLE "CAUSEWAY_CAN_MAPPING"
#define MOST_BUSES 32
#define MOST_DESCRIPTORS 65536
/* UIO_MAXIOV of the kernel: what one recvmmsg or sendmmsg takes. */
#define MOST_MESSAGES 1024
#define SEND_AT_ONCE 64
/* Above the indexes of real interfaces. */
#define FIRST_INDEX 0x4000

/* The function of libc that the one of the same name here stands before. */
#define REAL(name) ((__typeof__(&name))real(&real_##name, #name))
#define EACH_HOOKED(one)                                                                                              \
  one(socket) one(bind) one(close) one(setsockopt) one(getsockopt) one(getsockname) one(ioctl) one(read) one(recv)    \
  one(recvfrom) one(recvmsg) one(recvmmsg) one(write) one(send) one(sendto) one(sendmsg) one(sendmmsg)                \
  one(if_nametoindex) one(if_indextoname) one(open) one(open64) one(openat) one(openat64)
#define PLACE(name) static void *_Atomic real_##name;
EACH_HOOKED(PLACE)

struct bus {
  char name[IFNAMSIZ];
  struct sockaddr_in address;
};
static struct bus buses[MOST_BUSES];
static int bus_count;

/* What is known of one CAN_RAW descriptor. */
struct channel {
  int bus; /* -1 before bind, and when bound to all */
  int sender; /* a socket that only sends, so that own frames are known by their port; -1 until the first frame */
  in_port_t own_port;
  int fd_frames, loopback, own_messages, join;
  can_err_mask_t errors;
  struct filter_set *_Atomic filters;
};
static struct channel *_Atomic channels[MOST_DESCRIPTORS];

static void *real(void *_Atomic *place, const char *name) {
  void *found = atomic_load_explicit(place, memory_order_relaxed);
  if (found == NULL) atomic_store(place, found = dlsym(RTLD_NEXT, name));
  return found;
}

static struct channel *channel_of(int fd) {
  return fd >= 0 && fd < MOST_DESCRIPTORS ? atomic_load_explicit(&channels[fd], memory_order_acquire) : NULL;
}

static int fail(int fault) {
  errno = fault;
  return -1;
}

__attribute__((constructor)) static void read_mapping(void) {
  const char *text = getenv(VARIABLE);
  while (text != NULL && *text != '\0') {
    unsigned port = 0;
    int used = 0;
    struct bus *bus = &buses[bus_count];
    if (bus_count == MOST_BUSES || sscanf(text, "%15[^=,/]=%u%n", bus->name, &port, &used) != 2 || port == 0 || port > 65535 ||
        (text[used] != ',' && text[used] != '\0')) {
      fprintf(stderr, "can-mapping: " VARIABLE " must be NAME=PORT[,...], at most %d: %s\n", MOST_BUSES, text);
      _exit(64);
    }
    bus->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((in_port_t)port), .sin_addr = {htonl(0x7fffffff)}};
    bus_count += 1;
    text += used + (text[used] == ',');
  }
}

static int bus_named(const char *name) {
  for (int at = 0; at < bus_count; at += 1) {
    if (strncmp(buses[at].name, name, IFNAMSIZ) == 0) return at;
  }
  return -1;
}

static int bus_indexed(int index) { return index >= FIRST_INDEX && index < FIRST_INDEX + bus_count ? index - FIRST_INDEX : -1; }

int socket(int domain, int type, int protocol) {
  if (domain != AF_CAN || bus_count == 0) return REAL(socket)(domain, type, protocol);
  if ((type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != SOCK_RAW || protocol != CAN_RAW) return fail(EPROTONOSUPPORT);
  struct can_filter everything = {0, 0};
  struct channel *channel = malloc(sizeof(*channel));
  struct filter_set *filters = filter_set_of(&everything, 1, false);
  int fd = REAL(socket)(AF_INET, SOCK_DGRAM | (type & (SOCK_NONBLOCK | SOCK_CLOEXEC)), 0);
  if (channel == NULL || filters == NULL || fd < 0 || fd >= MOST_DESCRIPTORS) {
    if (fd >= 0) REAL(close)(fd);
    free(channel);
    free(filters);
    return fail(fd < 0 ? errno : ENOMEM);
  }
  *channel = (struct channel){.bus = -1, .sender = -1, .loopback = 1, .filters = filters};
  atomic_store(&channels[fd], channel);
  return fd;
}

/* Filters that were replaced are left where they are: a reader may be using them, and they are few. */
int close(int fd) {
  struct channel *channel = channel_of(fd);
  if (channel != NULL) {
    atomic_store(&channels[fd], NULL);
    if (channel->sender >= 0) REAL(close)(channel->sender);
    free(channel);
  }
  return REAL(close)(fd);
}

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t length) {
  struct channel *channel = channel_of(fd);
  if (channel == NULL) return REAL(bind)(fd, address, length);
  struct sockaddr_can can = {0};
  if (length < offsetof(struct sockaddr_can, can_ifindex) + sizeof(can.can_ifindex)) return fail(EINVAL);
  memcpy(&can, address.__sockaddr__, length < sizeof(can) ? length : sizeof(can));
  if (can.can_family != AF_CAN) return fail(EINVAL);
  if (can.can_ifindex == 0) return 0;
  int bus = bus_indexed(can.can_ifindex);
  if (bus < 0) return fail(ENODEV);
  int on = 1;
  if (REAL(setsockopt)(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) return -1;
  if (REAL(bind)(fd, (struct sockaddr *)&buses[bus].address, sizeof(buses[bus].address)) != 0) return -1;
  channel->bus = bus;
  return 0;
}

static struct sockaddr_can can_address(int bus) {
  return (struct sockaddr_can){.can_family = AF_CAN, .can_ifindex = bus < 0 ? 0 : FIRST_INDEX + bus};
}

int getsockname(int fd, __SOCKADDR_ARG address, socklen_t *length) {
  struct channel *channel = channel_of(fd);
  if (channel == NULL) return REAL(getsockname)(fd, address, length);
  struct sockaddr_can can = can_address(channel->bus);
  memcpy(address.__sockaddr__, &can, *length < sizeof(can) ? *length : sizeof(can));
  *length = sizeof(can);
  return 0;
}

static int set_filters(struct channel *channel, const struct can_filter *filters, size_t count) {
  if (count > CAN_RAW_FILTER_MAX) return fail(EINVAL);
  struct filter_set *set = filter_set_of(filters, count, channel->join != 0);
  if (set == NULL) return fail(ENOMEM);
  atomic_store(&channel->filters, set);
  return 0;
}

static int *switch_of(struct channel *channel, int name) {
  if (name == CAN_RAW_FD_FRAMES) return &channel->fd_frames;
  if (name == CAN_RAW_LOOPBACK) return &channel->loopback;
  if (name == CAN_RAW_RECV_OWN_MSGS) return &channel->own_messages;
  return name == CAN_RAW_JOIN_FILTERS ? &channel->join : NULL;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
  struct channel *channel = channel_of(fd);
  if (channel == NULL || level != SOL_CAN_RAW) return REAL(setsockopt)(fd, level, name, value, length);
  if (name == CAN_RAW_FILTER) return set_filters(channel, value, length / sizeof(struct can_filter));
  if (length != sizeof(int)) return fail(EINVAL);
  if (name == CAN_RAW_ERR_FILTER) {
    memcpy(&channel->errors, value, sizeof(channel->errors));
    return 0;
  }
  int *place = switch_of(channel, name);
  if (place == NULL) return fail(ENOPROTOOPT);
  memcpy(place, value, sizeof(*place));
  struct filter_set *now = channel->filters;
  return name == CAN_RAW_JOIN_FILTERS ? set_filters(channel, now->filters, now->count) : 0;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
  struct channel *channel = channel_of(fd);
  const int *answer = NULL;
  static const int domain = AF_CAN, type = SOCK_RAW, protocol = CAN_RAW;
  if (channel != NULL && level == SOL_SOCKET) {
    answer = name == SO_DOMAIN ? &domain : name == SO_TYPE ? &type : name == SO_PROTOCOL ? &protocol : NULL;
  } else if (channel != NULL && level == SOL_CAN_RAW) {
    answer = switch_of(channel, name);
    if (answer == NULL) return fail(ENOPROTOOPT);
  }
  if (answer == NULL) return REAL(getsockopt)(fd, level, name, value, length);
  if (*length < sizeof(*answer)) return fail(EINVAL);
  memcpy(value, answer, sizeof(*answer));
  *length = sizeof(*answer);
  return 0;
}

#include "can-mapping-frames.h"
#include "can-mapping-links.h"
