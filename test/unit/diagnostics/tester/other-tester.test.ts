import { describe, expect, it } from "vitest";
import { askOf, TesterRig } from "../../../fakes/diagnostics/tester-rig.ts";

const signal = new AbortController().signal;
const REQUEST = "02 01 0c aa aa aa aa aa";

/** A tester that asks again and again, whatever becomes of it. */
function poller(rig: TesterRig, everyMs: number): { stop(): Promise<void> } {
  const leaving = new AbortController();
  const run = async (): Promise<void> => {
    while (!leaving.signal.aborted) {
      await rig.tester.ask(askOf("01 0c"), leaving.signal);
      await rig.clock.sleep(everyMs, leaving.signal);
    }
  };
  const running = run();
  return {
    stop: async () => {
      leaving.abort();
      await running;
    },
  };
}

describe("another tester", () => {
  it.each([
    ["its functional request of 11 bits", 0x7df, false],
    ["its request to an ECU", 0x7e0, false],
    ["its request to the last ECU", 0x7e7, false],
    ["its functional request of 29 bits", 0x18db_33f1, true],
    ["its request of 29 bits with our own address", 0x18da_10f1, true],
    ["its request of 29 bits with another address", 0x18da_10fa, true],
    ["an answer that it gets at another address", 0x18da_fa10, true],
    ["an answer that we did not ask for", 0x7e9, false],
    ["an answer of 29 bits that we did not ask for", 0x18da_f118, true],
    ["a request of a service tool of J1939", 0x18ea_fff9, true],
    ["one of the second tool", 0x0cea_00fa, true],
  ])("is known by %s", (_name, id, extended) => {
    const rig = new TesterRig();
    rig.hear(id, REQUEST, extended);
    expect(rig.tester.state()).toMatchObject({
      other: { id, extended, agoMs: 0 },
      withheld: { reason: "other-tester" },
    });
  });

  it.each([
    ["a frame beside the ids", 0x7de, false],
    ["ids of 11 bits that are no answers", 0x7f0, false],
    ["a request of J1939 from an engine", 0x18ea_ff00, true],
    ["DM1", 0x18fe_ca00, true],
  ])("is not %s", (_name, id, extended) => {
    const rig = new TesterRig();
    rig.hear(id, REQUEST, extended);
    expect(rig.tester.state().other).toBeUndefined();
  });

  it("is known by requests on the ids of the vehicle's own catalogue", () => {
    const rig = new TesterRig();
    rig.hear(0x740, REQUEST);
    expect(rig.tester.state().other).toBeUndefined();
    rig.tester.watch([{ id: 0x740, extended: false }]);
    rig.hear(0x740, REQUEST);
    expect(rig.tester.state().other).toMatchObject({ id: 0x740 });
  });

  it("silences the agent at once, for a time after it was last seen, and is told once at begin and end", async () => {
    const rig = new TesterRig({ settings: { silenceMs: 60_000 } });
    rig.ecu(0x7e0, 0x7e8, () => ({ pdus: ["41 0c 00 00"] }));
    const polling = poller(rig, 10);
    await rig.clock.run(1000);
    const before = rig.sent.length;
    expect(before).toBeGreaterThan(50);
    const seenMs = rig.clock.monotonicMs();
    rig.hear(0x7df, "02 3e 80 aa aa aa aa aa");
    await rig.clock.run(30_000);
    rig.hear(0x7df, "02 3e 80 aa aa aa aa aa");
    await rig.clock.run(59_900);
    expect(rig.sent.length).toBe(before);
    expect(rig.notices.map(({ event }) => event)).toEqual(["diagnostics.other-tester"]);
    await rig.clock.run(1000);
    await polling.stop();
    const after = rig.sent.slice(before);
    expect(after.length).toBeGreaterThan(10);
    expect(after[0].atMs - seenMs).toBeGreaterThanOrEqual(90_000);
    expect(after[0].atMs - seenMs).toBeLessThan(90_100);
    expect(rig.notices.map(({ event }) => event)).toEqual([
      "diagnostics.other-tester",
      "diagnostics.other-tester-gone",
    ]);
    expect(rig.tester.state().counts.silences).toBe(1);
  });

  it("ends a request that waits for its answer, and what waits for its turn", async () => {
    const rig = new TesterRig();
    const replies = [
      rig.tester.ask(askOf("01 0c"), signal),
      rig.tester.ask(askOf("01 0c", "technician", 1), signal),
      rig.tester.askAll({ txId: 0x7df, extended: false, responses: [] }, Uint8Array.of(1, 0), 100, "poll", signal),
    ];
    await rig.clock.run(100);
    const before = rig.clock.monotonicMs();
    rig.hear(0x7e2, REQUEST);
    const all = await Promise.all(replies);
    expect(rig.clock.monotonicMs()).toBe(before);
    for (const reply of all) expect(reply).toMatchObject({ kind: "withheld", reason: "other-tester" });
    expect(rig.sentIds()).toEqual([0x7e0]);
  });

  it("ends a request to all that gathers its answers", async () => {
    const rig = new TesterRig();
    const all = { txId: 0x7df, extended: false, responses: [] };
    const asked = rig.tester.askAll(all, Uint8Array.of(1, 0), 10_000, "technician", signal);
    await rig.clock.run(100);
    rig.hear(0x7e2, REQUEST);
    await rig.clock.run(1);
    expect(await asked).toMatchObject({ kind: "withheld", reason: "other-tester" });
  });

  it("stops a long request in its middle", async () => {
    const rig = new TesterRig();
    const asked = rig.tester.ask({ ...askOf("00", "command"), pdu: new Uint8Array(4000).fill(0x36) }, signal);
    await rig.clock.run(5);
    // 10 ms between frames.
    rig.hear(0x7e8, "30 00 0a 00 00 00 00 00");
    await rig.clock.run(200);
    const before = rig.sent.length;
    expect(before).toBeGreaterThan(10);
    rig.hear(0x7df, REQUEST);
    await rig.clock.run(5000);
    expect(await asked).toMatchObject({ kind: "withheld", reason: "other-tester" });
    expect(rig.sent.length).toBe(before);
  });

  it("is not steered for: no flow control goes out for its answers, nor for ours any more", async () => {
    const rig = new TesterRig();
    const asked = rig.tester.ask(askOf("09 02"), signal);
    await rig.clock.run(10);
    rig.hear(0x7e1, "02 09 02 aa aa aa aa aa");
    rig.hear(0x7e8, "10 14 49 02 01 31 4d 38");
    rig.hear(0x7e9, "10 14 49 02 01 31 4d 38");
    await rig.clock.run(3000);
    expect(await asked).toMatchObject({ reason: "other-tester" });
    expect(rig.sent).toHaveLength(1);
  });

  it("ends an ECU that said response pending: its answer would have to be steered", async () => {
    const rig = new TesterRig();
    rig.ecu(0x7e0, 0x7e8, () => ({ pdus: ["7f 22 78"] }));
    const asked = rig.tester.ask(askOf("22 f1 90"), signal);
    await rig.clock.run(100);
    rig.hear(0x7df, REQUEST);
    rig.hear(0x7e8, "10 14 62 f1 90 31 4d 38");
    await rig.clock.run(100);
    expect(await asked).toMatchObject({ kind: "withheld", reason: "other-tester" });
    expect(rig.sent).toHaveLength(1);
  });

  it("holds back raw frames too, also those of a conversation under way", async () => {
    const rig = new TesterRig();
    rig.hear(0x18da_10fa, REQUEST, true);
    const frame = { id: 0x18ea_fff9, flags: 1, data: Uint8Array.of(0xcb, 0xfe, 0), receivedAtUs: 0 };
    expect(await rig.tester.sendFrame(frame, "technician", signal)).toMatchObject({ reason: "other-tester" });
    expect(await rig.tester.sendFrame(frame, "transport", signal)).toMatchObject({ reason: "other-tester" });
    expect(rig.sent).toHaveLength(0);
  });

  it("says when it was seen, and how long the silence lasts yet", async () => {
    const rig = new TesterRig({ settings: { silenceMs: 60_000 } });
    rig.hear(0x7df, REQUEST);
    await rig.clock.run(20_000);
    expect(rig.tester.state().other).toEqual({ id: 0x7df, extended: false, agoMs: 20_000, silentMs: 40_000 });
  });
});

