import { describe, expect, it } from "vitest";
import type { ShoulderTap } from "../../../../agent/ports/shoulder-tap.ts";
import { ShoulderTaps } from "../../../../agent/vehicle/sleep/shoulder-taps.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

class Knuckles implements ShoulderTap {
  readonly name: string;
  isStopped = false;
  #onTap: () => void = () => undefined;

  constructor(name: string) {
    this.name = name;
  }

  start(onTap: () => void): void {
    this.#onTap = onTap;
  }

  knock(): void {
    this.#onTap();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
  }
}

describe("taps on the shoulder", () => {
  it("make the vehicle check in, at most three at once and twelve an hour, whoever taps", async () => {
    const [sms, program] = [new Knuckles("SMS"), new Knuckles("program")];
    const clock = new ManualClock();
    const log = new MemoryLog();
    const checkIns: string[] = [];
    const taps = new ShoulderTaps({ taps: [sms, program], checkIn: (name) => void checkIns.push(name), clock, log });
    taps.start();
    for (const knuckles of [sms, program, sms, program]) knuckles.knock();
    expect(checkIns).toEqual(["SMS", "program", "SMS"]);
    expect(taps.counts()).toEqual({ taken: 3, refused: 1 });
    // For ten hours, one each ten seconds.
    for (let round = 0; round < 3600; round += 1) {
      clock.advance(10_000);
      sms.knock();
    }
    expect(taps.counts().taken).toBe(3 + 120);
    expect(taps.counts().refused).toBe(1 + 3600 - 120);
    expect(log.of("tap.refused")).toHaveLength(1);
    await taps.stop();
    expect([sms.isStopped, program.isStopped]).toEqual([true, true]);
  });
});
