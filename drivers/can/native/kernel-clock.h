#ifndef CAUSEWAY_KERNEL_CLOCK_H
#define CAUSEWAY_KERNEL_CLOCK_H

/* What the kernel takes for the largest error of the wall clock, microseconds (adjtimex(2), maxerror); -1 when it does not say. */
double kernel_clock_error_us(void);

/* How long the machine has been suspended since its boot (CLOCK_BOOTTIME less CLOCK_MONOTONIC), microseconds, to a few of them. */
double kernel_clock_suspended_us(void);

#endif
