#include "gpio-line.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CONSUMER "causeway"

/* The kernel keeps 16 events of a line unless it is asked for more. */
#define EVENTS_AT_ONCE 16

static int request_line(int chip_fd, const struct gpio_line_options *options, int *fd) {
  struct gpio_v2_line_request request = {.num_lines = 1};
  request.offsets[0] = options->offset;
  memcpy(request.consumer, CONSUMER, sizeof(CONSUMER));
  request.config.flags = options->flags;
  if (options->debounce_us > 0) {
    request.config.num_attrs = 1;
    request.config.attrs[0].mask = 1;
    request.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_DEBOUNCE;
    request.config.attrs[0].attr.debounce_period_us = options->debounce_us;
  }
  if (ioctl(chip_fd, GPIO_V2_GET_LINE_IOCTL, &request) < 0) return errno;
  *fd = request.fd;
  return 0;
}

int gpio_line_open(const struct gpio_line_options *options, int *fd) {
  int chip_fd = open(options->chip, O_RDWR | O_CLOEXEC);
  if (chip_fd < 0) return errno;
  int fault = request_line(chip_fd, options, fd);
  close(chip_fd);
  if (fault != 0) return fault;
  int flags = fcntl(*fd, F_GETFL);
  if (flags >= 0 && fcntl(*fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(*fd, F_SETFD, FD_CLOEXEC) == 0) return 0;
  fault = errno;
  close(*fd);
  return fault;
}

int gpio_line_level(int fd, bool *active) {
  struct gpio_v2_line_values values = {.mask = 1};
  if (ioctl(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) < 0) return errno;
  *active = (values.bits & 1) != 0;
  return 0;
}

int gpio_line_events(int fd, struct gpio_line_event *events, size_t room, size_t *count) {
  struct gpio_v2_line_event kept[EVENTS_AT_ONCE];
  *count = 0;
  if (room > EVENTS_AT_ONCE) room = EVENTS_AT_ONCE;
  ssize_t bytes = read(fd, kept, room * sizeof(kept[0]));
  if (bytes < 0) return errno == EAGAIN ? 0 : errno;
  *count = (size_t)bytes / sizeof(kept[0]);
  for (size_t at = 0; at < *count; at += 1) {
    events[at].active = kept[at].id == GPIO_V2_LINE_EVENT_RISING_EDGE;
    events[at].time_us = (double)kept[at].timestamp_ns / 1000;
  }
  return 0;
}
