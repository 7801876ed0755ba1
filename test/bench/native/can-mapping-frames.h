/* The part of can-mapping.c that carries frames. */

/* Whether a datagram is a frame for this socket. `name` is where it came from, NULL where nobody asked. */
static bool accepts(const struct channel *channel, const struct msghdr *header, size_t length, const struct sockaddr_in *name) {
  if (length != CAN_MTU && (length != CANFD_MTU || !channel->fd_frames)) return false;
  if (name != NULL && name->sin_port == channel->own_port && channel->sender >= 0 && !channel->own_messages) return false;
  canid_t id = 0;
  if (header->msg_iovlen == 0 || header->msg_iov[0].iov_len < sizeof(id)) return true;
  memcpy(&id, header->msg_iov[0].iov_base, sizeof(id));
  return filter_accepts(atomic_load_explicit(&channel->filters, memory_order_acquire), channel->errors, id);
}

/* What a receive call is given and writes over. */
struct room {
  void *name;
  socklen_t name_bytes;
  size_t control_bytes;
  struct sockaddr_in from;
};

static void offer(const struct channel *channel, struct msghdr *header, struct room *room) {
  room->name = header->msg_name;
  room->name_bytes = header->msg_namelen;
  room->control_bytes = header->msg_controllen;
  /* Asking for it takes time, so it is left out while it is of no use. */
  bool asks = room->name != NULL || channel->sender >= 0;
  header->msg_name = asks ? &room->from : NULL;
  header->msg_namelen = asks ? sizeof(room->from) : 0;
}

static void give_name(const struct channel *channel, struct msghdr *header, const struct room *room) {
  header->msg_name = room->name;
  header->msg_namelen = room->name_bytes;
  if (room->name == NULL) return;
  struct sockaddr_can address = can_address(channel->bus);
  if (header->msg_namelen > sizeof(address)) header->msg_namelen = sizeof(address);
  memcpy(room->name, &address, header->msg_namelen);
}

static const struct sockaddr_in *sender_of(const struct msghdr *header) { return header->msg_name; }

static ssize_t receive_one(int fd, const struct channel *channel, struct msghdr *header, int flags) {
  struct room room;
  if ((flags & MSG_PEEK) != 0) return fail(EOPNOTSUPP);
  for (;;) {
    offer(channel, header, &room);
    ssize_t length = REAL(recvmsg)(fd, header, flags | MSG_TRUNC);
    bool is_done = length < 0 || accepts(channel, header, (size_t)length, sender_of(header));
    give_name(channel, header, &room);
    if (length < 0) return length;
    size_t most = 0;
    for (size_t at = 0; at < header->msg_iovlen; at += 1) most += header->msg_iov[at].iov_len;
    if (is_done) return (size_t)length < most || (flags & MSG_TRUNC) != 0 ? length : (ssize_t)most;
    header->msg_controllen = room.control_bytes;
    header->msg_namelen = room.name_bytes;
  }
}

static ssize_t receive_plain(int fd, const struct channel *channel, void *bytes, size_t length, int flags) {
  struct iovec part = {bytes, length};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
  return receive_one(fd, channel, &header, flags);
}

/* Moves what came in message `from` to the room of message `to`. */
static void move_message(struct mmsghdr *to, const struct mmsghdr *from) {
  struct msghdr *into = &to->msg_hdr;
  const struct msghdr *out = &from->msg_hdr;
  size_t room = into->msg_iov[0].iov_len;
  memcpy(into->msg_iov[0].iov_base, out->msg_iov[0].iov_base, from->msg_len < room ? from->msg_len : room);
  memcpy(into->msg_control, out->msg_control, out->msg_controllen);
  into->msg_controllen = out->msg_controllen;
  into->msg_flags = out->msg_flags;
  to->msg_len = from->msg_len;
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
  const struct channel *channel = channel_of(fd);
  if (channel == NULL) return REAL(recvmmsg)(fd, messages, count, flags, timeout);
  if ((flags & MSG_PEEK) != 0) return fail(EOPNOTSUPP);
  if (count > MOST_MESSAGES) count = MOST_MESSAGES;
  struct room rooms[count + 1];
  for (;;) {
    for (unsigned at = 0; at < count; at += 1) offer(channel, &messages[at].msg_hdr, &rooms[at]);
    int got = REAL(recvmmsg)(fd, messages, count, flags, timeout);
    int kept = 0;
    for (int at = 0; at < got; at += 1) {
      if (!accepts(channel, &messages[at].msg_hdr, messages[at].msg_len, sender_of(&messages[at].msg_hdr))) continue;
      if (at != kept) move_message(&messages[kept], &messages[at]);
      kept += 1;
    }
    for (unsigned at = 0; at < count; at += 1) {
      give_name(channel, &messages[at].msg_hdr, &rooms[at]);
      if ((int)at < kept || (int)at >= got) continue;
      messages[at].msg_hdr.msg_controllen = rooms[at].control_bytes;
      messages[at].msg_hdr.msg_namelen = rooms[at].name_bytes;
    }
    if (got <= 0 || kept > 0) return got <= 0 ? got : kept;
  }
}

ssize_t recvmsg(int fd, struct msghdr *header, int flags) {
  const struct channel *channel = channel_of(fd);
  return channel == NULL ? REAL(recvmsg)(fd, header, flags) : receive_one(fd, channel, header, flags);
}

