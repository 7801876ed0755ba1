import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import type { WakeKind, WakeSource, WakeSources } from "../../agent/ports/wake-sources.ts";

/** ARPHRD_CAN (linux/if_arp.h), as a network interface says of itself in `type`. */
const CAN_TYPE = "280";
/** Drivers of modems, by the names that the kernel has for them. */
const MODEM_DRIVERS = /^(qmi_wwan|cdc_mbim|option|sierra|cdc_wdm|mhi-pci-generic|iosm|mtk_t7xx)$/;
const MODEM_NAMES = /^(wwan|ttyUSB|cdc-wdm)\d/;
/** ACPI's power, sleep and lid button, and the power keys of PMICs. */
const BUTTONS = /^(LNXPWRBN|LNXSLPBN|PNP0C0[CDE])\b|button|pwrkey|power-?key|pwrbutton/i;
const RTC_NAMES = /^(rtc|alarmtimer)/;
/** More sources or children of one than any machine has. */
const MOST_NAMES = 1000;

/**
 * Wake sources of the kernel (Documentation/ABI/testing/sysfs-class-wakeup: name, event_count), and power/wakeup of CAN controllers
 * (sysfs-devices-power). Suspends are counted since Linux 5.3 (sysfs-power: suspend_stats). A CAN controller without a wake of its own wakes by a GPIO key of its transceiver: that is "gpio" then.
 *
 * `sysFolder` is /sys but for tests. What cannot be read is left out.
 */
export function wakeSources(sysFolder = "/sys"): WakeSources {
  const folder = join(sysFolder, "class/wakeup");
  return {
    read: () => {
      const sources = namesIn(folder).map((entry) => sourceAt(join(folder, entry)));
      return sources.filter((source) => source !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    suspends: () => {
      const [slept, turnedBack] = ["success", "fail"].map((file) =>
        textOf(join(sysFolder, "power/suspend_stats", file)),
      );
      const count = slept === undefined || turnedBack === undefined ? Number.NaN : Number(slept) + Number(turnedBack);
      return Number.isSafeInteger(count) ? count : undefined;
    },
    canWake: (networkInterface) => {
      if (!/^[\w.-]+$/.test(networkInterface)) return undefined;
      const network = join(sysFolder, "class/net", networkInterface);
      const said = [join(network, "device"), network].map((device) => textOf(join(device, "power/wakeup")));
      if (said.includes("enabled")) return true;
      return said.includes("disabled") ? false : undefined;
    },
  };
}

function sourceAt(entry: string): WakeSource | undefined {
  const [name, events] = [textOf(join(entry, "name")), textOf(join(entry, "event_count"))];
  const count = Number(events);
  if (name === undefined || events === undefined || !Number.isSafeInteger(count)) return undefined;
  return { name, kind: kindOf(name, deviceOf(join(entry, "device"))), count };
}

/** What the source belongs to; undefined for one of a program (/sys/power/wake_lock). */
function deviceOf(link: string): string | undefined {
  try {
    return realpathSync(link);
  } catch {
    return undefined;
  }
}

/** The most telling fact first: a modem is on USB too. */
function kindOf(name: string, device: string | undefined): WakeKind {
  if (RTC_NAMES.test(name)) return "rtc";
  if (BUTTONS.test(name)) return "button";
  if (device === undefined) return "other";
  const children = namesIn(device);
  const drivers = [device, ...children.map((child) => join(device, child))].map((path) =>
    linkName(join(path, "driver")),
  );
  const networks = [...children, "."].flatMap((child) =>
    namesIn(join(device, child, "net")).map((net) => ({ child, net })),
  );
  if (children.includes("rtc") || RTC_NAMES.test(basename(device))) return "rtc";
  if (networks.some(({ child, net }) => textOf(join(device, child, "net", net, "type")) === CAN_TYPE)) return "can";
  if (children.includes("wwan") || drivers.some((driver) => MODEM_DRIVERS.test(driver))) return "modem";
  if (networks.some(({ net }) => MODEM_NAMES.test(net))) return "modem";
  if (BUTTONS.test(basename(device))) return "button";
  if (drivers.some((driver) => /gpio/.test(driver)) || /gpio/i.test(name)) return "gpio";
  if (linkName(join(device, "subsystem")) === "usb" || drivers.some((driver) => /^(x|e|o|u)hci/.test(driver)))
    return "usb";
  return "other";
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).slice(0, MOST_NAMES);
  } catch {
    return [];
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** The last name of what a link leads to; empty where there is none. */
function linkName(link: string): string {
  const target = deviceOf(link);
  return target === undefined ? "" : basename(target);
}
