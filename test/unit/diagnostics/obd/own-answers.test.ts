import { describe, expect, it } from "vitest";
import { OwnAnswers } from "../../../../agent/diagnostics/obd/own-answers.ts";
import { FakeTesterBus } from "../../../fakes/diagnostics/tester-bus.ts";

const signal = new AbortController().signal;
const pdu = Uint8Array.of(0x41, 0x0d, 0x37);

describe("answers to this agent", () => {
  it("are known while it waits, and shortly after by what they hold", async () => {
    const own = new OwnAnswers();
    const tester = new FakeTesterBus();
    const seen: boolean[] = [];
    tester.answer(0x7e0, "01 0d", () => {
      seen.push(own.has(0x7e8, { pdu, receivedAtUs: 1_000_000 }), own.has(0x7e9, { pdu, receivedAtUs: 1_000_000 }));
      return { kind: "answer", pdu, receivedAtUs: 1_000_000, pendings: 0 };
    });
    const ecu = { name: "engine", address: { txId: 0x7e0, rxId: 0x7e8, extended: false } };
    await own.noting(tester).ask({ ecu, pdu: Uint8Array.of(1, 0x0d), who: "poll" }, signal);
    expect(seen).toEqual([true, false]);
    expect(own.has(0x7e8, { pdu, receivedAtUs: 1_000_500 })).toBe(true);
    expect(own.has(0x7e8, { pdu, receivedAtUs: 1_500_000 })).toBe(false);
    expect(own.has(0x7e8, { pdu: Uint8Array.of(0x41, 0x0d, 0x38), receivedAtUs: 1_000_500 })).toBe(false);
  });
});
