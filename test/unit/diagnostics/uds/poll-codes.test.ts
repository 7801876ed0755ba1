import { describe, expect, it } from "vitest";
import type { CodeReading } from "../../../../agent/diagnostics/codes/trouble-code.ts";
import { type CodePollParts, pollCodes, readCodes } from "../../../../agent/diagnostics/uds/poll-codes.ts";
import { UdsAsker } from "../../../../agent/diagnostics/uds/uds-asker.ts";
import { UdsClient } from "../../../../agent/diagnostics/uds/uds-client.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { ecuOf } from "../../../fakes/diagnostics/ecus.ts";
import { FakeTesterBus } from "../../../fakes/diagnostics/tester-bus.ts";

const NEVER = new AbortController().signal;
const TX = 0x740;
const ECU = ecuOf({
  dids: [
    {
      id: 0x0101,
      name: "supply",
      length: 2,
      signals: [{ name: "voltage", startBit: 7, bits: 16, factor: 0.01, unit: "V" }],
    },
    {
      id: 0xdd00,
      name: "distance",
      length: 1,
      readable: false,
      signals: [{ name: "odometer", startBit: 7, bits: 8, unit: "km" }],
    },
  ],
  troubleCodes: {
    names: { B1A23: "window", "B1A23-11": "window short" },
    extendedData: [
      { record: 1, name: "count", length: 1, signals: [{ name: "occurrence_counter", startBit: 7, bits: 8 }] },
    ],
    occurrences: "occurrence_counter",
  },
});

function parts(change: Partial<CodePollParts> = {}) {
  const tester = new FakeTesterBus();
  const clock = new ManualClock();
  const client = new UdsClient(new UdsAsker({ tester, ecu: ECU, who: "poll", clock }), async () => ({
    kind: "failed",
    problem: "no program",
  }));
  const taken: CodeReading[] = [];
  const skipped: number[] = [];
  const known = new Set<string>();
  const codes: CodePollParts["codes"] = {
    take: (readings) => {
      taken.push(...readings);
      for (const { codes: seen } of readings) for (const { code } of seen) known.add(code);
    },
    wantsFreeze: (_origin, list) => list.filter((code) => !known.has(code)),
  };
  const own: CodePollParts = {
    client,
    bus: "can0",
    everyMs: 1000,
    snapshots: true,
    codes,
    clock,
    onSkipped: (count) => skipped.push(count),
    ...change,
  };
  tester.answer(TX, "19020d", "5902ff 9a2311 2f");
  tester.answer(TX, "19049a2311ff", "59049a2311 2f 01 01 0101 04e2 02 01 dd00 07");
  tester.answer(TX, "19069a2311ff", "59069a2311 2f 01 03 05 aabb");
  return { tester, clock, taken, skipped, own, sent: () => tester.requests().map((one) => one.slice(4)) };
}

describe("readCodes", () => {
  it("gives the codes in the field's notation, with what the ECU keeps with one that has come", async () => {
    const { own, clock } = parts();
    expect(await readCodes(own, NEVER)).toEqual({
      origin: { bus: "can0", ecu: "body", protocol: "uds" },
      list: "by-status",
      timeUs: clock.wallUs(),
      codes: [
        {
          code: "B1A23-11",
          raw: 0x9a2311,
          status: 0x2f,
          text: "window short",
          occurrences: 3,
          freeze: [
            { name: "voltage", value: 12.5, unit: "V" },
            { name: "odometer@2", value: 7, unit: "km" },
            { name: "occurrence_counter", value: 3 },
            { name: "extended_data_05", value: "aabb" },
          ],
        },
      ],
    });
  });

  it("tells a code without what could not be read of it", async () => {
    const { tester, own } = parts();
    tester.answer(TX, "19049a2311ff", "7f1931");
    tester.answer(TX, "19069a2311ff", { kind: "silent", waitedMs: 1000, pendings: 0 });
    const reading = await readCodes(own, NEVER);
    expect("codes" in reading && reading.codes).toMatchObject([{ code: "B1A23-11", freeze: [] }]);
  });

  it("reads snapshots of so many codes and no more, and tells how many it left", async () => {
    const { tester, own, skipped, sent } = parts();
    const codes = Array.from({ length: 20 }, (_, at) => `9a23${at.toString(16).padStart(2, "0")}09`);
    tester.answer(TX, "19020d", `5902ff${codes.join("")}`);
    const reading = await readCodes(own, NEVER);
    expect("codes" in reading && reading.codes).toHaveLength(20);
    expect(sent().filter((one) => one.startsWith("1904"))).toHaveLength(16);
    expect(skipped).toEqual([4]);
  });

  it("asks an ECU without 19 02 for all that it knows, and takes those with a status that counts", async () => {
    const { tester, own } = parts({ snapshots: false });
    tester.answer(TX, "19020d", "7f1912");
    tester.answer(TX, "190a", "590aff 9a2311 08 9a2312 50");
    const reading = await readCodes(own, NEVER);
    expect("codes" in reading && reading.codes.map(({ code }) => code)).toEqual(["B1A23-11"]);
  });
});

describe("pollCodes", () => {
  it("reads snapshots once, hands over empty readings, and nothing of a reading that failed", async () => {
    const { tester, clock, taken, own, sent } = parts();
    tester.answer(
      TX,
      "19020d",
      "5902ff 9a2311 2f",
      "5902ff 9a2311 2f",
      "7f1922",
      { kind: "silent", waitedMs: 1000, pendings: 0 },
      "5902ff",
    );
    const ended = new AbortController();
    const done = pollCodes(own, ended.signal);
    await clock.run(4500);
    ended.abort();
    await done;
    expect(taken.map(({ codes }) => codes.length)).toEqual([1, 1, 0]);
    expect(sent().filter((one) => one.startsWith("1904"))).toHaveLength(1);
    expect(sent().filter((one) => one.startsWith("1902"))).toHaveLength(5);
  });
});
