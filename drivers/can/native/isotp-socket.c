#include "isotp-socket.h"

#include <errno.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int open_socket(int *fd) {
  *fd = socket(PF_CAN, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, CAN_ISOTP);
  return *fd < 0 ? errno : 0;
}

int isotp_socket_probe(void) {
  int fd;
  int fault = open_socket(&fd);
  if (fault == 0) close(fd);
  return fault;
}

static int set_options(int fd, const struct isotp_socket_options *options) {
  const struct {
    int name;
    const void *value;
    socklen_t size;
  } wanted[] = {
      {CAN_ISOTP_OPTS, &options->general, sizeof(options->general)},
      {CAN_ISOTP_RECV_FC, &options->flow_control, sizeof(options->flow_control)},
      {CAN_ISOTP_LL_OPTS, &options->link_layer, sizeof(options->link_layer)},
  };
  for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i += 1) {
    if (setsockopt(fd, SOL_CAN_ISOTP, wanted[i].name, wanted[i].value, wanted[i].size) != 0) return errno;
  }
  int on = 1;
  /* Without it the time of reading serves. */
  (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
  return 0;
}

static int bind_to(int fd, const struct isotp_socket_options *options) {
  struct ifreq request = {0};
  memcpy(request.ifr_name, options->interface, IFNAMSIZ);
  if (ioctl(fd, SIOCGIFHWADDR, &request) != 0) return errno;
  if (request.ifr_hwaddr.sa_family != ARPHRD_CAN) return ENOTSUP;
  if (ioctl(fd, SIOCGIFINDEX, &request) != 0) return errno;
  struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = request.ifr_ifindex};
  address.can_addr.tp.rx_id = options->rx_id;
  address.can_addr.tp.tx_id = options->tx_id;
  return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
}

int isotp_socket_open(const struct isotp_socket_options *options, int *fd) {
  int fault = open_socket(fd);
  if (fault != 0) return fault;
  fault = set_options(*fd, options);
  if (fault == 0) fault = bind_to(*fd, options);
  if (fault != 0) close(*fd);
  return fault;
}

static double receive_time_us(const struct msghdr *header) {
  struct timespec at;
  struct cmsghdr *control = CMSG_FIRSTHDR(header);
  if (control != NULL && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_TIMESTAMPNS) {
    memcpy(&at, CMSG_DATA(control), sizeof(at));
  } else {
    clock_gettime(CLOCK_REALTIME, &at);
  }
  return (double)at.tv_sec * 1e6 + (double)(at.tv_nsec / 1000);
}

int isotp_socket_receive(int fd, uint8_t *room, size_t room_bytes, struct isotp_pdu *out) {
  _Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(struct timespec))];
  struct iovec part = {.iov_base = room, .iov_len = room_bytes};
  struct msghdr header = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
  ssize_t length;
  do {
    length = recvmsg(fd, &header, MSG_DONTWAIT);
  } while (length < 0 && errno == EINTR);
  if (length < 0) return errno;
  out->length = (size_t)length;
  out->truncated = (header.msg_flags & MSG_TRUNC) != 0;
  out->received_at_us = receive_time_us(&header);
  return 0;
}

int isotp_socket_error(int fd) {
  int fault = 0;
  socklen_t size = sizeof(fault);
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &size) == 0 ? fault : errno;
}
