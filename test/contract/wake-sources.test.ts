import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WakeKind } from "../../agent/ports/wake-sources.ts";
import { wakeSources } from "../../drivers/os/wake-sources.ts";
import { temporaryFolder } from "../fakes/core/folder.ts";
import { FakeWakeSources } from "../fakes/ports/wake-sources.ts";
import { wakeSourcesContract } from "./wake-sources.suite.ts";

wakeSourcesContract("fake", async () => {
  const sources = new FakeWakeSources();
  return {
    sources,
    add: (kind) => {
      sources.wake(`${kind}-source`, kind, 0);
      return `${kind}-source`;
    },
    wake: (name) => {
      const kind = sources.read().find((source) => source.name === name)?.kind ?? "other";
      sources.wake(name, kind);
    },
    setSuspends: (slept, turnedBack) => {
      sources.suspended = slept + turnedBack;
    },
    setCanWake: (networkInterface, enabled) => {
      if (enabled !== undefined) sources.waking.set(networkInterface, enabled);
    },
    close: async () => undefined,
  };
});

/** Devices as the kernel shows them, by what we are to see in them: path below /sys/devices, and files in them (a link where it begins with "->"). */
const DEVICES: Readonly<Record<WakeKind, readonly [path: string, files: Readonly<Record<string, string>>]>> = {
  // QEMU's pc, Linux 6.1.
  rtc: ["pnp0/00:04", { "rtc/rtc0/name": "rtc_cmos 00:04" }],
  button: ["LNXSYSTM:00/LNXPWRBN:00", { driver: "->bus/acpi/drivers/button" }],
  // NXP i.MX: flexcan with wakeup-source.
  can: ["platform/soc/2090000.can", { "net/can0/type": "280", driver: "->bus/platform/drivers/flexcan" }],
  gpio: ["platform/gpio-keys", { driver: "->bus/platform/drivers/gpio-keys" }],
  // A modem on USB: the device can wake, its interfaces have the drivers.
  modem: [
    "pci0000:00/0000:00:14.0/usb1/1-3",
    { subsystem: "->bus/usb", "1-3:1.4/driver": "->bus/usb/drivers/qmi_wwan", "1-3:1.4/net/wwan0/type": "65534" },
  ],
  usb: ["pci0000:00/0000:00:14.0/usb1/1-4", { subsystem: "->bus/usb", "1-4:1.0/driver": "->bus/usb/drivers/usbhid" }],
  other: ["LNXSYSTM:00/LNXSYBUS:00/PNP0A03:00", {}],
};

wakeSourcesContract("sysfs", async () => {
  const sys = temporaryFolder();
  const put = (file: string, content: string): void => {
    mkdirSync(join(file, ".."), { recursive: true });
    if (content.startsWith("->")) {
      mkdirSync(join(sys, content.slice(2)), { recursive: true });
      symlinkSync(join(sys, content.slice(2)), file);
    } else writeFileSync(file, `${content}\n`);
  };
  const entryOf = (name: string): string => join(sys, "class/wakeup", `wakeup-${name}`);
  return {
    sources: wakeSources(sys),
    add: (kind) => {
      const [path, files] = DEVICES[kind];
      const device = join(sys, "devices", path);
      mkdirSync(device, { recursive: true });
      for (const [file, content] of Object.entries(files)) put(join(device, file), content);
      const name = path.slice(path.lastIndexOf("/") + 1);
      put(join(entryOf(name), "name"), name);
      put(join(entryOf(name), "event_count"), "0");
      symlinkSync(device, join(entryOf(name), "device"));
      return name;
    },
    wake: (name) => {
      const file = join(entryOf(name), "event_count");
      writeFileSync(file, `${Number(readFileSync(file, "utf8")) + 1}\n`);
    },
    setSuspends: (slept, turnedBack) => {
      put(join(sys, "power/suspend_stats/success"), `${slept}`);
      put(join(sys, "power/suspend_stats/fail"), `${turnedBack}`);
    },
    setCanWake: (networkInterface, enabled) => {
      const word = enabled === true ? "enabled" : "disabled";
      if (enabled !== undefined) put(join(sys, "class/net", networkInterface, "device/power/wakeup"), word);
      else put(join(sys, "class/net", networkInterface, "type"), "280");
    },
    close: async () => undefined,
  };
});
