#include "clean-pages.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A process of this agent has about a hundred mappings of files. What is beyond this stays. */
#define MAX_MAPPINGS 512

struct mapping {
  uintptr_t start;
  uintptr_t end;
  unsigned long resident_kib;
  unsigned long anonymous_kib;
};

/* The head of a mapping in smaps (proc_pid_smaps(5)). True for one of a file that nobody may write to. */
static bool read_head(const char *line, struct mapping *mapping) {
  char permissions[5] = "";
  unsigned long inode = 0;
  int fields = sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", &mapping->start, &mapping->end, permissions, &inode);
  mapping->resident_kib = 0;
  mapping->anonymous_kib = 0;
  return fields == 4 && inode != 0 && permissions[0] == 'r' && permissions[1] == '-';
}

/* Collects the mappings of files that may not be written to and of which no page is this process's own, as relocated ones are. */
static size_t read_mappings(FILE *smaps, struct mapping *found) {
  size_t count = 0;
  char *line = NULL;
  size_t room = 0;
  struct mapping mapping = {0};
  bool is_wanted = false;
  while (count < MAX_MAPPINGS && getline(&line, &room, smaps) > 0) {
    if (strncmp(line, "Rss:", 4) == 0) {
      sscanf(line, "Rss: %lu", &mapping.resident_kib);
    } else if (strncmp(line, "Anonymous:", 10) == 0) {
      sscanf(line, "Anonymous: %lu", &mapping.anonymous_kib);
    } else if (strncmp(line, "VmFlags:", 8) == 0) {
      /* The last line of each mapping. */
      if (is_wanted && mapping.anonymous_kib == 0 && mapping.resident_kib > 0) found[count++] = mapping;
      is_wanted = false;
    } else if (line[0] >= '0' && strchr("0123456789abcdef", line[0]) != NULL) {
      is_wanted = read_head(line, &mapping);
    }
  }
  free(line);
  return count;
}

double clean_pages_release(void) {
  FILE *smaps = fopen("/proc/self/smaps", "re");
  if (smaps == NULL) return -1;
  struct mapping found[MAX_MAPPINGS];
  size_t count = read_mappings(smaps, found);
  fclose(smaps);
  double released = 0;
  for (size_t i = 0; i < count; i += 1) {
    size_t length = found[i].end - found[i].start;
    /* Of a private mapping without pages of its own, MADV_DONTNEED takes away what the page cache has (madvise(2)). */
    if (madvise((void *)found[i].start, length, MADV_DONTNEED) == 0) released += (double)found[i].resident_kib * 1024;
  }
  malloc_trim(0);
  return released;
}
