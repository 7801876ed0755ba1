/* Prints how many thousand cycles a second this processor's time stamp counter has, which is the one that QEMU's guests see. */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct moment { double ns; unsigned long long cycles; };

/* The counter between two looks at the clock; of some, the one whose looks are closest together. */
static struct moment look(void) {
  struct moment best = {0, 0};
  double shortest = 1e18;
  for (int i = 0; i < 100; i++) {
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC_RAW, &before);
    unsigned long long cycles = __rdtsc();
    clock_gettime(CLOCK_MONOTONIC_RAW, &after);
    double from = before.tv_sec * 1e9 + before.tv_nsec, to = after.tv_sec * 1e9 + after.tv_nsec;
    if (to - from < shortest) {
      shortest = to - from;
      best.ns = (from + to) / 2;
      best.cycles = cycles;
    }
  }
  return best;
}

int main(void) {
  struct moment from = look();
  nanosleep(&(struct timespec){0, 200000000}, 0);
  struct moment to = look();
  printf("%.0f\n", (to.cycles - from.cycles) / (to.ns - from.ns) * 1e6);
}
