import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createRemoteTester } from "../../../../agent/cli/diagnostics/remote-tester.ts";
import type { RunningAgent } from "../../../../agent/cli/running-agent.ts";
import { AgentError } from "../../../../agent/core/errors.ts";
import type { TechnicianRight } from "../../../../agent/diagnostics/tester/technician.ts";
import type { Ask, TesterBus } from "../../../../agent/diagnostics/tester/tester-bus.ts";
import { diagnosticsHandlers } from "../../../../agent/local-api/diagnostics-handlers.ts";
import { servedOn } from "../../../../agent/local-api/verb.ts";
import { FakeTesterBus } from "../../../fakes/diagnostics/tester-bus.ts";
import { askOf } from "../../../fakes/diagnostics/tester-rig.ts";

const signal = new AbortController().signal;
const FRAME = { id: 0x18ea_00f9, flags: 1, data: Uint8Array.of(0xcb, 0xfe, 0), receivedAtUs: 0 };
const ALL = { txId: 0x7df, extended: false, responses: [{ id: 0x7e8, mask: 0x7f8, extended: false }] };

/** The tester of an agent, as it is reached over admin.sock: both ways as JSON. */
function remote(tester: TesterBus, rights: readonly TechnicianRight[] = [], bus = tester.bus): TesterBus {
  const handlers = servedOn("admin", diagnosticsHandlers([{ tester, rights }]));
  const follow: RunningAgent["follow"] = async function* ({ name, each }, request) {
    const asked: unknown = JSON.parse(JSON.stringify({ verb: name, ...request }));
    const answer: unknown = handlers[name]?.(z.looseObject({ verb: z.string() }).parse(asked), signal);
    if (!isStream(answer)) throw new Error("no stream");
    for await (const one of answer) yield each.parse(JSON.parse(JSON.stringify(one)));
  };
  return createRemoteTester(bus, { follow });
}

describe("a tester of the running agent", () => {
  it("is there for those alone who may change", () => {
    expect(servedOn("view", diagnosticsHandlers([]))).toEqual({});
  });

  it("hands over a request with all of its times, as a technician's, and gives the answer", async () => {
    const own = new FakeTesterBus();
    own.answer(0x7e0, "22 f1 90", "62 f1 90 31");
    const ask: Ask = {
      ...askOf("22 f1 90", "poll"),
      ecu: { name: "body", address: { txId: 0x7e0, rxId: 0x7e8, extended: false, txByte: 1 }, isotp: { fd: true } },
      p2Ms: 100,
      p2StarMs: 200,
      pendingMs: 300,
      repeats: 2,
    };
    const reply = await remote(own).ask(ask, signal);
    expect(reply).toEqual({ kind: "answer", pdu: Uint8Array.of(0x62, 0xf1, 0x90, 0x31), receivedAtUs: 0, pendings: 0 });
    expect(own.asked).toEqual([{ ...ask, who: "technician", answerless: undefined }]);
  });

  it.each([
    ["7f 22 31", { kind: "negative", service: 0x22, code: 0x31, pendings: 0 }],
    [
      { kind: "silent", waitedMs: 1000, pendings: 2 },
      { kind: "silent", waitedMs: 1000, pendings: 2 },
    ],
    [
      { kind: "withheld", reason: "other-tester", what: "it speaks" },
      { kind: "withheld", reason: "other-tester", what: "it speaks" },
    ],
  ] as const)("gives what became of it otherwise: %j", async (said, reply) => {
    const own = new FakeTesterBus();
    own.answer(0x7e0, "22 f1 90", said);
    expect(await remote(own).ask(askOf("22 f1 90"), signal)).toEqual(reply);
  });

  it("gives a fault with its code and remedy", async () => {
    const own = new FakeTesterBus();
    const fault = new AgentError("isotp.overflow", { what: "too long", remedy: "ask for less" });
    own.answer(0x7e0, "22 f1 90", { kind: "fault", fault });
    const reply = await remote(own).ask(askOf("22 f1 90"), signal);
    expect(reply).toMatchObject({
      kind: "fault",
      fault: { code: "isotp.overflow", message: "too long", remedy: "ask for less" },
    });
  });

  it("asks all, and sends frames", async () => {
    const own = new FakeTesterBus();
    own.answerAll(0x7df, "01 00", [{ rxId: 0x7e8, pdu: "41 00 80 00 00 00" }]);
    expect(await remote(own).askAll(ALL, Uint8Array.of(1, 0), 100, "poll", signal)).toEqual({
      kind: "answers",
      answers: [{ rxId: 0x7e8, pdu: Uint8Array.of(0x41, 0, 0x80, 0, 0, 0), receivedAtUs: 0 }],
    });
    expect(await remote(own).sendFrame(FRAME, "technician", signal)).toEqual({ kind: "sent" });
    expect(own.frames).toEqual([FRAME]);
  });

  it("may change nothing that the configuration does not list", async () => {
    const own = new FakeTesterBus();
    own.answer(0x7e0, "04", "44");
    expect(await remote(own).ask(askOf("04"), signal)).toMatchObject({ kind: "withheld", reason: "off" });
    expect(own.asked).toEqual([]);
    expect(await remote(own, ["clear"]).ask(askOf("04"), signal)).toMatchObject({ kind: "answer" });
  });

  it("says which buses there are when it is asked for another one", async () => {
    await expect(remote(new FakeTesterBus(), [], "can7").ask(askOf("03"), signal)).rejects.toMatchObject({
      code: "bus.unknown",
      remedy: "name one of can0, or add it to diagnostics.buses",
    });
  });

  it("leaves when nobody waits any more", async () => {
    const leaving = new AbortController();
    const follow: RunningAgent["follow"] = async function* () {
      await new Promise(() => undefined);
      yield* [];
    };
    const asked = createRemoteTester("can0", { follow }).ask(askOf("03"), leaving.signal);
    leaving.abort();
    expect(await asked).toMatchObject({ kind: "withheld", reason: "aborted" });
  });

  it("judges a request by its own condition before it hands it over", async () => {
    const own = new FakeTesterBus();
    const reply = await remote(own).ask({ ...askOf("03"), before: () => "the car moves" }, signal);
    expect(reply).toEqual({ kind: "withheld", reason: "condition", what: "the car moves" });
  });
});

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
