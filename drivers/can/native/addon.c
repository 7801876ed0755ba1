/*
 * What JavaScript sees: open, receive, dropped, facts, close, and the clock; isotp-addon.c and gpio-addon.c add their own. native-addon.ts states the types.
 *
 * A bus is named by its slot number. Everything here runs on the JavaScript thread, except `wake`.
 */
#include <errno.h>
#include <limits.h>
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clean-pages.h"
#include "early-library.h"
#include "errno-name.h"
#include "gpio-addon.h"
#include "isotp-addon.h"
#include "kernel-clock.h"
#include "no-delay.h"
#include "reader.h"

/* Batches of one bus handed over before the others and the rest of the event loop get a turn. */
#define BATCHES_PER_TURN 64

/* A bus as JavaScript opened it. */
struct open_bus {
  struct bus bus;
  napi_ref batch_ref; /* keeps the memory of `batch` where it is */
  struct frame *batch;
  uint32_t batch_frames;
  napi_ref on_news;
};

struct addon {
  struct reader reader;
  struct open_bus *buses[MAX_BUSES];
  napi_threadsafe_function signal;
  int open_count;
};

static struct addon *addon_of(napi_env env) {
  void *data = NULL;
  napi_get_instance_data(env, &data);
  return data;
}

static void on_reader_wake(void *context) {
  struct addon *addon = context;
  napi_call_threadsafe_function(addon->signal, NULL, napi_tsfn_nonblocking);
}

/* Calls onNews(frames, errorFrames, link, clockOffsetUs). False when JavaScript threw. */
static bool call_on_news(napi_env env, const struct open_bus *open, struct bus_news news) {
  napi_value undefined;
  napi_value callback;
  napi_value arguments[4];
  napi_get_undefined(env, &undefined);
  napi_get_reference_value(env, open->on_news, &callback);
  napi_create_uint32(env, news.frames, &arguments[0]);
  napi_create_uint32(env, news.error_frames, &arguments[1]);
  napi_create_int32(env, news.link, &arguments[2]);
  napi_create_double(env, news.clock_offset_us, &arguments[3]);
  return napi_call_function(env, undefined, callback, 4, arguments, NULL) == napi_ok;
}

/* Tells all news of one bus, or as much as one turn allows. False when JavaScript threw. */
static bool tell_news(napi_env env, struct addon *addon, int slot) {
  struct open_bus *open = addon->buses[slot];
  for (int batch = 0; batch < BATCHES_PER_TURN; batch += 1) {
    struct bus_news news = bus_next_news(&open->bus, open->batch, open->batch_frames);
    if (news.frames == 0 && news.link < 0) return true;
    if (!call_on_news(env, open, news)) return false;
    /* The callback may have closed the bus. */
    if (addon->buses[slot] != open) return true;
    if (news.frames < open->batch_frames && news.link < 0) return true;
  }
  bus_set_pending(&open->bus);
  on_reader_wake(addon);
  return true;
}

static void dispatch(napi_env env, napi_value function, void *context, void *data) {
  (void)function;
  (void)data;
  if (env == NULL) return;
  struct addon *addon = context;
  reader_woken(&addon->reader);
  for (int slot = 0; slot < MAX_BUSES; slot += 1) {
    struct open_bus *open = addon->buses[slot];
    if (open != NULL && bus_take_pending(&open->bus) && !tell_news(env, addon, slot)) return;
  }
}

static void free_open_bus(struct open_bus *open, napi_env env) {
  bus_close(&open->bus);
  napi_delete_reference(env, open->batch_ref);
  napi_delete_reference(env, open->on_news);
  free(open);
}

static void close_slot(struct addon *addon, napi_env env, int slot) {
  struct open_bus *open = addon->buses[slot];
  reader_set_bus(&addon->reader, slot, NULL);
  addon->buses[slot] = NULL;
  free_open_bus(open, env);
}

static void stop_reader(struct addon *addon, napi_threadsafe_function_release_mode mode) {
  reader_stop(&addon->reader);
  napi_release_threadsafe_function(addon->signal, mode);
}

