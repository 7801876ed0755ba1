#ifndef CAUSEWAY_ERRNO_NAME_H
#define CAUSEWAY_ERRNO_NAME_H

#include <node_api.h>

/* The name of an errno, as Node's own system errors have it in `code`; "EIO" for one that nobody here tells apart. */
const char *errno_name(int fault);

/* Throws an Error with that `code`. Returns NULL, for `return throw_errno(...)`. */
napi_value throw_errno(napi_env env, int fault);

#endif
