#ifndef CAUSEWAY_EARLY_LIBRARY_H
#define CAUSEWAY_EARLY_LIBRARY_H

#include <stdbool.h>

/*
 * Loads the native library of aws-crt and initialises it (aws_io_library_init, which does nothing the second time) on a thread of its own:
 * entropy and the machine's authorities take 35 ms of a start, which nobody waits for then. Once a process; nothing where it was begun before.
 *
 * The library's own guard against a second initialisation is not safe against a concurrent one: whoever loads it calls `await` first.
 * The thread holds no lock of this process but those of the loader and of malloc, takes no signals and sets no variable of the environment,
 * as the library does not (1.33); a process that ends meanwhile waits for it.
 */
void early_library_begin(const char *file);

/* Waits for the thread. True when it has initialised the library; false when it was not begun, or the library is not there or another one. */
bool early_library_await(void);

#endif
