import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { clockQuality } from "../../../../drivers/os/clock-quality.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

const NOBODY_US = 16_000_000;
const START_MS = Date.UTC(2026, 0, 1);

/** A machine, 5 s after its boot. */
function machine() {
  const folder = temporaryFolder();
  const rtcFolder = join(folder, "rtc");
  const timesyncFile = join(folder, "synchronized");
  const kernel: { errorUs: number | undefined } = { errorUs: NOBODY_US };
  const state = { wallMs: START_MS, monotonicMs: 5000, kernel };
  const quality = clockQuality({
    timesyncFile,
    rtcFolder,
    kernelErrorUs: () => kernel.errorUs,
    wallMs: () => state.wallMs,
    monotonicMs: () => state.monotonicMs,
  });
  const pass = (ms: number): void => {
    state.wallMs += ms;
    state.monotonicMs += ms;
  };
  const addRtc = (hctosys: number, wallMs: number): void => {
    mkdirSync(join(rtcFolder, "rtc0"), { recursive: true });
    writeFileSync(join(rtcFolder, "rtc0", "hctosys"), `${hctosys}\n`);
    writeFileSync(join(rtcFolder, "rtc0", "since_epoch"), `${Math.floor(wallMs / 1000)}\n`);
  };
  /** What it says a second later, when it looks again. */
  const later = () => {
    pass(1000);
    return quality();
  };
  return { state, quality, later, pass, addRtc, timesyncFile };
}

describe("clockQuality", () => {
  it("takes a plausible date for a saved one where no battery-backed clock has set it", () => {
    const { quality, later, state, addRtc } = machine();
    expect(quality()).toBe("saved");
    state.wallMs = Date.UTC(1970, 0, 1);
    expect(later()).toBe("unsynchronised");
    state.wallMs = START_MS;
    addRtc(0, START_MS);
    expect(later()).toBe("saved");
  });

  it("believes a battery-backed clock that set this one and still says the same", () => {
    const good = machine();
    good.addRtc(1, START_MS);
    expect(good.quality()).toBe("rtc");
    good.pass(86_400_000 * 30);
    expect(good.later()).toBe("rtc");
    const flat = machine();
    flat.addRtc(1, Date.UTC(2000, 0, 1));
    expect(flat.quality()).toBe("saved");
  });

  it("goes by the kernel, whoever keeps its clock", () => {
    const { later, state } = machine();
    state.kernel.errorUs = 250_000;
    expect(later()).toBe("ntp");
  });

  it("holds on to a clock that was synchronised until it is set or has slept", () => {
    const { later, pass, state } = machine();
    state.kernel.errorUs = 250_000;
    expect(later()).toBe("ntp");
    state.kernel.errorUs = NOBODY_US;
    pass(36_000_000);
    expect(later()).toBe("rtc");
    state.wallMs += 60_000;
    expect(later()).toBe("saved");
    state.wallMs -= 60_000;
    expect(later()).toBe("saved");
  });

  it("takes timesyncd's word for the present where the kernel cannot be asked, and for the past where it can", () => {
    const { quality, later, state, timesyncFile } = machine();
    state.kernel.errorUs = undefined;
    expect(quality()).toBe("saved");
    writeFileSync(timesyncFile, "");
    expect(later()).toBe("ntp");
    rmSync(timesyncFile);
    expect(later()).toBe("rtc");
    const restarted = machine();
    writeFileSync(restarted.timesyncFile, "");
    expect(restarted.quality()).toBe("rtc");
  });

  it("knows at once that a clock which was set is not worth what it was, also where the RTC had vouched for it", () => {
    for (const hasRtc of [false, true]) {
      const { quality, state, addRtc } = machine();
      if (hasRtc) addRtc(1, START_MS);
      state.kernel.errorUs = 1000;
      expect(quality()).toBe("ntp");
      state.kernel.errorUs = NOBODY_US;
      expect(quality()).toBe("ntp");
      state.wallMs += 10 * 365 * 86_400_000;
      expect(quality()).toBe("saved");
    }
    const kept = machine();
    kept.addRtc(1, START_MS);
    expect(kept.quality()).toBe("rtc");
    kept.state.wallMs -= 400 * 86_400_000;
    expect(kept.quality()).toBe("unsynchronised");
  });

  it("looks once a second at most", () => {
    const { quality, later, state } = machine();
    expect(quality()).toBe("saved");
    state.kernel.errorUs = 0;
    expect(quality()).toBe("saved");
    expect(later()).toBe("ntp");
  });
});
