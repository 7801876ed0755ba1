/* What JavaScript sees of GPIO lines: gpioOpen, gpioLevel, gpioEvents, gpioClose. gpio-addon.ts states the types. Nothing here waits. */
#include "gpio-addon.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "errno-name.h"
#include "gpio-line.h"

#define MAX_EVENTS 16

/* gpioOpen(chip, offset, flags, debounceUs): descriptor */
static napi_value js_open(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value values[4];
  char chip[PATH_MAX];
  size_t length = 0;
  uint32_t flags = 0;
  struct gpio_line_options options = {.chip = chip};
  bool ok = napi_get_cb_info(env, info, &count, values, NULL, NULL) == napi_ok && count == 4 &&
            napi_get_value_string_utf8(env, values[0], chip, sizeof(chip), &length) == napi_ok && length > 0 &&
            strlen(chip) == length && napi_get_value_uint32(env, values[1], &options.offset) == napi_ok &&
            napi_get_value_uint32(env, values[2], &flags) == napi_ok &&
            napi_get_value_uint32(env, values[3], &options.debounce_us) == napi_ok;
  if (!ok) return throw_errno(env, EINVAL);
  options.flags = flags;
  int fd = -1;
  int fault = gpio_line_open(&options, &fd);
  if (fault != 0) return throw_errno(env, fault);
  napi_value result;
  napi_create_int32(env, fd, &result);
  return result;
}

/* Reads `count` arguments, of which the first is a descriptor. Returns it, or -1 after throwing. */
static int read_descriptor(napi_env env, napi_callback_info info, size_t count, napi_value *values) {
  size_t given = count;
  int32_t fd = -1;
  bool ok = napi_get_cb_info(env, info, &given, values, NULL, NULL) == napi_ok && given == count &&
            napi_get_value_int32(env, values[0], &fd) == napi_ok && fd >= 0;
  if (ok) return fd;
  throw_errno(env, EINVAL);
  return -1;
}

/* gpioLevel(descriptor): whether the line is active */
static napi_value js_level(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int fd = read_descriptor(env, info, 1, values);
  if (fd < 0) return NULL;
  bool active = false;
  int fault = gpio_line_level(fd, &active);
  if (fault != 0) return throw_errno(env, fault);
  napi_value result;
  napi_get_boolean(env, active, &result);
  return result;
}

/* gpioEvents(descriptor, out: Float64Array of pairs (level, time)): events */
static napi_value js_events(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int fd = read_descriptor(env, info, 2, values);
  if (fd < 0) return NULL;
  napi_typedarray_type type;
  size_t words = 0;
  void *data = NULL;
  bool ok = napi_get_typedarray_info(env, values[1], &type, &words, &data, NULL, NULL) == napi_ok &&
            type == napi_float64_array && words >= 2;
  if (!ok) return throw_errno(env, EINVAL);
  struct gpio_line_event events[MAX_EVENTS];
  size_t room = words / 2 < MAX_EVENTS ? words / 2 : MAX_EVENTS;
  size_t count = 0;
  int fault = gpio_line_events(fd, events, room, &count);
  if (fault != 0) return throw_errno(env, fault);
  double *out = data;
  for (size_t at = 0; at < count; at += 1) {
    out[at * 2] = events[at].active ? 1 : 0;
    out[at * 2 + 1] = events[at].time_us;
  }
  napi_value result;
  napi_create_uint32(env, (uint32_t)count, &result);
  return result;
}

/* gpioClose(descriptor): void */
static napi_value js_close(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int fd = read_descriptor(env, info, 1, values);
  if (fd >= 0) close(fd);
  return NULL;
}

void gpio_addon_init(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"gpioOpen", NULL, js_open, NULL, NULL, NULL, napi_enumerable, NULL},
      {"gpioLevel", NULL, js_level, NULL, NULL, NULL, napi_enumerable, NULL},
      {"gpioEvents", NULL, js_events, NULL, NULL, NULL, napi_enumerable, NULL},
      {"gpioClose", NULL, js_close, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions);
}
