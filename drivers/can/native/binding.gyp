{
  "targets": [
    {
      "target_name": "can_receive",
      "sources": ["addon.c", "bus.c", "can-socket.c", "kernel-clock.c", "reader.c"],
      "cflags": ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden", "-pthread"],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"]
    }
  ]
}
