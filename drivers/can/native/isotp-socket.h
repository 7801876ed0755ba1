/* One CAN_ISOTP socket: options, binding, and receiving PDUs without waiting. */
#ifndef CAUSEWAY_ISOTP_SOCKET_H
#define CAUSEWAY_ISOTP_SOCKET_H

#include <linux/can.h>
#include <linux/can/isotp.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct isotp_socket_options {
  char interface[IFNAMSIZ];
  canid_t tx_id; /* with CAN_EFF_FLAG */
  canid_t rx_id;
  struct can_isotp_options general;
  struct can_isotp_fc_options flow_control;
  struct can_isotp_ll_options link_layer;
};

/* 0 when the kernel has ISO-TP (it loads the module for that), or an errno: EPROTONOSUPPORT when it has none. */
int isotp_socket_probe(void);

/*
 * Opens and binds; `*fd` does not wait. Returns 0 or an errno: those of can_socket_open (can-socket.h), and EINVAL where the interface
 * does not carry such frames or the kernel knows no such option.
 */
int isotp_socket_open(const struct isotp_socket_options *options, int *fd);

struct isotp_pdu {
  size_t length;
  bool truncated;        /* longer than the room for it */
  double received_at_us; /* of its last frame, since the Unix epoch */
};

/* Takes the next PDU into `room`. Returns 0, EAGAIN when there is none, or the error that the socket has to tell, once. */
int isotp_socket_receive(int fd, uint8_t *room, size_t room_bytes, struct isotp_pdu *out);

/* The error that the socket has to tell, once; 0 when there is none. */
int isotp_socket_error(int fd);

#endif
