#ifndef CAUSEWAY_KERNEL_CLOCK_H
#define CAUSEWAY_KERNEL_CLOCK_H

/* What the kernel takes for the largest error of the wall clock, microseconds (adjtimex(2), maxerror); -1 when it does not say. */
double kernel_clock_error_us(void);

#endif