describe("our own frames", () => {
  it("are no other tester where the bus gives them back", async () => {
    const rig = new TesterRig({ echoes: true });
    rig.ecu(0x7e0, 0x7e8, (pdu) => (pdu.startsWith("01") ? { pdus: ["41 0c 00 00"] } : undefined));
    const frame = { id: 0x18ea_fff9, flags: 1, data: Uint8Array.of(0xcb, 0xfe, 0), receivedAtUs: 0 };
    for (let turn = 0; turn < 20; turn += 1) {
      const replies = [
        rig.tester.ask(askOf("01 0c"), signal),
        rig.tester.sendFrame(frame, "poll", signal),
        rig.tester.askAll(
          { txId: 0x7df, extended: false, responses: [] },
          Uint8Array.of(1, 0),
          10,
          "technician",
          signal,
        ),
        rig.tester.ask({ ...askOf("3e 80", "poll", 2), answerless: true }, signal),
      ];
      await rig.clock.run(200);
      await Promise.all(replies);
    }
    expect(rig.sent.length).toBe(80);
    expect(rig.tester.state().other).toBeUndefined();
  });

  it("are none as parts of a long conversation: flow control, and consecutive frames", async () => {
    const rig = new TesterRig({ echoes: true });
    const asked = rig.tester.ask({ ...askOf("00", "command"), pdu: new Uint8Array(40).fill(0x31) }, signal);
    await rig.clock.run(5);
    rig.hear(0x7e8, "30 00 00 00 00 00 00 00");
    await rig.clock.run(50);
    rig.hear(0x7e8, "10 14 71 02 01 31 4d 38");
    await rig.clock.run(5);
    rig.hear(0x7e8, "21 47 44 4d 39 41 58 4b");
    rig.hear(0x7e8, "22 50 30 34 32 37 38 38");
    await rig.clock.run(5);
    expect(await asked).toMatchObject({ kind: "answer" });
    expect(rig.sent.map(({ data }) => data[0] >>> 4)).toEqual([1, 2, 2, 2, 2, 2, 3]);
    expect(rig.tester.state().other).toBeUndefined();
  });

  it("excuse a frame of the same bytes once, not twice", async () => {
    const rig = new TesterRig({ echoes: true });
    const asked = rig.tester.ask({ ...askOf("3e 80"), answerless: true }, signal);
    await rig.clock.run(5);
    await asked;
    expect(rig.tester.state().other).toBeUndefined();
    rig.hear(0x7e0, "02 3e 80 cc cc cc cc cc");
    expect(rig.tester.state().other).toMatchObject({ id: 0x7e0 });
  });

  it("excuse no request with other bytes on the id of a conversation of ours", async () => {
    const rig = new TesterRig({ echoes: true });
    const asked = rig.tester.ask(askOf("22 f1 90"), signal);
    await rig.clock.run(5);
    // A service that reads like a consecutive frame or a flow control where the PCI would be.
    rig.hear(0x7e0, "03 22 f1 8c cc cc cc cc");
    expect(await asked).toMatchObject({ reason: "other-tester" });
  });

  it("excuse nothing any more on a bus that has never given one back", async () => {
    const rig = new TesterRig({ echoes: false });
    rig.ecu(0x7e0, 0x7e8, () => ({ pdus: ["41 0c 00 00"] }));
    for (let turn = 0; turn < 4; turn += 1) {
      const asked = rig.tester.ask(askOf("01 0c"), signal);
      await rig.clock.run(1500);
      await asked;
    }
    expect(rig.tester.state().other).toBeUndefined();
    const asked = rig.tester.ask({ ...askOf("3e 80"), answerless: true }, signal);
    await rig.clock.run(5);
    await asked;
    rig.hear(0x7e0, "02 3e 80 cc cc cc cc cc");
    expect(rig.tester.state().other).toMatchObject({ id: 0x7e0 });
  });

  it("to an ECU that answers with an id that looks like a request", async () => {
    const rig = new TesterRig();
    const ecu = { name: "odd", address: { txId: 0x7f1, rxId: 0x7e4, extended: false } };
    const asked = rig.tester.ask({ ecu, pdu: Uint8Array.of(0x3e, 0), who: "poll" }, signal);
    await rig.clock.run(5);
    rig.hear(0x7e4, "02 7e 00 cc cc cc cc cc");
    expect(await asked).toMatchObject({ kind: "answer" });
  });
});

describe("a tester that stops", () => {
  it("sends nothing more and ends what is under way, without a word of a silence", async () => {
    const rig = new TesterRig();
    const asked = rig.tester.ask(askOf("01 0c"), signal);
    await rig.clock.run(5);
    rig.tester.stop();
    expect(await asked).toMatchObject({ kind: "withheld", reason: "aborted" });
    expect(await rig.tester.ask(askOf("01 0c"), signal)).toMatchObject({ kind: "withheld", reason: "off" });
    rig.hear(0x7df, REQUEST);
    expect(rig.notices).toEqual([]);
    expect(rig.clock.waiting()).toBe(0);
  });
});
