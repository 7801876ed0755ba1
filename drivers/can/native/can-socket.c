#include "can-socket.h"

#include <errno.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* A controller's free-running clock that is further off than this says nothing about wall time. */
#define HARDWARE_CLOCK_TOLERANCE_US 10000.0

void receive_vector_init(struct receive_vector *vector) {
  memset(vector, 0, sizeof(*vector));
  for (int i = 0; i < RECEIVE_VECTOR; i += 1) {
    vector->parts[i].iov_base = &vector->frames[i];
    vector->parts[i].iov_len = sizeof(vector->frames[i]);
    vector->messages[i].msg_hdr.msg_iov = &vector->parts[i];
    vector->messages[i].msg_hdr.msg_iovlen = 1;
    vector->messages[i].msg_hdr.msg_control = vector->control[i];
    vector->messages[i].msg_hdr.msg_controllen = CONTROL_BYTES;
  }
}

static void ask_for_buffer(struct can_socket *socket, uint32_t bytes) {
  int asked = (int)bytes;
  if (setsockopt(socket->fd, SOL_SOCKET, SO_RCVBUFFORCE, &asked, sizeof(asked)) != 0) {
    /* Without CAP_NET_ADMIN the kernel cuts this to net.core.rmem_max; what it granted is reported. */
    (void)setsockopt(socket->fd, SOL_SOCKET, SO_RCVBUF, &asked, sizeof(asked));
  }
  int got = 0;
  socklen_t size = sizeof(got);
  if (getsockopt(socket->fd, SOL_SOCKET, SO_RCVBUF, &got, &size) != 0) got = 0;
  socket->got_bytes = (uint32_t)got;
}

int can_socket_filter(const struct can_socket *socket, const struct can_filter *filters, size_t count) {
  socklen_t size = (socklen_t)(count * sizeof(struct can_filter));
  return setsockopt(socket->fd, SOL_CAN_RAW, CAN_RAW_FILTER, filters, size) == 0 ? 0 : errno;
}

static int set_options(struct can_socket *socket, const struct can_socket_options *options) {
  int on = 1;
  can_err_mask_t all_errors = CAN_ERR_MASK;
  if (setsockopt(socket->fd, SOL_CAN_RAW, CAN_RAW_FD_FRAMES, &on, sizeof(on)) != 0) return errno;
  if (setsockopt(socket->fd, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &all_errors, sizeof(all_errors)) != 0) return errno;
  int fault = can_socket_filter(socket, options->filters, options->filter_count);
  if (fault != 0) return fault;
  int stamps = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_HARDWARE |
               SOF_TIMESTAMPING_RAW_HARDWARE;
  if (setsockopt(socket->fd, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof(stamps)) != 0) {
    (void)setsockopt(socket->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
  }
  ask_for_buffer(socket, options->receive_buffer_bytes);
  return 0;
}

static int bind_to(int fd, const char *interface) {
  struct ifreq request = {0};
  memcpy(request.ifr_name, interface, IFNAMSIZ);
  if (ioctl(fd, SIOCGIFHWADDR, &request) != 0) return errno;
  if (request.ifr_hwaddr.sa_family != ARPHRD_CAN) return ENOTSUP;
  if (ioctl(fd, SIOCGIFINDEX, &request) != 0) return errno;
  struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = request.ifr_ifindex};
  return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
}

int can_socket_open(struct can_socket *can, const struct can_socket_options *options) {
  can->got_bytes = 0;
  can->hardware_clock_ok = true;
  can->fd = socket(PF_CAN, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, CAN_RAW);
  if (can->fd < 0) return errno;
  int fault = set_options(can, options);
  if (fault == 0) fault = bind_to(can->fd, options->interface);
  if (fault != 0) can_socket_close(can);
  return fault;
}

void can_socket_close(struct can_socket *socket) {
  if (socket->fd >= 0) close(socket->fd);
  socket->fd = -1;
}

enum link_state can_socket_link(const struct can_socket *socket, const char *interface) {
  struct ifreq request = {0};
  memcpy(request.ifr_name, interface, IFNAMSIZ);
  if (ioctl(socket->fd, SIOCGIFFLAGS, &request) != 0) return LINK_ABSENT;
  return (request.ifr_flags & IFF_UP) != 0 ? LINK_UP : LINK_DOWN;
}

