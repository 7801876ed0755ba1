/* The part of can-mapping.c that shows the interfaces: ioctl, names and indexes, /sys/class/net. */

static int answer_ioctl(unsigned long request, struct ifreq *asked) {
  int bus = request == SIOCGIFNAME ? bus_indexed(asked->ifr_ifindex) : bus_named(asked->ifr_name);
  if (bus < 0) return 0;
  switch (request) {
    case SIOCGIFNAME:
      memcpy(asked->ifr_name, buses[bus].name, IFNAMSIZ);
      return 1;
    case SIOCGIFINDEX:
      asked->ifr_ifindex = FIRST_INDEX + bus;
      return 1;
    case SIOCGIFFLAGS:
      asked->ifr_flags = IFF_UP | IFF_RUNNING | IFF_NOARP;
      return 1;
    case SIOCGIFHWADDR:
      asked->ifr_hwaddr.sa_family = ARPHRD_CAN;
      return 1;
    case SIOCGIFMTU:
      asked->ifr_mtu = CANFD_MTU;
      return 1;
    default:
      return 0;
  }
}

int ioctl(int fd, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  bool is_link = request == SIOCGIFNAME || request == SIOCGIFINDEX || request == SIOCGIFFLAGS || request == SIOCGIFHWADDR || request == SIOCGIFMTU;
  if (is_link && answer_ioctl(request, argument) != 0) return 0;
  return REAL(ioctl)(fd, request, argument);
}

unsigned if_nametoindex(const char *name) {
  int bus = bus_named(name);
  return bus < 0 ? REAL(if_nametoindex)(name) : (unsigned)(FIRST_INDEX + bus);
}

char *if_indextoname(unsigned index, char name[IFNAMSIZ]) {
  int bus = bus_indexed((int)index);
  return bus < 0 ? REAL(if_indextoname)(index, name) : memcpy(name, buses[bus].name, IFNAMSIZ);
}

/* A file with what the kernel would show of a CAN interface; -1 when `path` is no attribute that it knows. */
static int attribute(const char *path) {
  static const char folder[] = "/sys/class/net/";
  static const struct {
    const char *name;
    const char *text;
  } known[] = {{"type", "280\n"}, {"mtu", "72\n"}, {"flags", "0x10041\n"}};
  if (path == NULL || bus_count == 0 || strncmp(path, folder, sizeof(folder) - 1) != 0) return -1;
  const char *slash = strchr(path + sizeof(folder) - 1, '/');
  char name[IFNAMSIZ] = {0};
  if (slash == NULL || slash - path - (sizeof(folder) - 1) >= IFNAMSIZ) return -1;
  memcpy(name, path + sizeof(folder) - 1, (size_t)(slash - path) - (sizeof(folder) - 1));
  if (bus_named(name) < 0) return -1;
  for (size_t at = 0; at < sizeof(known) / sizeof(known[0]); at += 1) {
    if (strcmp(slash + 1, known[at].name) != 0) continue;
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd >= 0 && pwrite(fd, known[at].text, strlen(known[at].text), 0) < 0) REAL(close)(fd);
    return fd;
  }
  return -1;
}

#define OPEN(name)                                 \
  int name(const char *path, int flags, ...) {     \
    va_list rest;                                  \
    va_start(rest, flags);                         \
    mode_t mode = va_arg(rest, mode_t);            \
    va_end(rest);                                  \
    int fd = attribute(path);                      \
    return fd >= 0 ? fd : REAL(name)(path, flags, mode); \
  }
#define OPEN_AT(name)                                         \
  int name(int folder, const char *path, int flags, ...) {    \
    va_list rest;                                             \
    va_start(rest, flags);                                    \
    mode_t mode = va_arg(rest, mode_t);                       \
    va_end(rest);                                             \
    int fd = attribute(path);                                 \
    return fd >= 0 ? fd : REAL(name)(folder, path, flags, mode); \
  }
OPEN(open)
OPEN(open64)
OPEN_AT(openat)
OPEN_AT(openat64)
