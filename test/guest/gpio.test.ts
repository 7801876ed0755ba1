import { execFile, spawn } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { loadGpioAddon } from "../../drivers/can/gpio-addon.ts";
import { type GpioLineSettings, KernelGpioLine } from "../../drivers/os/gpio-line.ts";
import { systemClock } from "../../drivers/os/time-source.ts";

const run = promisify(execFile);
/** Files of gpio-mockup, one a line: what is written is the level that its input sees. */
const MOCKUP = "/sys/kernel/debug/gpio-mockup/gpiochip0";
const missing = mockupMissing();
if (missing !== undefined) console.warn(`skipped: ${missing}`);

function mockupMissing(): string | undefined {
  try {
    return readdirSync(MOCKUP).length > 0 ? undefined : `${MOCKUP} has no line`;
  } catch {
    return "GPIO lines: this kernel has no gpio-mockup (CONFIG_GPIO_MOCKUP), or it is not loaded";
  }
}

const SETTINGS: GpioLineSettings = { chip: "gpiochip0", line: 1, activeLow: false, bias: "as-is", debounceMs: 0 };

async function lineOf(settings: Partial<GpioLineSettings> = {}) {
  const clock = systemClock();
  const line = new KernelGpioLine({ settings: { ...SETTINGS, ...settings }, load: loadGpioAddon, clock });
  const told: (readonly [what: boolean | string, atMs: number])[] = [];
  const waiting: (() => void)[] = [];
  const tell = (what: boolean | string, atMs: number): void => {
    told.push([what, atMs]);
    for (const resume of waiting.splice(0)) resume();
  };
  await line.start({ onLevel: (isActive, atMs) => tell(isActive, atMs), onGone: (what) => tell(what, 0) });
  onTestFinished(() => line.stop());
  const next = async (count: number): Promise<readonly (boolean | string)[]> => {
    while (told.length < count) await new Promise<void>((resume) => waiting.push(resume));
    return told.map(([what]) => what);
  };
  return { clock, line, told, next };
}

function drive(level: 0 | 1, line = SETTINGS.line): void {
  writeFileSync(`${MOCKUP}/${line}`, `${level}`);
}

describe.skipIf(missing !== undefined)("a line of a GPIO chip in the kernel", () => {
  it("is seen by libgpiod as ours, and its edges by us as by libgpiod", async () => {
    drive(0);
    const { told, next, clock } = await lineOf({ bias: "pull-down" });
    const { stdout } = await run("gpioinfo", ["gpiochip0"]);
    expect(stdout).toMatch(/line +1: +\S+ +"causeway" +input +active-high \[used/);
    const beforeMs = clock.monotonicMs();
    drive(1);
    expect(await next(2)).toEqual([false, true]);
    drive(0);
    expect(await next(3)).toEqual([false, true, false]);
    for (const [, atMs] of told.slice(1)) {
      expect(atMs).toBeGreaterThan(beforeMs - 1);
      expect(atMs).toBeLessThan(clock.monotonicMs() + 1);
    }
    await expect(run("gpioget", ["gpiochip0", "1"])).rejects.toThrow(/busy/i);
  });

  it("is active while it is low where it is active low", async () => {
    drive(0);
    const { next } = await lineOf({ activeLow: true });
    drive(1);
    expect(await next(2)).toEqual([true, false]);
  });

  it("has a bounce that is shorter than its debounce filtered by the kernel", async () => {
    drive(0);
    const { next, clock } = await lineOf({ debounceMs: 300 });
    for (let bounce = 0; bounce < 10; bounce++) drive(bounce % 2 === 0 ? 1 : 0);
    const beforeMs = clock.monotonicMs();
    drive(1);
    expect(await next(2)).toEqual([false, true]);
    expect(clock.monotonicMs() - beforeMs).toBeGreaterThan(299);
  });

  it("is in use while libgpiod has it, and is ours when that lets go", async () => {
    const monitor = spawn("gpiomon", ["gpiochip0", "2"]);
    onTestFinished(() => void monitor.kill());
    let stdout = "";
    while (!stdout.includes("gpiomon")) ({ stdout } = await run("gpioinfo", ["gpiochip0"]));
    const { next } = await lineOf({ line: 2 });
    expect(await next(1)).toEqual(["line 2 of GPIO chip gpiochip0 is in use"]);
    monitor.kill();
    expect((await next(2)).at(-1)).toBe(false);
  });
});
