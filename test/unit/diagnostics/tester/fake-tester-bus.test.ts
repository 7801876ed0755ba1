import { describe, expect, it } from "vitest";
import type { Ask } from "../../../../agent/diagnostics/tester/tester-bus.ts";
import { FakeTesterBus } from "../../../fakes/diagnostics/tester-bus.ts";

const signal = new AbortController().signal;
const ask = (...pdu: readonly number[]): Ask => ({
  ecu: { name: "engine", address: { txId: 0x7e0, rxId: 0x7e8, extended: false } },
  pdu: Uint8Array.from(pdu),
  who: "poll",
});

describe("FakeTesterBus", () => {
  it("answers what was said, one answer a time, and is silent otherwise", async () => {
    const fake = new FakeTesterBus();
    fake.answer(0x7e0, "01 0c", "41 0c 1a f8", "7f 01 22");
    expect(await fake.ask(ask(1, 0x0c), signal)).toMatchObject({
      kind: "answer",
      pdu: Uint8Array.of(0x41, 0x0c, 0x1a, 0xf8),
    });
    expect(await fake.ask(ask(1, 0x0c), signal)).toMatchObject({ kind: "negative", service: 1, code: 0x22 });
    expect(await fake.ask(ask(1, 0x0c), signal)).toMatchObject({ kind: "negative" });
    expect(await fake.ask(ask(1, 0x0d), signal)).toMatchObject({ kind: "silent" });
    expect(fake.requests()).toEqual(["7e0#010c", "7e0#010c", "7e0#010c", "7e0#010d"]);
  });

  it("gathers functional answers", async () => {
    const fake = new FakeTesterBus();
    fake.answerAll(0x7df, "01 00", [{ rxId: 0x7e8, pdu: "41 00 80 00 00 00" }]);
    const reply = await fake.askAll(
      { txId: 0x7df, extended: false, responses: [] },
      Uint8Array.of(1, 0),
      100,
      "poll",
      signal,
    );
    expect(reply).toMatchObject({ kind: "answers", answers: [{ rxId: 0x7e8 }] });
  });
});