ssize_t read(int fd, void *bytes, size_t length) {
  const struct channel *channel = channel_of(fd);
  return channel == NULL ? REAL(read)(fd, bytes, length) : receive_plain(fd, channel, bytes, length, 0);
}

ssize_t recv(int fd, void *bytes, size_t length, int flags) {
  const struct channel *channel = channel_of(fd);
  return channel == NULL ? REAL(recv)(fd, bytes, length, flags) : receive_plain(fd, channel, bytes, length, flags);
}

ssize_t recvfrom(int fd, void *bytes, size_t length, int flags, __SOCKADDR_ARG from, socklen_t *from_length) {
  const struct channel *channel = channel_of(fd);
  if (channel == NULL) return REAL(recvfrom)(fd, bytes, length, flags, from, from_length);
  struct iovec part = {bytes, length};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_name = from.__sockaddr__};
  if (from_length != NULL) header.msg_namelen = *from_length;
  ssize_t got = receive_one(fd, channel, &header, flags);
  if (from_length != NULL) *from_length = header.msg_namelen;
  return got;
}

/* Opens the sender of a socket when it is first needed. */
static int open_sender(struct channel *channel) {
  if (channel->sender >= 0) return 0;
  int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof(address);
  int fd = REAL(socket)(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || REAL(setsockopt)(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) != 0 ||
      REAL(bind)(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || REAL(getsockname)(fd, (struct sockaddr *)&address, &length) != 0) {
    if (fd >= 0) REAL(close)(fd);
    return -1;
  }
  channel->own_port = address.sin_port;
  channel->sender = fd;
  return 0;
}

/* The bus that a frame goes to; -1 with errno. `length` is that of the frame. */
static int bus_to(struct channel *channel, const struct sockaddr_can *to, size_t length) {
  int bus = to == NULL || to->can_ifindex == 0 ? channel->bus : bus_indexed(to->can_ifindex);
  if (bus < 0) return fail(ENXIO);
  if (length != CAN_MTU && (length != CANFD_MTU || !channel->fd_frames)) return fail(EINVAL);
  return open_sender(channel) == 0 ? bus : -1;
}

static ssize_t send_one(struct channel *channel, const void *bytes, size_t length, const struct sockaddr_can *to) {
  int bus = bus_to(channel, to, length);
  if (bus < 0) return -1;
  /* Without loopback a virtual bus brings a frame to nobody. */
  if (!channel->loopback) return (ssize_t)length;
  return REAL(sendto)(channel->sender, bytes, length, 0, (struct sockaddr *)&buses[bus].address, sizeof(buses[bus].address));
}

ssize_t write(int fd, const void *bytes, size_t length) {
  struct channel *channel = channel_of(fd);
  return channel == NULL ? REAL(write)(fd, bytes, length) : send_one(channel, bytes, length, NULL);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
  struct channel *channel = channel_of(fd);
  return channel == NULL ? REAL(send)(fd, bytes, length, flags) : send_one(channel, bytes, length, NULL);
}

ssize_t sendto(int fd, const void *bytes, size_t length, int flags, __CONST_SOCKADDR_ARG to, socklen_t to_length) {
  struct channel *channel = channel_of(fd);
  if (channel == NULL) return REAL(sendto)(fd, bytes, length, flags, to, to_length);
  return send_one(channel, bytes, length, (const struct sockaddr_can *)to.__sockaddr__);
}

ssize_t sendmsg(int fd, const struct msghdr *header, int flags) {
  struct channel *channel = channel_of(fd);
  if (channel == NULL) return REAL(sendmsg)(fd, header, flags);
  unsigned char frame[CANFD_MTU];
  size_t length = 0;
  for (size_t at = 0; at < header->msg_iovlen; at += 1) {
    if (length + header->msg_iov[at].iov_len > sizeof(frame)) return fail(EINVAL);
    memcpy(frame + length, header->msg_iov[at].iov_base, header->msg_iov[at].iov_len);
    length += header->msg_iov[at].iov_len;
  }
  return send_one(channel, frame, length, header->msg_name);
}

/* The frames of one call go to one bus, that of the socket, and have one part each. */
int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
  struct channel *channel = channel_of(fd);
  if (channel == NULL) return REAL(sendmmsg)(fd, messages, count, flags);
  struct mmsghdr out[SEND_AT_ONCE];
  if (count > SEND_AT_ONCE) count = SEND_AT_ONCE;
  int bus = 0;
  for (unsigned at = 0; at < count; at += 1) {
    const struct msghdr *header = &messages[at].msg_hdr;
    bus = header->msg_iovlen == 1 ? bus_to(channel, NULL, header->msg_iov[0].iov_len) : fail(EINVAL);
    if (bus < 0) return -1;
    out[at].msg_hdr = (struct msghdr){.msg_iov = header->msg_iov, .msg_iovlen = 1, .msg_name = &buses[bus].address,
                                      .msg_namelen = sizeof(buses[bus].address)};
    messages[at].msg_len = (unsigned)header->msg_iov[0].iov_len;
  }
  return channel->loopback ? REAL(sendmmsg)(channel->sender, out, count, flags) : (int)count;
}
