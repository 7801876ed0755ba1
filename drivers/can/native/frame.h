/* The frame layout shared with agent/ports/frame.ts (FrameBatch): 80 bytes, native byte order. */
#ifndef CAUSEWAY_FRAME_H
#define CAUSEWAY_FRAME_H

#include <assert.h>
#include <stdint.h>

enum frame_flag {
  FRAME_EXTENDED = 0x01,
  FRAME_REMOTE = 0x02,
  FRAME_ERROR = 0x04,
  FRAME_FD = 0x08,
  FRAME_BIT_RATE_SWITCH = 0x10,
  FRAME_ERROR_STATE_INDICATOR = 0x20,
};

struct frame {
  double received_at_us; /* since the Unix epoch */
  uint32_t id;
  uint8_t flags;
  uint8_t length;
  uint8_t zero[2];
  uint8_t data[64]; /* zero past length */
};

static_assert(sizeof(struct frame) == 80, "FRAME_STRIDE_BYTES in agent/ports/frame.ts");

#endif
