/* One CAN_RAW socket: options, binding, and reading many frames with one system call. */
#ifndef CAUSEWAY_CAN_SOCKET_H
#define CAUSEWAY_CAN_SOCKET_H

#include <linux/can.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "frame.h"

/* Frames of one recvmmsg call: more than come in one drain interval at 8000 frames/s, so that one call usually empties the queue. */
#define RECEIVE_VECTOR 256

/* Room for SCM_TIMESTAMPING (three struct timespec). */
#define CONTROL_BYTES CMSG_SPACE(3 * sizeof(struct timespec))

enum link_state { LINK_UP = 0, LINK_DOWN = 1, LINK_ABSENT = 2 };

struct can_socket_options {
  char interface[IFNAMSIZ];
  uint32_t receive_buffer_bytes;
  const struct can_filter *filters; /* receives nothing but error frames when filter_count is 0 */
  size_t filter_count;
};

struct can_socket {
  int fd;                 /* -1 when closed */
  uint32_t got_bytes;     /* SO_RCVBUF as the kernel reports it, doubled (socket(7)) */
  bool hardware_clock_ok; /* cleared for good once the controller's clock disagrees with the kernel's */
};

/* Buffers of one reader, used for all its sockets in turn. */
struct receive_vector {
  struct mmsghdr messages[RECEIVE_VECTOR];
  struct iovec parts[RECEIVE_VECTOR];
  struct canfd_frame frames[RECEIVE_VECTOR];
  _Alignas(struct cmsghdr) unsigned char control[RECEIVE_VECTOR][CONTROL_BYTES];
};

void receive_vector_init(struct receive_vector *vector);

/*
 * Opens and binds. Returns 0, or an errno: ENODEV when there is no such interface, ENOTSUP when it is not a CAN interface,
 * EAFNOSUPPORT or EPROTONOSUPPORT when the kernel has no CAN, EPERM or EACCES when it is forbidden. Closed again on failure.
 */
int can_socket_open(struct can_socket *socket, const struct can_socket_options *options);

/* Replaces the filters of an open socket. Returns 0 or an errno; the old ones then go on. */
int can_socket_filter(const struct can_socket *socket, const struct can_filter *filters, size_t count);

void can_socket_close(struct can_socket *socket);

/* Whether the interface is up, down or gone, as the kernel says now. */
enum link_state can_socket_link(const struct can_socket *socket, const char *interface);

/* Frames this socket lost because its queue was full, modulo 2^32, exact at the moment of the call. */
uint32_t can_socket_drops(const struct can_socket *socket);

/* Reads without waiting. Returns the number of frames in `vector` (0: the queue is empty) or minus an errno. */
int can_socket_receive(const struct can_socket *socket, struct receive_vector *vector);

/* Converts frame `index` of `vector` to the shared layout. `now_us` serves when the kernel gave no receive time. */
void can_socket_convert(struct can_socket *socket, struct receive_vector *vector, int index, double now_us,
                        struct frame *out);

#endif