uint32_t can_socket_drops(const struct can_socket *socket) {
  /* The same counter as SO_RXQ_OVFL, which comes only with the next frame; this one is current. */
  uint32_t facts[SK_MEMINFO_VARS] = {0};
  socklen_t size = sizeof(facts);
  if (socket->fd < 0 || getsockopt(socket->fd, SOL_SOCKET, SO_MEMINFO, facts, &size) != 0) return 0;
  return facts[SK_MEMINFO_DROPS];
}

int can_socket_receive(const struct can_socket *socket, struct receive_vector *vector) {
  int count = recvmmsg(socket->fd, vector->messages, RECEIVE_VECTOR, MSG_DONTWAIT, NULL);
  if (count >= 0) return count;
  return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static double micros(const struct timespec *at) { return (double)at->tv_sec * 1e6 + (double)(at->tv_nsec / 1000); }

static double receive_time_us(struct can_socket *socket, const struct msghdr *header, double now_us) {
  struct cmsghdr *control = CMSG_FIRSTHDR(header);
  if (control == NULL || control->cmsg_level != SOL_SOCKET) return now_us;
  struct timespec stamps[3] = {{0}};
  if (control->cmsg_type == SO_TIMESTAMPNS) {
    memcpy(stamps, CMSG_DATA(control), sizeof(stamps[0]));
  } else if (control->cmsg_type == SO_TIMESTAMPING) {
    memcpy(stamps, CMSG_DATA(control), sizeof(stamps));
  }
  double software_us = stamps[0].tv_sec != 0 ? micros(&stamps[0]) : now_us;
  if (!socket->hardware_clock_ok || (stamps[2].tv_sec == 0 && stamps[2].tv_nsec == 0)) return software_us;
  double hardware_us = micros(&stamps[2]);
  double off_us = hardware_us - software_us;
  if (off_us > -HARDWARE_CLOCK_TOLERANCE_US && off_us < HARDWARE_CLOCK_TOLERANCE_US) return hardware_us;
  /* For good, since a clock that drifts across the limit would make times jump to and fro. */
  socket->hardware_clock_ok = false;
  return software_us;
}

/* Sizes that the compiler knows become a few moves instead of a call; only what lies past the length has a loop. */
static void copy_data(struct frame *out, const struct canfd_frame *in, bool is_fd) {
  uint8_t capacity = is_fd ? CANFD_MAX_DLEN : CAN_MAX_DLEN;
  if (is_fd) {
    memcpy(out->data, in->data, CANFD_MAX_DLEN);
  } else {
    memcpy(out->data, in->data, CAN_MAX_DLEN);
    memset(out->data + CAN_MAX_DLEN, 0, sizeof(out->data) - CAN_MAX_DLEN);
  }
  uint8_t present = (out->flags & FRAME_REMOTE) != 0 ? 0 : out->length;
  for (uint8_t at = present; at < capacity; at += 1) out->data[at] = 0;
}

void can_socket_convert(struct can_socket *socket, struct receive_vector *vector, int index, double now_us,
                        struct frame *out) {
  const struct canfd_frame *in = &vector->frames[index];
  struct msghdr *header = &vector->messages[index].msg_hdr;
  uint8_t flags = 0;
  uint32_t id = in->can_id & CAN_SFF_MASK;
  if ((in->can_id & CAN_EFF_FLAG) != 0) {
    flags |= FRAME_EXTENDED;
    id = in->can_id & CAN_EFF_MASK;
  }
  if ((in->can_id & CAN_RTR_FLAG) != 0) flags |= FRAME_REMOTE;
  if ((in->can_id & CAN_ERR_FLAG) != 0) {
    flags = FRAME_ERROR;
    id = in->can_id & CAN_ERR_MASK;
  }
  bool is_fd = vector->messages[index].msg_len == CANFD_MTU;
  if (is_fd) {
    flags |= FRAME_FD;
    if ((in->flags & CANFD_BRS) != 0) flags |= FRAME_BIT_RATE_SWITCH;
    if ((in->flags & CANFD_ESI) != 0) flags |= FRAME_ERROR_STATE_INDICATOR;
  }
  uint8_t limit = is_fd ? CANFD_MAX_DLEN : CAN_MAX_DLEN;
  out->length = in->len > limit ? limit : in->len;
  out->received_at_us = receive_time_us(socket, header, now_us);
  out->id = id;
  out->flags = flags;
  out->zero[0] = 0;
  out->zero[1] = 0;
  copy_data(out, in, is_fd);
  /* The kernel wrote how much it used; the next call must offer the whole room again. */
  header->msg_controllen = CONTROL_BYTES;
}
