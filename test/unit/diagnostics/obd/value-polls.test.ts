import { describe, expect, it } from "vitest";
import { ObdClient } from "../../../../agent/diagnostics/obd/obd-client.ts";
import { pollsOf } from "../../../../agent/diagnostics/obd/poll-plan.ts";
import { ValuePolls } from "../../../../agent/diagnostics/obd/value-polls.ts";
import type { Reply } from "../../../../agent/diagnostics/tester/tester-bus.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { TakenValues } from "../../../fakes/diagnostics/obd-rig.ts";
import { FakeTesterBus } from "../../../fakes/diagnostics/tester-bus.ts";

const ENGINE = { name: "engine", response: 0x7e8, extended: false };

describe("the requests for an ECU", () => {
  const rules = [
    { pids: [0x0c, 0x0d, 0x05, 0x2f, 0x06], everyMs: 1000 },
    { pids: [0x0c], everyMs: 100 },
    { pids: [0x0d], everyMs: 5000 },
  ];

  it("have what it supports of the rules, each PID once and as often as most wanted", () => {
    const support = { pids: [0x05, 0x0c, 0x0d, 0x10], infoTypes: [], packs: true };
    expect(pollsOf(support, rules)).toEqual([
      { pids: [0x05, 0x0d], everyMs: 1000 },
      { pids: [0x0c], everyMs: 100 },
    ]);
  });

  it("hold six PIDs at most, and one whose length varies alone", () => {
    const pids = [0x04, 0x05, 0x06, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f];
    const polls = pollsOf({ pids, infoTypes: [], packs: true }, [{ pids, everyMs: 500 }]);
    expect(polls.map((poll) => poll.pids)).toEqual([[0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0e], [0x0f], [0x06]]);
  });

  it("have one PID each where it does not take several", () => {
    const polls = pollsOf({ pids: [0x0c, 0x0d], infoTypes: [], packs: false }, [{ pids: [0x0c, 0x0d], everyMs: 500 }]);
    expect(polls.map((poll) => poll.pids)).toEqual([[0x0c], [0x0d]]);
  });
});

describe("live data of an ECU", () => {
  const rig = (polls: readonly { readonly pids: readonly number[]; readonly everyMs: number }[]) => {
    const [clock, log, tester, taken] = [new ManualClock(), new MemoryLog(), new FakeTesterBus(), new TakenValues()];
    const client = new ObdClient(tester, ENGINE, "poll");
    const values = new ValuePolls({ client, polls, values: taken.sink, clock, log });
    const ending = new AbortController();
    const run = async (ms: number): Promise<void> => {
      const running = values.run(ending.signal);
      await clock.run(ms);
      ending.abort();
      await running;
    };
    return { clock, log, tester, taken, values, run };
  };

  it("is asked for as often as it is due, and each value is taken", async () => {
    const { tester, taken, values, run } = rig([
      { pids: [0x0c, 0x0d], everyMs: 100 },
      { pids: [0x05], everyMs: 1000 },
    ]);
    tester.answer(0x7e0, "01 0c 0d", "41 0c 1af8 0d 37");
    tester.answer(0x7e0, "01 05", "41 05 50");
    await run(950);
    expect(tester.requests().filter((request) => request === "7e0#010c0d")).toHaveLength(10);
    expect(tester.requests().filter((request) => request === "7e0#0105")).toHaveLength(1);
    expect(taken.list.slice(0, 3)).toEqual(["engine 0c 1af8", "engine 0d 37", "engine 05 50"]);
    expect(values.counters()).toMatchObject({ answers: 11, pids: 21 });
  });

  it("is asked for PID by PID once an ECU refuses several, and no more where it refuses one", async () => {
    const { log, tester, taken, run } = rig([{ pids: [0x0c, 0x0d], everyMs: 100 }]);
    tester.answer(0x7e0, "01 0c 0d", "7f 01 12");
    tester.answer(0x7e0, "01 0c", "41 0c 1af8");
    tester.answer(0x7e0, "01 0d", "7f 01 12");
    await run(350);
    expect(tester.requests().filter((request) => request === "7e0#010c0d")).toHaveLength(1);
    expect(tester.requests().filter((request) => request === "7e0#010d")).toHaveLength(1);
    expect(taken.list).toEqual(["engine 0c 1af8", "engine 0c 1af8", "engine 0c 1af8"]);
    expect(log.of("obd.request-split")).toHaveLength(1);
    expect(log.of("obd.pid-refused")).toHaveLength(1);
  });

  it("is asked for PID by PID once answers with several make no sense three times in a row", async () => {
    const { tester, taken, run } = rig([{ pids: [0x0c, 0x0d], everyMs: 100 }]);
    const [bad, good] = ["41 0c 1af8 0d", "41 0c 1af8 0d 37"];
    tester.answer(0x7e0, "01 0c 0d", bad, bad, good, bad, bad, bad);
    tester.answer(0x7e0, "01 0c", "41 0c 1af8");
    tester.answer(0x7e0, "01 0d", "41 0d 3700");
    await run(750);
    expect(tester.requests().slice(0, 6)).toEqual(Array.from({ length: 6 }, () => "7e0#010c0d"));
    expect(tester.requests().slice(6, 8).toSorted()).toEqual(["7e0#010c", "7e0#010d"]);
    expect(taken.list.slice(0, 3)).toEqual(["engine 0c 1af8", "engine 0d 37", "engine 0c 1af8"]);
  });

  it("takes nothing of an answer that is not whole, and is not asked faster for it", async () => {
    const { tester, taken, values, run } = rig([{ pids: [0x0c], everyMs: 100 }]);
    const withheld: Reply = { kind: "withheld", reason: "condition", what: "the vehicle is parked" };
    tester.answer(0x7e0, "01 0c", "41 0c 1a", "41 0c 1a", "41 0c 1a", withheld);
    await run(550);
    expect(taken.list).toEqual([]);
    expect(values.counters()).toEqual({ answers: 0, pids: 0, refused: 0, silent: 0, malformed: 3, withheld: 3 });
  });

  it("is not made up for when it comes late", async () => {
    const { clock, tester, run } = rig([{ pids: [0x0c], everyMs: 100 }]);
    tester.answer(0x7e0, "01 0c", () => {
      clock.advance(450);
      return { kind: "answer", pdu: Uint8Array.of(0x41, 0x0c, 0, 0), receivedAtUs: 0, pendings: 0 };
    });
    await run(1000);
    expect(tester.requests().length).toBeLessThanOrEqual(3);
  });
});
