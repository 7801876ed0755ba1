#ifndef CAUSEWAY_NO_DELAY_H
#define CAUSEWAY_NO_DELAY_H

#include <stdint.h>

/*
 * Sets TCP_NODELAY (tcp(7)) on the TCP sockets of this process whose peer has this port, of 1 to 65535, by IPv4 or IPv6, and that have it
 * not yet. What the kernel has held back is sent at once. Gives their number; -1 where the kernel does not show the descriptors. A socket
 * that is still connecting has no peer and is passed over.
 */
int no_delay_set(uint16_t port);

#endif
