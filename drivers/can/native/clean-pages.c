#include "clean-pages.h"

#include <inttypes.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A process of this agent has about a hundred mappings of files. What is beyond this stays. */
#define MAX_MAPPINGS 512

struct mapping {
  uintptr_t start;
  uintptr_t end;
  unsigned long resident_kib;
  /* Pages that are this process's own, in memory and in swap. */
  unsigned long own_kib;
};

struct picture {
  struct mapping mappings[MAX_MAPPINGS];
  size_t count;
  bool is_read;
  bool is_missing;
  double released;
};

/* The head of a mapping in smaps (proc_pid_smaps(5)). True for one of a file that nobody may write to. */
static bool read_head(const char *line, struct mapping *mapping) {
  char permissions[5] = "";
  unsigned long inode = 0;
  int fields = sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", &mapping->start, &mapping->end, permissions, &inode);
  mapping->resident_kib = 0;
  mapping->own_kib = 0;
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
    } else if (strncmp(line, "Anonymous:", 10) == 0 || strncmp(line, "Swap:", 5) == 0) {
      unsigned long kib = 0;
      sscanf(strchr(line, ':'), ": %lu", &kib);
      mapping.own_kib += kib;
    } else if (strncmp(line, "VmFlags:", 8) == 0) {
      /* The last line of each mapping. */
      if (is_wanted && mapping.own_kib == 0 && mapping.resident_kib > 0) found[count++] = mapping;
      is_wanted = false;
    } else if (line[0] >= '0' && strchr("0123456789abcdef", line[0]) != NULL) {
      is_wanted = read_head(line, &mapping);
    }
  }
  free(line);
  return count;
}

static void read_picture(struct picture *picture) {
  picture->is_read = true;
  FILE *smaps = fopen("/proc/self/smaps", "re");
  picture->is_missing = smaps == NULL;
  if (smaps == NULL) return;
  picture->count = read_mappings(smaps, picture->mappings);
  fclose(smaps);
}

/* Lets go of what lies in this part of a program or library. Of a private mapping without pages of its own, MADV_DONTNEED takes away what the page cache has (madvise(2)). */
static void release_within(struct picture *picture, uintptr_t start, uintptr_t end) {
  for (size_t i = 0; i < picture->count; i += 1) {
    const struct mapping *mapping = &picture->mappings[i];
    if (mapping->start < start || mapping->end > end) continue;
    if (madvise((void *)mapping->start, mapping->end - mapping->start, MADV_DONTNEED) != 0) continue;
    picture->released += (double)mapping->resident_kib * 1024;
  }
}

/* While this is called nobody can load or unload a library (dl_iterate_phdr(3)), so that what was read of a mapping stays true. */
static int release_object(struct dl_phdr_info *object, size_t size, void *data) {
  (void)size;
  struct picture *picture = data;
  if (!picture->is_read) read_picture(picture);
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  for (size_t i = 0; i < object->dlpi_phnum; i += 1) {
    const ElfW(Phdr) *part = &object->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || (part->p_flags & PF_W) != 0) continue;
    uintptr_t start = object->dlpi_addr + part->p_vaddr;
    release_within(picture, start & ~(page - 1), (start + part->p_memsz + page - 1) & ~(page - 1));
  }
  return 0;
}

double clean_pages_release(void) {
  struct picture *picture = calloc(1, sizeof(*picture));
  if (picture == NULL) return -1;
  dl_iterate_phdr(release_object, picture);
  double released = picture->is_missing ? -1 : picture->released;
  free(picture);
  malloc_trim(0);
  return released;
}
