import { describe, expect, it } from "vitest";
import { LineIgnition } from "../../../../agent/vehicle/state/line-ignition.ts";
import { loadGpioAddon } from "../../../../drivers/can/gpio-addon.ts";
import { type GpioLineSettings, KernelGpioLine } from "../../../../drivers/os/gpio-line.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const SETTINGS: GpioLineSettings = {
  chip: "gpiochip0",
  line: 17,
  activeLow: true,
  bias: "pull-up",
  debounceMs: 20,
};

type Chip = {
  fault: string | undefined;
  level: boolean;
  readonly events: (readonly [level: boolean, timeUs: number])[];
};

/** A chip as the kernel shows it. */
function rig({ noEdges, fault }: { readonly noEdges?: string; readonly fault?: string } = {}) {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const chip: Chip = { fault, level: false, events: [] };
  const asked: (readonly [chip: string, offset: number, flags: number, debounceUs: number])[] = [];
  const closed: number[] = [];
  const check = (): void => {
    if (chip.fault !== undefined) throw Object.assign(new Error("no"), { code: chip.fault });
  };
  const access = {
    gpioOpen: (path: string, offset: number, flags: number, debounceUs: number) => {
      check();
      asked.push([path, offset, flags, debounceUs]);
      if (noEdges !== undefined && (flags & 48) !== 0) throw Object.assign(new Error("no edges"), { code: noEdges });
      return 40 + asked.length;
    },
    gpioLevel: () => {
      check();
      return chip.level;
    },
    gpioEvents: (_descriptor: number, out: Float64Array) => {
      check();
      const events = chip.events.splice(0, out.length / 2);
      for (const [at, [level, timeUs]] of events.entries()) out.set([level ? 1 : 0, timeUs], at * 2);
      return events.length;
    },
    gpioClose: (descriptor: number) => void closed.push(descriptor),
  };
  const line = new KernelGpioLine({ settings: SETTINGS, load: () => access, clock });
  const told: string[] = [];
  const start = () =>
    line.start({
      onLevel: (isActive, atMs) => told.push(`${isActive} at ${atMs}`),
      onGone: (what) => told.push(what),
    });
  return { clock, log, chip, asked, closed, line, told, start };
}

describe("KernelGpioLine", () => {
  it("asks for both edges, bias and debounce, and tells the level at once", async () => {
    const { asked, told, start } = rig();
    await start();
    // Input 4, active low 2, rising 16, falling 32, pull-up 256 (linux/gpio.h).
    expect(asked).toEqual([["/dev/gpiochip0", 17, 4 + 2 + 16 + 32 + 256, 20_000]]);
    expect(told).toEqual(["false at 1000"]);
  });

  it("tells edges with the time at which the kernel saw them", async () => {
    const { clock, chip, told, start } = rig();
    await start();
    chip.events.push([true, 1_050_000], [false, 1_060_500], [true, 1_070_000]);
    chip.level = true;
    clock.advance(100);
    expect(told.slice(1)).toEqual(["true at 1050", "false at 1060.5", "true at 1070"]);
    clock.advance(5000);
    expect(told).toHaveLength(4);
  });

  it("finds a level whose edge was lost", async () => {
    const { clock, chip, told, start } = rig();
    await start();
    chip.level = true;
    clock.advance(900);
    expect(told).toHaveLength(1);
    clock.advance(100);
    expect(told[1]).toBe("true at 2000");
  });

  it("looks at the level of a chip without interrupts", async () => {
    // As they are said by expanders, by a chip whose interrupt another line has, and by one that has none for this line.
    for (const noEdges of ["ENXIO", "EBUSY", "ENODEV"]) {
      const { clock, chip, asked, told, start } = rig({ noEdges });
      await start();
      expect(asked.at(-1)).toEqual(["/dev/gpiochip0", 17, 4 + 2 + 256, 0]);
      chip.level = true;
      clock.advance(100);
      expect(told).toEqual(["false at 1000", "true at 1100"]);
    }
  });

  it("says once that the chip is gone, lets go of it, and finds it again", async () => {
    const { clock, chip, closed, told, start } = rig();
    await start();
    chip.fault = "ENODEV";
    clock.advance(100);
    chip.fault = "ENOENT";
    clock.advance(60_000);
    expect(told.slice(1)).toEqual(["GPIO chip gpiochip0 is gone", "there is no GPIO chip gpiochip0"]);
    expect(closed).toEqual([41]);
    chip.fault = undefined;
    chip.level = true;
    clock.advance(5000);
    expect(told.at(-1)).toMatch(/^true at /);
  });

  it("says what is wrong with a line", async () => {
    for (const [fault, what] of [
      ["EBUSY", "line 17 of GPIO chip gpiochip0 is in use"],
      ["EACCES", "GPIO chip gpiochip0 may not be opened"],
      ["EINVAL", "GPIO chip gpiochip0 gives no line 17: no"],
    ] as const) {
      const { told, start } = rig({ fault });
      await start();
      expect(told).toEqual([what]);
    }
  });

  it("is silent and closed after its stop", async () => {
    const { clock, chip, closed, line, told, start } = rig();
    await start();
    await line.stop();
    await line.stop();
    chip.level = true;
    clock.advance(5000);
    expect([told.length, closed, clock.waiting()]).toEqual([1, [41], 0]);
  });
});

describe("the addon for GPIO lines", () => {
  it("gives errors of the kernel by their names", () => {
    const addon = loadGpioAddon();
    const open = (chip: string) => () => addon.gpioOpen(chip, 0, 4, 0);
    expect(open("/dev/gpiochip9999")).toThrow(expect.objectContaining({ code: "ENOENT" }));
    expect(open("/dev/null")).toThrow(expect.objectContaining({ code: "ENOTTY" }));
    expect(open("")).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => addon.gpioLevel(-1)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => addon.gpioClose(-1)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => addon.gpioEvents(0, new Float64Array(1))).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("says so where it was not built", () => {
    expect(() => loadGpioAddon("./native/build/Release/none.node")).toThrow(
      expect.objectContaining({ code: "bus.unsupported" }),
    );
    expect(() => loadGpioAddon("node:os")).toThrow(expect.objectContaining({ code: "bus.unsupported" }));
  });
});

describe("LineIgnition", () => {
  it("is on while the line is active, and does not know while it is gone", async () => {
    const { clock, log, chip, line } = rig();
    const ignition = new LineIgnition(line, log);
    let changes = 0;
    expect(ignition.look()).toEqual({ kind: "unknown", why: "line gpiochip0 17 was not read yet" });
    await ignition.start(() => {
      changes += 1;
    });
    expect(ignition.look()).toEqual({ kind: "off", why: "line gpiochip0 17 is not active" });
    chip.events.push([true, 1_050_000]);
    clock.advance(100);
    expect(ignition.look()).toEqual({ kind: "on", why: "line gpiochip0 17 is active" });
    chip.fault = "ENODEV";
    clock.advance(100);
    expect(ignition.look()).toEqual({ kind: "unknown", why: "GPIO chip gpiochip0 is gone" });
    expect(log.of("gpio.unavailable")).toHaveLength(1);
    expect(changes).toBe(3);
    await ignition.stop();
    expect(clock.waiting()).toBe(0);
  });
});
