{
  "targets": [
    {
      "target_name": "can_receive",
      "sources": [
        "addon.c", "bus.c", "can-socket.c", "clean-pages.c", "early-library.c", "errno-name.c", "gpio-addon.c", "gpio-line.c", "isotp-addon.c", "isotp-sender.c", "isotp-socket.c",
        "kernel-clock.c", "no-delay.c", "reader.c"
      ],
      "cflags": ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden", "-pthread"],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"]
    }
  ]
}
