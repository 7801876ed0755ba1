#include "no-delay.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

/* A process of this agent has about a hundred descriptors. What is beyond this stays as it is. */
#define MAX_DESCRIPTORS 4096

/* The port of the peer in the host's byte order; 0 for what is no connected socket of IPv4 or IPv6. */
static uint16_t peer_port(int fd) {
  struct sockaddr_storage address = {0};
  socklen_t size = sizeof(address);
  if (getpeername(fd, (struct sockaddr *)&address, &size) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(((const struct sockaddr_in *)&address)->sin_port);
  if (address.ss_family == AF_INET6) return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
  return 0;
}

/* True when the socket had not got it before. One that is not of TCP has no such option. */
static bool set_option(int fd) {
  int value = 0;
  socklen_t size = sizeof(value);
  if (getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size) != 0 || value != 0) return false;
  value = 1;
  return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value)) == 0;
}

int no_delay_set(uint16_t port) {
  DIR *descriptors = opendir("/proc/self/fd");
  if (descriptors == NULL) return -1;
  int changed = 0;
  for (int seen = 0; seen < MAX_DESCRIPTORS; seen += 1) {
    const struct dirent *entry = readdir(descriptors);
    if (entry == NULL) break;
    if (entry->d_name[0] == '.') continue;
    /* Another thread may close it and open another in its place meanwhile: at worst that one has the option. */
    int fd = atoi(entry->d_name);
    if (peer_port(fd) == port && set_option(fd)) changed += 1;
  }
  closedir(descriptors);
  return changed;
}
