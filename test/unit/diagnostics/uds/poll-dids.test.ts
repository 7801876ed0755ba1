import { describe, expect, it } from "vitest";
import { type PollParts, pollDids } from "../../../../agent/diagnostics/uds/poll-dids.ts";
import { UdsAsker } from "../../../../agent/diagnostics/uds/uds-asker.ts";
import { UdsClient } from "../../../../agent/diagnostics/uds/uds-client.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { ecuOf } from "../../../fakes/diagnostics/ecus.ts";
import { FakeTesterBus, type Said } from "../../../fakes/diagnostics/tester-bus.ts";

const ECU = ecuOf({
  dids: [
    { id: 1, name: "fast", length: 1 },
    { id: 2, name: "slow", length: 1 },
    { id: 3, name: "loose" },
  ],
});
const [FAST, SLOW, LOOSE] = ECU.dids;

function polling(change: Partial<PollParts> = {}, loose: readonly Said[] = ["62 0003 333333"]) {
  const tester = new FakeTesterBus();
  tester.answer(0x740, "220001", "62 0001 11");
  tester.answer(0x740, "220002", "62 0002 22");
  tester.answer(0x740, "2200010002", "62 0001 11 0002 22");
  tester.answer(0x740, "220003", ...loose);
  const clock = new ManualClock();
  const client = new UdsClient(new UdsAsker({ tester, ecu: ECU, who: "poll", clock }), async () => ({
    kind: "failed",
    problem: "no program",
  }));
  const taken: string[] = [];
  const refused: string[] = [];
  const ended = new AbortController();
  const rules = [
    { dids: [FAST], everyMs: 100 },
    { dids: [SLOW], everyMs: 1000 },
  ];
  const parts: PollParts = {
    client,
    clock,
    rules,
    isWanted: () => true,
    take: (did, bytes) => taken.push(`${did.name}=${Buffer.from(bytes).toString("hex")}`),
    onRefused: (did, reason) => refused.push(`${did.name}: ${reason}`),
    ...change,
  };
  const done = pollDids(parts, ended.signal);
  const run = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) {
      for (let micro = 0; micro < 20; micro++) await Promise.resolve();
      clock.advance(10);
    }
  };
  const stop = async (): Promise<void> => {
    ended.abort();
    await done;
  };
  const requests = (): readonly string[] => tester.requests().map((one) => one.slice(4));
  return { tester, clock, taken, refused, run, stop, requests };
}

describe("pollDids", () => {
  it("asks by rule, and together for what is due together", async () => {
    const { taken, run, stop, requests } = polling();
    await run(1950);
    await stop();
    expect(taken.filter((one) => one === "fast=11")).toHaveLength(20);
    expect(taken.filter((one) => one === "slow=22")).toHaveLength(2);
    expect(requests().filter((one) => one === "2200010002")).toHaveLength(2);
    expect(requests()).toHaveLength(20);
  });

  it("asks for nothing that nobody wants", async () => {
    const { run, stop, requests } = polling({ isWanted: (did) => did === SLOW });
    await run(1500);
    await stop();
    expect(requests()).toEqual(["220002", "220002"]);
  });

  it("leaves alone for an hour what the ECU refuses for good, and says so once", async () => {
    const rules = [{ dids: [LOOSE], everyMs: 1000 }];
    const { refused, run, stop, requests, clock } = polling({ rules }, ["7f2231"]);
    await run(5000);
    expect(requests()).toHaveLength(1);
    expect(refused).toEqual(["loose: request out of range"]);
    clock.advance(3_600_000);
    await run(100);
    await stop();
    expect(requests()).toHaveLength(2);
  });

  it("asks again what was not answered or does not fit the moment", async () => {
    const rules = [{ dids: [LOOSE], everyMs: 1000 }];
    const silent = { kind: "silent", waitedMs: 1000, pendings: 0 } as const;
    const { refused, run, stop, requests } = polling({ rules }, ["7f2222", silent, "62 0003 01"]);
    await run(2500);
    await stop();
    expect(requests()).toHaveLength(3);
    expect(refused).toEqual([]);
  });

  it("does not make up for time that it lost", async () => {
    const { clock, run, stop, requests } = polling({ rules: [{ dids: [FAST], everyMs: 100 }] });
    await run(100);
    clock.advance(60_000);
    await run(10);
    await stop();
    expect(requests().length).toBeLessThan(5);
  });

  it("asks nothing where there is no rule", async () => {
    const { stop, requests } = polling({ rules: [] });
    await stop();
    expect(requests()).toEqual([]);
  });
});
