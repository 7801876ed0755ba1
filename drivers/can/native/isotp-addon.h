#ifndef CAUSEWAY_ISOTP_ADDON_H
#define CAUSEWAY_ISOTP_ADDON_H

#include <node_api.h>

/* Adds isotpMissing, isotpOpen, isotpSend and isotpClose to `exports`. Returns 0 or an errno. */
int isotp_addon_init(napi_env env, napi_value exports);

#endif
