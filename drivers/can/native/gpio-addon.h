#ifndef CAUSEWAY_GPIO_ADDON_H
#define CAUSEWAY_GPIO_ADDON_H

#include <node_api.h>

/* Adds gpioOpen, gpioLevel, gpioEvents and gpioClose to `exports`. */
void gpio_addon_init(napi_env env, napi_value exports);

#endif
