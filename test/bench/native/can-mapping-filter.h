/* Receive filters of a CAN_RAW socket as Documentation/networking/can.rst says (CAN_RAW_FILTER, CAN_RAW_ERR_FILTER, CAN_RAW_JOIN_FILTERS). */
#ifndef CAN_MAPPING_FILTER_H
#define CAN_MAPPING_FILTER_H

#include <linux/can.h>
#include <linux/can/raw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Never changed once a reader may see it. */
struct filter_set {
  size_t count;
  bool all_must_match; /* CAN_RAW_JOIN_FILTERS */
  uint64_t standard[(CAN_SFF_MASK + 1) / 64]; /* a bit for each plain 11-bit id: what `filter_matches` says of it */
  struct can_filter filters[];
};

static inline bool one_matches(const struct can_filter *filter, canid_t id) {
  bool equal = ((id ^ filter->can_id) & filter->can_mask & ~(canid_t)CAN_INV_FILTER) == 0;
  return (filter->can_id & CAN_INV_FILTER) != 0 ? !equal : equal;
}

static inline bool filter_matches(const struct filter_set *set, canid_t id) {
  for (size_t at = 0; at < set->count; at += 1) {
    bool matches = one_matches(&set->filters[at], id);
    if (matches != set->all_must_match) return matches;
  }
  return set->count > 0 && set->all_must_match;
}

/* NULL without memory. */
static inline struct filter_set *filter_set_of(const struct can_filter *filters, size_t count, bool all_must_match) {
  struct filter_set *set = calloc(1, sizeof(*set) + count * sizeof(*filters));
  if (set == NULL) return NULL;
  set->count = count;
  set->all_must_match = all_must_match;
  if (count > 0) memcpy(set->filters, filters, count * sizeof(*filters));
  for (canid_t id = 0; id <= CAN_SFF_MASK; id += 1) {
    if (filter_matches(set, id)) set->standard[id / 64] |= 1ull << (id % 64);
  }
  return set;
}

static inline bool filter_accepts(const struct filter_set *set, can_err_mask_t errors, canid_t id) {
  if (id <= CAN_SFF_MASK) return (set->standard[id / 64] >> (id % 64) & 1) != 0;
  if ((id & CAN_ERR_FLAG) != 0) return (id & errors & CAN_ERR_MASK) != 0;
  return filter_matches(set, id);
}

#endif
