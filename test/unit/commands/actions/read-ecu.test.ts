import { describe, expect, it } from "vitest";
import type { PartialResult } from "../../../../agent/commands/action.ts";
import { identifyEcus, readEcu } from "../../../../agent/commands/actions/read-ecu.ts";
import { UdsAsker } from "../../../../agent/diagnostics/uds/uds-asker.ts";
import { UdsClient } from "../../../../agent/diagnostics/uds/uds-client.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { ecuOf } from "../../../fakes/diagnostics/ecus.ts";
import { FakeTesterBus } from "../../../fakes/diagnostics/tester-bus.ts";

const NEVER = new AbortController().signal;
const ECU = ecuOf({
  dids: [
    { id: 0xf187, name: "part_number", text: "ascii", identity: "part_number" },
    { id: 0xf190, name: "vin", length: 3, text: "ascii" },
    {
      id: 0x0101,
      name: "supply",
      length: 3,
      signals: [
        { name: "voltage", startBit: 7, bits: 16, factor: 0.01, unit: "V" },
        { name: "state", startBit: 23, bits: 8, texts: { 1: "on" } },
      ],
    },
    { id: 0xdd00, name: "distance", length: 1, readable: false },
  ],
});

function given() {
  const tester = new FakeTesterBus();
  tester.answer(0x740, "22f187", "62f187 4142");
  tester.answer(0x740, "22f190", "62f190 574142");
  tester.answer(0x740, "220101", "620101 04e201");
  const client = new UdsClient(
    new UdsAsker({ tester, ecu: ECU, who: "command", clock: new ManualClock() }),
    async () => ({ kind: "failed", problem: "no program" }),
  );
  const clients = new Map([["body", client]]);
  const told: PartialResult[] = [];
  const run = async (action: ReturnType<typeof readEcu>, asked: Readonly<Record<string, unknown>>) => {
    const prepared = action.prepare(asked);
    return prepared.kind === "prepared" ? await prepared.run(NEVER, (part) => told.push(part)) : prepared;
  };
  return { tester, clients, told, run };
}

describe("ecu.read", () => {
  it("gives what was asked for by name or number, under the name that was asked", async () => {
    const { clients, run } = given();
    expect(await run(readEcu(clients), { ecu: "body", data: ["F190"] })).toEqual({
      kind: "done",
      result: { F190: '{"did":"F190","name":"vin","value":"WAB","unit":""}' },
    });
    expect(await run(readEcu(clients), { ecu: "body", data: ["supply"] })).toEqual({
      kind: "done",
      result: {
        supply:
          '{"did":"0101","name":"supply","values":{"voltage":{"value":12.5,"unit":"V"},"state":{"value":"on","unit":""}}}',
      },
    });
  });

  it("tells what the ECU refuses beside what it gives", async () => {
    const { tester, clients, run } = given();
    tester.answer(0x740, "22f190", "7f2233");
    expect(await run(readEcu(clients), { ecu: "body", data: ["vin", "part_number"] })).toEqual({
      kind: "done",
      result: {
        vin: '{"did":"F190","name":"vin","problem":"refused: security access denied (0x33)"}',
        part_number: '{"did":"F187","name":"part_number","value":"AB","unit":""}',
      },
    });
  });

  it.each([
    [{ ecu: "engine", data: ["vin"] }, "there is no control unit engine; known: body"],
    [{ ecu: "body", data: ["1234"] }, "body has no readable data 1234"],
    [{ ecu: "body", data: ["distance"] }, "body has no readable data distance"],
    [{ ecu: "body", data: [] }, /data/],
  ])("is refused for %j", async (asked, problem) => {
    const { tester, clients, run } = given();
    const outcome = await run(readEcu(clients), asked);
    expect(outcome.kind === "rejected" ? outcome.description : "").toMatch(problem);
    expect(tester.asked).toEqual([]);
  });
});

describe("ecu.identity", () => {
  it("gives what the catalogue marks, and tells each ECU as it has answered", async () => {
    const { clients, told, run } = given();
    const value = '{"identity":{"part_number":"AB"}}';
    expect(await run(identifyEcus(clients), {})).toEqual({ kind: "done", result: { body: value } });
    expect(told).toEqual([{ name: "body", value, index: 0, total: 1 }]);
  });

  it("says which ECU did not answer", async () => {
    const { tester, clients, run } = given();
    tester.answer(0x740, "22f187", { kind: "silent", waitedMs: 1000, pendings: 0 });
    expect(await run(identifyEcus(clients), { ecus: ["body"] })).toEqual({
      kind: "done",
      result: { body: '{"problem":"did not answer within 1000 ms"}' },
    });
    expect(await run(identifyEcus(clients), { ecus: ["other"] })).toMatchObject({ kind: "rejected" });
  });
});
