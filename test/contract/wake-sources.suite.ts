import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type WakeKind, type WakeSources, wakeCauses } from "../../agent/ports/wake-sources.ts";

/** Wake sources under test. */
export type SourcesHarness = {
  readonly sources: WakeSources;
  /** Makes a source of that kind known; gives its name. */
  add(kind: WakeKind): string;
  wake(name: string): void;
  /** What the system has counted of its suspends: those that it slept in, and those that were turned back. */
  setSuspends(slept: number, turnedBack: number): void;
  /** Says of a CAN interface whether it may wake; undefined: its hardware cannot. */
  setCanWake(networkInterface: string, enabled: boolean | undefined): void;
  close(): Promise<void>;
};

/** The promises of the WakeSources port. */
export function wakeSourcesContract(name: string, open: () => Promise<SourcesHarness>): void {
  describe(`wake sources: ${name}`, () => {
    let harness: SourcesHarness;

    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    it("reads none where there is none", () => {
      expect(harness.sources.read()).toEqual([]);
    });

    it("knows each kind, and counts", () => {
      const kinds = ["rtc", "button", "can", "gpio", "modem", "usb", "other"] as const;
      const names = kinds.map((kind) => ({ kind, name: harness.add(kind) }));
      harness.wake(names[2].name);
      harness.wake(names[2].name);
      const read = harness.sources.read();
      for (const [index, { kind, name: source }] of names.entries()) {
        expect(read).toContainEqual({ name: source, kind, count: index === 2 ? 2 : 0 });
      }
      expect(read.map(({ name: source }) => source)).toEqual(read.map(({ name: source }) => source).toSorted());
    });

    it("names the cause by what has moved", () => {
      const rtc = harness.add("rtc");
      const can = harness.add("can");
      const before = harness.sources.read();
      expect(wakeCauses(before, harness.sources.read())).toEqual([{ kind: "unknown", name: "" }]);
      harness.wake(rtc);
      expect(wakeCauses(before, harness.sources.read())).toEqual([{ kind: "rtc", name: rtc }]);
      harness.wake(can);
      expect(wakeCauses(before, harness.sources.read()).map(({ kind }) => kind)).toEqual(["can", "rtc"]);
    });

    it("counts suspends, where the system does", () => {
      expect(harness.sources.suspends()).toBeUndefined();
      harness.setSuspends(2, 1);
      expect(harness.sources.suspends()).toBe(3);
    });

    it("says whether an interface may wake", () => {
      harness.setCanWake("can0", true);
      harness.setCanWake("can1", false);
      harness.setCanWake("can2", undefined);
      const { sources } = harness;
      expect(["can0", "can1", "can2", "can3"].map((bus) => sources.canWake(bus))).toEqual([
        true,
        false,
        undefined,
        undefined,
      ]);
    });
  });
}