/* The environment ends with buses open: the thread must be gone before anything it uses is. */
static void tear_down(void *data) {
  struct addon *addon = data;
  stop_reader(addon, napi_tsfn_abort);
  for (int slot = 0; slot < MAX_BUSES; slot += 1) {
    if (addon->buses[slot] == NULL) continue;
    /* References end with the environment. */
    bus_close(&addon->buses[slot]->bus);
    free(addon->buses[slot]);
    addon->buses[slot] = NULL;
  }
}

static int start_reader(struct addon *addon, napi_env env) {
  napi_value name;
  napi_create_string_utf8(env, "causeway:can", NAPI_AUTO_LENGTH, &name);
  if (napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, NULL, NULL, addon, dispatch, &addon->signal) != napi_ok)
    return ENOMEM;
  int fault = reader_start(&addon->reader, on_reader_wake, addon);
  if (fault != 0) {
    napi_release_threadsafe_function(addon->signal, napi_tsfn_abort);
    return fault;
  }
  /* Added after the one of the thread-safe function, so it runs before that. */
  napi_add_env_cleanup_hook(env, tear_down, addon);
  return 0;
}

static void finish_reader_when_unused(struct addon *addon, napi_env env) {
  if (addon->open_count > 0) return;
  napi_remove_env_cleanup_hook(env, tear_down, addon);
  stop_reader(addon, napi_tsfn_release);
}

struct open_arguments {
  struct can_socket_options options;
  struct bus_bounds bounds;
  struct frame *batch;
  uint32_t batch_frames;
  napi_value batch_value;
  napi_value on_news;
};

static bool read_array(napi_env env, napi_value value, napi_typedarray_type want, size_t *length, void **data) {
  napi_typedarray_type type;
  return napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) == napi_ok && type == want;
}

/* Reads a Uint32Array of pairs (can_id, can_mask), which stay where they are until the call returns. */
static bool read_filters(napi_env env, napi_value value, const struct can_filter **filters, size_t *count) {
  size_t words = 0;
  void *pairs = NULL;
  if (!read_array(env, value, napi_uint32_array, &words, &pairs) || words % 2 != 0) return false;
  *filters = pairs;
  *count = words / 2;
  return true;
}

static bool read_arrays(napi_env env, napi_value filters, napi_value batch, struct open_arguments *out) {
  size_t bytes = 0;
  void *frames = NULL;
  if (!read_filters(env, filters, &out->options.filters, &out->options.filter_count)) return false;
  if (!read_array(env, batch, napi_uint8_array, &bytes, &frames) || bytes < sizeof(struct frame)) return false;
  out->batch = frames;
  out->batch_frames = (uint32_t)(bytes / sizeof(struct frame));
  out->batch_value = batch;
  return true;
}

static bool read_open_arguments(napi_env env, napi_callback_info info, struct open_arguments *out) {
  size_t count = 7;
  napi_value values[7];
  memset(out, 0, sizeof(*out));
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count != 7) return false;
  size_t length = 0;
  char name[IFNAMSIZ + 1];
  if (napi_get_value_string_utf8(env, values[0], name, sizeof(name), &length) != napi_ok) return false;
  if (length == 0 || length >= IFNAMSIZ) return false;
  memcpy(out->options.interface, name, length);
  if (napi_get_value_uint32(env, values[1], &out->options.receive_buffer_bytes) != napi_ok) return false;
  struct bus_bounds *bounds = &out->bounds;
  if (napi_get_value_uint32(env, values[2], &bounds->ring_frames) != napi_ok || bounds->ring_frames == 0) return false;
  if (napi_get_value_uint32(env, values[3], &bounds->gather_ms) != napi_ok) return false;
  napi_valuetype kind;
  out->on_news = values[6];
  if (napi_typeof(env, values[6], &kind) != napi_ok || kind != napi_function) return false;
  return read_arrays(env, values[4], values[5], out);
}

static int free_slot(const struct addon *addon) {
  int slot = 0;
  while (slot < MAX_BUSES && addon->buses[slot] != NULL) slot += 1;
  return slot;
}

