/* One line of a GPIO chip, as input, through the character device (linux/gpio.h, version 2 of its interface). */
#ifndef CAUSEWAY_GPIO_LINE_H
#define CAUSEWAY_GPIO_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gpio_line_options {
  const char *chip; /* path of the character device */
  uint32_t offset;
  uint64_t flags;       /* GPIO_V2_LINE_FLAG_* */
  uint32_t debounce_us; /* 0: none */
};

/* A change of the line. `active` is its logical level, active low reckoned in; the time is that of CLOCK_MONOTONIC. */
struct gpio_line_event {
  bool active;
  double time_us;
};

/* Asks for the line. Its descriptor does not block, and must be closed. Returns 0 or an errno. */
int gpio_line_open(const struct gpio_line_options *options, int *fd);

/* The logical level at this moment. Returns 0 or an errno. */
int gpio_line_level(int fd, bool *active);

/* Takes what the kernel has kept of changes since the last call, at most `room`. Returns 0 or an errno. */
int gpio_line_events(int fd, struct gpio_line_event *events, size_t room, size_t *count);

#endif
