#ifndef CAUSEWAY_CLEAN_PAGES_H
#define CAUSEWAY_CLEAN_PAGES_H

/*
 * Lets go of the pages of programs and libraries that nobody has written to, and of what malloc holds free: whatever runs again is mapped
 * again from the page cache, or from its file where the kernel needed the memory. Gives the bytes that were let go, malloc's left out; -1 where
 * the kernel does not show the mappings.
 */
double clean_pages_release(void);

#endif