static int open_slot(struct addon *addon, napi_env env, const struct open_arguments *arguments, int slot) {
  struct open_bus *open = calloc(1, sizeof(*open));
  if (open == NULL) return ENOMEM;
  int fault = bus_open(&open->bus, &arguments->options, arguments->bounds, addon->reader.epoll_fd);
  if (fault != 0) {
    free(open);
    return fault;
  }
  open->batch = arguments->batch;
  open->batch_frames = arguments->batch_frames;
  napi_create_reference(env, arguments->batch_value, 1, &open->batch_ref);
  napi_create_reference(env, arguments->on_news, 1, &open->on_news);
  addon->buses[slot] = open;
  addon->open_count += 1;
  reader_set_bus(&addon->reader, slot, &open->bus);
  return 0;
}

/* open(interface, receiveBufferBytes, ringFrames, gatherMs, filters: Uint32Array of (can_id, can_mask), batch: Uint8Array, onNews): slot */
static napi_value js_open(napi_env env, napi_callback_info info) {
  struct addon *addon = addon_of(env);
  struct open_arguments arguments;
  if (!read_open_arguments(env, info, &arguments)) return throw_errno(env, EINVAL);
  int slot = free_slot(addon);
  if (slot == MAX_BUSES) return throw_errno(env, EMFILE);
  int fault = addon->open_count == 0 ? start_reader(addon, env) : 0;
  if (fault != 0) return throw_errno(env, fault);
  fault = open_slot(addon, env, &arguments, slot);
  if (fault != 0) {
    finish_reader_when_unused(addon, env);
    return throw_errno(env, fault);
  }
  napi_value result;
  napi_create_int32(env, slot, &result);
  return result;
}

/* Reads `count` arguments, of which the first is a slot. Returns the slot, or -1 after throwing. */
static int read_slot(napi_env env, napi_callback_info info, size_t count, napi_value *values) {
  size_t given = count;
  int32_t slot = -1;
  bool ok = napi_get_cb_info(env, info, &given, values, NULL, NULL) == napi_ok && given == count &&
            napi_get_value_int32(env, values[0], &slot) == napi_ok && slot >= 0 && slot < MAX_BUSES &&
            addon_of(env)->buses[slot] != NULL;
  if (ok) return slot;
  throw_errno(env, EINVAL);
  return -1;
}

/* receive(slot, between: Uint32Array, after: Uint32Array): void; both of (can_id, can_mask) */
static napi_value js_receive(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int slot = read_slot(env, info, 3, values);
  if (slot < 0) return NULL;
  struct addon *addon = addon_of(env);
  struct filter_change change;
  if (!read_filters(env, values[1], &change.between, &change.between_count) ||
      !read_filters(env, values[2], &change.after, &change.after_count)) {
    return throw_errno(env, EINVAL);
  }
  int fault = bus_filter(&addon->buses[slot]->bus, &change);
  reader_nudge(&addon->reader);
  return fault == 0 ? NULL : throw_errno(env, fault);
}

/* dropped(slot): frames lost in the kernel's queue and in the ring since open */
static napi_value js_dropped(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int slot = read_slot(env, info, 1, values);
  if (slot < 0) return NULL;
  napi_value result;
  napi_create_double(env, (double)bus_dropped(&addon_of(env)->buses[slot]->bus), &result);
  return result;
}

/* facts(slot, result: Uint32Array): void; SO_RCVBUF asked for and got, bytes; frames lost in the ring, low and high word */
static napi_value js_facts(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int slot = read_slot(env, info, 2, values);
  if (slot < 0) return NULL;
  size_t words = 0;
  void *result = NULL;
  if (!read_array(env, values[1], napi_uint32_array, &words, &result) || words < 4) return throw_errno(env, EINVAL);
  struct bus_facts facts = bus_facts(&addon_of(env)->buses[slot]->bus);
  ((uint32_t *)result)[0] = facts.asked_bytes;
  ((uint32_t *)result)[1] = facts.got_bytes;
  ((uint32_t *)result)[2] = (uint32_t)facts.ring_dropped;
  ((uint32_t *)result)[3] = (uint32_t)(facts.ring_dropped >> 32);
  return NULL;
}

