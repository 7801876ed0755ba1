import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PowerManager, PowerSink } from "../../agent/ports/power-manager.ts";

/** A power manager under test, and the system around it. */
export type PowerHarness = {
  readonly manager: PowerManager;
  /** The system begins to go down. */
  begin(kind: "suspend" | "shutdown"): Promise<void>;
  /** It is back, or does not go down after all. */
  end(kind: "suspend" | "shutdown"): Promise<void>;
  /** The time for which it waits is over. */
  runOut(): void;
  /** Locks that the system sees. */
  locks(): Promise<number>;
  /** How often it was asked for suspend. */
  suspends(): Promise<number>;
  close(): Promise<void>;
};

/** What a sink was told, in order. */
export class RecordingPowerSink implements PowerSink {
  readonly told: string[] = [];

  onOrder({ kind }: Parameters<PowerSink["onOrder"]>[0]): void {
    this.told.push(kind);
  }

  onWake(): void {
    this.told.push("wake");
  }
}

/** The promises of the PowerManager port. */
export function powerManagerContract(name: string, open: () => Promise<PowerHarness>): void {
  describe(`a power manager: ${name}`, () => {
    let harness: PowerHarness;
    let sink: RecordingPowerSink;

    beforeEach(async () => {
      harness = await open();
      sink = new RecordingPowerSink();
    });
    afterEach(() => harness.close());

    const told = (): Promise<readonly string[]> => Promise.resolve(sink.told);
    const locks = (): Promise<number> => harness.locks();

    it("holds a lock from start to stop", async () => {
      expect(await locks()).toBe(0);
      await harness.manager.start(sink);
      expect(harness.manager.fault()).toBeUndefined();
      await expect.poll(locks).toBe(1);
      await harness.manager.stop();
      await expect.poll(locks).toBe(0);
      expect(sink.told).toEqual([]);
    });

    it("keeps the lock through an order until it is released, and takes it again after the wake", async () => {
      await harness.manager.start(sink);
      await harness.begin("suspend");
      await expect.poll(told).toEqual(["suspend"]);
      expect(await locks()).toBe(1);
      harness.manager.release();
      await expect.poll(locks).toBe(0);
      expect(harness.manager.fault()).toBeUndefined();
      await harness.end("suspend");
      await expect.poll(told).toEqual(["suspend", "wake"]);
      await expect.poll(locks).toBe(1);
    });

    it("lets the lock go by itself when the system's patience is over", async () => {
      await harness.manager.start(sink);
      await harness.begin("shutdown");
      await expect.poll(told).toEqual(["shutdown"]);
      expect(await locks()).toBe(1);
      harness.runOut();
      await expect.poll(locks).toBe(0);
    });

    it("tells an order once, and the next one after the wake", async () => {
      await harness.manager.start(sink);
      await harness.begin("suspend");
      await harness.begin("suspend");
      await harness.end("suspend");
      await harness.end("suspend");
      await harness.begin("suspend");
      await expect.poll(told).toEqual(["suspend", "wake", "suspend"]);
    });

    it("keeps its lock when it is told to release without an order", async () => {
      await harness.manager.start(sink);
      await expect.poll(locks).toBe(1);
      harness.manager.release();
      await harness.begin("suspend");
      await expect.poll(told).toEqual(["suspend"]);
      expect(await locks()).toBe(1);
    });

    it("says how long an order may be delayed, and asks for suspend", async () => {
      await harness.manager.start(sink);
      expect(harness.manager.delayMs()).toBeGreaterThan(0);
      await harness.manager.suspend();
      await expect.poll(() => harness.suspends()).toBe(1);
    });

    it("says nothing after stop", async () => {
      await harness.manager.start(sink);
      await harness.manager.stop();
      await harness.manager.stop();
      await harness.begin("suspend");
      await harness.end("suspend");
      await expect.poll(locks).toBe(0);
      expect(sink.told).toEqual([]);
    });
  });
}
