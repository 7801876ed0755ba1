import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { kernelClock } from "../../drivers/can/kernel-clock.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { setClockError } from "./clock-error.ts";

const run = promisify(execFile);

describe("the kernel's clock", () => {
  it("is synchronised when whoever keeps it says so, and not before", async () => {
    const quality = () => systemClock({ kernelErrorUs: kernelClock().errorUs, timesyncFile: "/nonexistent" }).quality();
    await run("sh", ["-c", setClockError(16_000_000)]);
    expect(kernelClock().errorUs()).toBe(16_000_000);
    expect(quality()).not.toBe("ntp");
    await run("sh", ["-c", setClockError(2000)]);
    expect(kernelClock().errorUs()).toBeLessThan(1_000_000);
    expect(quality()).toBe("ntp");
  });
});