/* close(slot): void; onNews is not called afterwards */
static napi_value js_close(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int slot = read_slot(env, info, 1, values);
  if (slot < 0) return NULL;
  struct addon *addon = addon_of(env);
  close_slot(addon, env, slot);
  addon->open_count -= 1;
  finish_reader_when_unused(addon, env);
  return NULL;
}

/* clockErrorUs(): the largest error of the wall clock, or -1. Nothing to do with a bus. */
static napi_value js_clock_error_us(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result;
  napi_create_double(env, kernel_clock_error_us(), &result);
  return result;
}

/* suspendedUs(): how long the machine was suspended since its boot. Nothing to do with a bus. */
static napi_value js_suspended_us(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result;
  napi_create_double(env, kernel_clock_suspended_us(), &result);
  return result;
}

/* releaseCleanPages(): bytes of files that were let go, or -1. Nothing to do with a bus. */
static napi_value js_release_clean_pages(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result;
  napi_create_double(env, clean_pages_release(), &result);
  return result;
}

/* setNoDelay(port): how many sockets had not got TCP_NODELAY, or -1. Nothing to do with a bus. */
static napi_value js_set_no_delay(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value values[1];
  uint32_t port = 0;
  bool ok = napi_get_cb_info(env, info, &count, values, NULL, NULL) == napi_ok && count == 1 &&
            napi_get_value_uint32(env, values[0], &port) == napi_ok && port > 0 && port <= UINT16_MAX;
  if (!ok) return throw_errno(env, EINVAL);
  napi_value result;
  napi_create_int32(env, no_delay_set((uint16_t)port), &result);
  return result;
}

/* beginLibrary(file): begins to load and initialise the library of aws-crt. Nothing to do with a bus. */
static napi_value js_begin_library(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value values[1];
  char file[PATH_MAX];
  size_t length = 0;
  bool ok = napi_get_cb_info(env, info, &count, values, NULL, NULL) == napi_ok && count == 1 &&
            napi_get_value_string_utf8(env, values[0], file, sizeof(file), &length) == napi_ok && length > 0 &&
            strlen(file) == length;
  if (!ok) return throw_errno(env, EINVAL);
  early_library_begin(file);
  return NULL;
}

/* awaitLibrary(): whether the library is initialised, once that has ended. */
static napi_value js_await_library(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result;
  napi_get_boolean(env, early_library_await(), &result);
  return result;
}

static void free_addon(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(data);
}

NAPI_MODULE_INIT() {
  struct addon *addon = calloc(1, sizeof(*addon));
  if (addon == NULL) return throw_errno(env, ENOMEM);
  napi_set_instance_data(env, addon, free_addon, NULL);
  const napi_property_descriptor functions[] = {
      {"open", NULL, js_open, NULL, NULL, NULL, napi_enumerable, NULL},
      {"receive", NULL, js_receive, NULL, NULL, NULL, napi_enumerable, NULL},
      {"dropped", NULL, js_dropped, NULL, NULL, NULL, napi_enumerable, NULL},
      {"facts", NULL, js_facts, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, js_close, NULL, NULL, NULL, napi_enumerable, NULL},
      {"clockErrorUs", NULL, js_clock_error_us, NULL, NULL, NULL, napi_enumerable, NULL},
      {"suspendedUs", NULL, js_suspended_us, NULL, NULL, NULL, napi_enumerable, NULL},
      {"releaseCleanPages", NULL, js_release_clean_pages, NULL, NULL, NULL, napi_enumerable, NULL},
      {"beginLibrary", NULL, js_begin_library, NULL, NULL, NULL, napi_enumerable, NULL},
      {"awaitLibrary", NULL, js_await_library, NULL, NULL, NULL, napi_enumerable, NULL},
      {"setNoDelay", NULL, js_set_no_delay, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions);
  gpio_addon_init(env, exports);
  int fault = isotp_addon_init(env, exports);
  return fault == 0 ? exports : throw_errno(env, fault);
}
