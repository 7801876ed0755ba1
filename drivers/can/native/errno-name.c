#include "errno-name.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define NAME(code) \
  { code, #code }

static const struct {
  int fault;
  const char *name;
} NAMES[] = {
    NAME(EACCES),     NAME(EADDRNOTAVAIL), NAME(EAFNOSUPPORT), NAME(EAGAIN),    NAME(EBADMSG),  NAME(EBUSY),    NAME(ECOMM),
    NAME(EILSEQ),     NAME(EINVAL),        NAME(EMFILE),       NAME(EMSGSIZE),  NAME(ENETDOWN), NAME(ENFILE),
    NAME(ENOBUFS),    NAME(ENODEV),        NAME(ENOENT),   NAME(ENOMEM),       NAME(ENOTSUP),   NAME(ENXIO),    NAME(EPERM),
    NAME(ENOTTY),     NAME(EPROTONOSUPPORT), NAME(ETIMEDOUT),
};

const char *errno_name(int fault) {
  for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i += 1) {
    if (NAMES[i].fault == fault) return NAMES[i].name;
  }
  return "EIO";
}

napi_value throw_errno(napi_env env, int fault) {
  napi_throw_error(env, errno_name(fault), strerror(fault));
  return NULL;
}
