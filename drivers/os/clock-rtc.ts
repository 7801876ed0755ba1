import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Rtc } from "../../agent/ports/clock-keepers.ts";

/** Documentation/ABI/testing/sysfs-class-rtc: hctosys, since_epoch. */
const RTC_FOLDER = "/sys/class/rtc";

/** The battery-backed clocks that the kernel knows. */
export function rtcsIn(folder: string = RTC_FOLDER): readonly Rtc[] {
  return namesIn(folder).map((name) => ({
    name,
    hasSetClock: readNumber(join(folder, name, "hctosys")) === 1,
    wallMs: () => {
      const seconds = readNumber(join(folder, name, "since_epoch"));
      return seconds === undefined ? undefined : seconds * 1000;
    },
  }));
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // A machine without any.
    return [];
  }
}

function readNumber(file: string): number | undefined {
  try {
    const number = Number(readFileSync(file, "utf8"));
    return Number.isFinite(number) ? number : undefined;
  } catch {
    // An RTC that cannot be read vouches for nothing.
    return undefined;
  }
}
