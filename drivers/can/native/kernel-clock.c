#include "kernel-clock.h"

#include <sys/timex.h>

double kernel_clock_error_us(void) {
  struct timex state = {.modes = 0};
  if (adjtimex(&state) < 0) return -1;
  return (double)state.maxerror;
}
