import { describe, expect, it } from "vitest";
import type { Reply } from "../../../../agent/diagnostics/tester/tester-bus.ts";
import { askOf, TesterRig } from "../../../fakes/diagnostics/tester-rig.ts";

const signal = new AbortController().signal;
const VIN = "62 f1 90 31 4d 38";

describe("a request", () => {
  it("gives the answer of its ECU", async () => {
    const rig = new TesterRig();
    rig.ecu(0x7e0, 0x7e8, () => ({ pdus: ["41 0c 1a f8"] }));
    const asked = rig.tester.ask(askOf("01 0c"), signal);
    await rig.clock.run(10);
    expect(await asked).toMatchObject({ kind: "answer", pdu: Uint8Array.of(0x41, 0x0c, 0x1a, 0xf8), pendings: 0 });
    expect(rig.tester.state().counts).toMatchObject({ requests: 1, answers: 1, silences: 0 });
  });

  it("gives a negative answer with its code", async () => {
    const rig = new TesterRig();
    rig.ecu(0x7e0, 0x7e8, () => ({ pdus: ["7f 22 31"] }));
    const asked = rig.tester.ask(askOf("22 f1 90"), signal);
    await rig.clock.run(10);
    expect(await asked).toEqual({ kind: "negative", service: 0x22, code: 0x31, pendings: 0 });
  });

  it("is silence after P2, and a late answer is no other tester", async () => {
    const rig = new TesterRig();
    rig.ecu(0x7e0, 0x7e8, () => ({ pdus: ["62 f1 90 31"], afterMs: 3000 }));
    const asked = rig.tester.ask(askOf("22 f1 90"), signal);
    await rig.clock.run(1001);
    expect(await asked).toMatchObject({ kind: "silent", waitedMs: 1000 });
    await rig.clock.run(3000);
    expect(rig.tester.state().other).toBeUndefined();
  });

  it("takes the late answer to an earlier request for what it is", async () => {
    const rig = new TesterRig();
    rig.ecu(0x7e0, 0x7e8, () => ({ pdus: ["62 f1 8c 31", VIN] }));
    const asked = rig.tester.ask({ ...askOf("22 f1 90"), repeats: 2 }, signal);
    await rig.clock.run(10);
    expect(await asked).toMatchObject({ kind: "answer", pdu: Uint8Array.of(0x62, 0xf1, 0x90, 0x31, 0x4d, 0x38) });
    expect(rig.tester.state().counts.strays).toBe(1);
  });

  it("counts P2 to the first frame of an answer, not to its last", async () => {
    const rig = new TesterRig();
    const asked = rig.tester.ask(askOf("09 02"), signal);
    await rig.clock.run(900);
    rig.hear(0x7e8, "10 14 49 02 01 31 4d 38");
    await rig.clock.run(600);
    rig.hear(0x7e8, "21 47 44 4d 39 41 58 4b");
    await rig.clock.run(600);
    rig.hear(0x7e8, "22 50 30 34 32 37 38 38");
    await rig.clock.run(1);
    expect(await asked).toMatchObject({ kind: "answer" });
    // The request and one flow control.
    expect(rig.sent.map(({ data }) => data[0] >>> 4)).toEqual([0, 3]);
  });

  it("is silence in the end where parts of answers come that are none", async () => {
    const rig = new TesterRig({ settings: { pendingMs: 5000 } });
    const asked = rig.tester.ask(askOf("09 02"), signal);
    await rig.clock.run(10);
    for (let turn = 0; turn < 20; turn += 1) {
      rig.hear(0x7e8, "21 47 44 4d 39 41 58 4b");
      await rig.clock.run(500);
    }
    expect(await asked).toMatchObject({ kind: "silent" });
  });

  it("without an answer to come is done when it is sent", async () => {
    const rig = new TesterRig();
    const asked = rig.tester.ask({ ...askOf("3e 80"), answerless: true }, signal);
    await rig.clock.run(1);
    expect(await asked).toMatchObject({ kind: "answer", pdu: new Uint8Array() });
    expect(rig.sent).toHaveLength(1);
  });

  it("that is not wanted any more ends, and what waits for its turn is not sent", async () => {
    const rig = new TesterRig();
    const leaving = new AbortController();
    const first = rig.tester.ask(askOf("01 0c"), leaving.signal);
    const second = rig.tester.ask(askOf("01 0d", "poll", 1), leaving.signal);
    await rig.clock.run(5);
    leaving.abort();
    await rig.clock.run(5000);
    expect((await Promise.all([first, second])).map(reasonOf)).toEqual(["aborted", "aborted"]);
    expect(rig.sent).toHaveLength(1);
  });

  it("is not sent where its own condition does not hold at the last moment", async () => {
    const rig = new TesterRig();
    const reply = await rig.tester.ask({ ...askOf("31 01 02 03", "command"), before: () => "the car moves" }, signal);
    expect(reply).toEqual({ kind: "withheld", reason: "condition", what: "the car moves" });
    expect(rig.sent).toHaveLength(0);
  });
});

describe("turns", () => {
  it("lets one request at a time on the bus", async () => {
    const rig = new TesterRig();
    const replies = [0, 1, 2].map((unit) => rig.tester.ask(askOf("01 0c", "poll", unit), signal));
    await rig.clock.run(999);
    expect(rig.sentIds()).toEqual([0x7e0]);
    await rig.clock.run(1000);
    expect(rig.sentIds()).toEqual([0x7e0, 0x7e1]);
    await rig.clock.run(2000);
    expect((await Promise.all(replies)).map(({ kind }) => kind)).toEqual(["silent", "silent", "silent"]);
  });

  it("lets a technician go before a command, and a command before a poll", async () => {
    const rig = new TesterRig();
    for (const unit of [0, 1, 2, 3]) rig.ecu(0x7e0 + unit, 0x7e8 + unit, () => ({ pdus: ["41 0c 00 00"] }));
    const order = [
      rig.tester.ask(askOf("01 0c", "poll", 0), signal),
      rig.tester.ask(askOf("01 0c", "poll", 1), signal),
      rig.tester.ask(askOf("01 0c", "command", 2), signal),
      rig.tester.ask(askOf("01 0c", "technician", 3), signal),
    ];
    await rig.clock.run(200);
    await Promise.all(order);
    expect(rig.sentIds()).toEqual([0x7e0, 0x7e3, 0x7e2, 0x7e1]);
  });

  it("never asks one ECU two things at once", async () => {
    const rig = new TesterRig();
    rig.ecu(0x7e0, 0x7e8, (pdu) => ({ pdus: [pdu === "010c" ? "41 0c 00 00" : "41 0d 00"], afterMs: 50 }));
    const both = [rig.tester.ask(askOf("01 0c"), signal), rig.tester.ask(askOf("01 0d"), signal)];
    await rig.clock.run(40);
    expect(rig.sent).toHaveLength(1);
    await rig.clock.run(200);
    expect((await Promise.all(both)).map(({ kind }) => kind)).toEqual(["answer", "answer"]);
  });

  it("withholds what would wait behind too many", async () => {
    const rig = new TesterRig();
    const leaving = new AbortController();
    const waiting = Array.from({ length: 257 }, () => rig.tester.ask(askOf("01 0c"), leaving.signal));
    await rig.clock.run(1);
    expect(reasonOf(await rig.tester.ask(askOf("01 0c"), signal))).toBe("rate");
    leaving.abort();
    await rig.clock.run(1);
    await Promise.all(waiting);
  });
});

describe("the rate and the share of the load", () => {
  it("are never exceeded, however many ask", async () => {
    const rig = new TesterRig({ settings: { requestsPerSecond: 10 } });
    for (const unit of [0, 1, 2]) rig.ecu(0x7e0 + unit, 0x7e8 + unit, () => ({ pdus: ["41 0c 00 00"] }));
    const leaving = new AbortController();
    const ask = async (unit: number): Promise<void> => {
      while (!leaving.signal.aborted) {
        await rig.tester.ask(askOf("01 0c", "poll", unit), leaving.signal);
        await rig.clock.sleep(1, leaving.signal);
      }
    };
    const askers = [0, 1, 2].map(ask);
    await rig.clock.run(10_000);
    leaving.abort();
    await rig.clock.run(200);
    await Promise.all(askers);
    expect(rig.sent.length).toBeGreaterThanOrEqual(99);
    expect(mostWithin(rig.sent, 1000)).toBeLessThanOrEqual(10);
  });

  it("wait off what a request and its answer took of the bus", async () => {
    // 0.1 % of 125 kbit/s is 125 bit/s: a request and an answer of 135 bits each take 2.16 s.
    const rig = new TesterRig({ settings: { busLoadShare: 0.001, bitRate: 125_000 } });
    rig.ecu(0x7e0, 0x7e8, () => ({ pdus: ["41 0c 00 00"] }));
    const replies = [1, 2, 3].map(() => rig.tester.ask(askOf("01 0c"), signal));
    await rig.clock.run(10_000);
    await Promise.all(replies);
    const gaps = rig.sent.slice(1).map(({ atMs }, index) => atMs - rig.sent[index].atMs);
    expect(gaps).toHaveLength(2);
    for (const gap of gaps) expect(gap).toBeCloseTo(2160, -1);
  });

  it("hold a raw frame up too, but not one of a conversation that was let out", async () => {
    const rig = new TesterRig({ settings: { requestsPerSecond: 1 } });
    const frame = { id: 0x18ea_fff9, flags: 1, data: Uint8Array.of(0xcb, 0xfe, 0), receivedAtUs: 0 };
    const two = [rig.tester.sendFrame(frame, "poll", signal), rig.tester.sendFrame(frame, "poll", signal)];
    await rig.clock.run(500);
    expect(rig.sent).toHaveLength(1);
    expect(await rig.tester.sendFrame({ ...frame, id: 0x18ec_00f9 }, "transport", signal)).toEqual({ kind: "sent" });
    expect(rig.sent).toHaveLength(2);
    await rig.clock.run(1000);
    await Promise.all(two);
    expect(rig.sent).toHaveLength(3);
  });
});

describe("permission", () => {
  it.each(["off", "listen-only", "condition"] as const)("sends nothing while it says %s", async (reason) => {
    const rig = new TesterRig();
    rig.refusal = { kind: "withheld", reason, what: "because" };
    const functional = { txId: 0x7df, extended: false, responses: [] };
    const frame = { id: 0x18ea_fff9, flags: 1, data: Uint8Array.of(0xcb, 0xfe, 0), receivedAtUs: 0 };
    const replies = [
      await rig.tester.ask(askOf("01 0c", "technician"), signal),
      await rig.tester.askAll(functional, Uint8Array.of(1, 0), 100, "technician", signal),
      await rig.tester.sendFrame(frame, "technician", signal),
      await rig.tester.sendFrame(frame, "transport", signal),
    ];
    expect(replies).toEqual(replies.map(() => ({ kind: "withheld", reason, what: "because" })));
    expect(rig.sent).toHaveLength(0);
    expect(rig.tester.state().withheldCounts[reason]).toBe(4);
  });

  it("is asked again when the turn comes", async () => {
    const rig = new TesterRig();
    const first = rig.tester.ask(askOf("01 0c"), signal);
    const second = rig.tester.ask(askOf("01 0c", "poll", 1), signal);
    await rig.clock.run(10);
    rig.refusal = { kind: "withheld", reason: "condition", what: "ignition off" };
    await rig.clock.run(2000);
    expect((await first).kind).toBe("silent");
    expect(reasonOf(await second)).toBe("condition");
    expect(rig.sent).toHaveLength(1);
  });
});

describe("a silent ECU", () => {
  it("is asked ever more rarely by polls: twice as late each time, up to the longest", async () => {
    const rig = new TesterRig({ settings: { backOff: { firstMs: 10_000, longestMs: 60_000 } } });
    const times: number[] = [];
    for (let ms = 0; ms < 400_000; ms += 1000) {
      const asked = rig.tester.ask(askOf("01 0c"), signal);
      await rig.clock.run(1000);
      await asked;
    }
    for (const { atMs } of rig.sent) times.push(Math.round((atMs - rig.sent[0].atMs) / 1000));
    // 1 s of waiting for the answer, then 10, 20, 40, 60, 60 ... s of peace.
    expect(times).toEqual([0, 11, 32, 73, 134, 195, 256, 317, 378]);
  });

  it("does not keep others waiting, and not a technician", async () => {
    const rig = new TesterRig();
    rig.ecu(0x7e1, 0x7e9, () => ({ pdus: ["41 0c 00 00"] }));
    const silent = rig.tester.ask(askOf("01 0c"), signal);
    await rig.clock.run(1000);
    await silent;
    expect(reasonOf(await rig.tester.ask(askOf("01 0c"), signal))).toBe("backing-off");
    expect(rig.tester.state().backingOff).toMatchObject([{ ecu: "unit 0" }]);
    const others = [
      rig.tester.ask(askOf("01 0c", "poll", 1), signal),
      rig.tester.ask(askOf("01 0c", "technician"), signal),
      rig.tester.ask(askOf("01 0c", "command"), signal),
    ];
    await rig.clock.run(5000);
    expect((await Promise.all(others)).map(({ kind }) => kind)).toEqual(["answer", "silent", "silent"]);
  });

  it("is asked as before once it has answered", async () => {
    const rig = new TesterRig();
    const silent = rig.tester.ask(askOf("01 0c"), signal);
    await rig.clock.run(1000);
    await silent;
    rig.ecu(0x7e0, 0x7e8, () => ({ pdus: ["7f 01 11"] }));
    const answered = rig.tester.ask(askOf("01 0c", "technician"), signal);
    await rig.clock.run(100);
    await answered;
    const polled = rig.tester.ask(askOf("01 0c"), signal);
    await rig.clock.run(100);
    expect((await polled).kind).toBe("negative");
  });
});

describe("response pending", () => {
  const PENDING = "7f 22 78";

  it("frees the bus for others while one ECU takes minutes, and is counted", async () => {
    const rig = new TesterRig({ settings: { pendingMs: 600_000 } });
    rig.ecu(0x7e0, 0x7e8, () => ({ afterMs: 4000, pdus: [...Array.from({ length: 45 }, () => PENDING), VIN] }));
    rig.ecu(0x7e1, 0x7e9, () => ({ pdus: ["41 0c 00 00"] }));
    const slow = rig.tester.ask({ ...askOf("22 f1 90"), p2Ms: 5000 }, signal);
    await rig.clock.run(4001);
    expect(rig.tester.state().pending).toMatchObject([{ ecu: "unit 0" }]);
    for (let turn = 0; turn < 100; turn += 1) {
      const asked = rig.tester.ask(askOf("01 0c", "poll", 1), signal);
      await rig.clock.run(1000);
      expect((await asked).kind).toBe("answer");
    }
    await rig.clock.run(100_000);
    expect(await slow).toMatchObject({ kind: "answer", pendings: 45 });
    expect(rig.tester.state()).toMatchObject({ pending: [], counts: { pendings: 45 } });
    expect(rig.sentIds().filter((id) => id === 0x7e0)).toHaveLength(1);
  });

  it("ends as silence after its longest time, although the ECU goes on with it", async () => {
    const rig = new TesterRig({ settings: { pendingMs: 20_000 } });
    rig.ecu(0x7e0, 0x7e8, () => ({ afterMs: 900, pdus: Array.from({ length: 100 }, () => PENDING) }));
    const slow = rig.tester.ask(askOf("22 f1 90"), signal);
    await rig.clock.run(25_000);
    const reply = await slow;
    expect(reply).toMatchObject({ kind: "silent" });
    expect(reply.kind === "silent" && reply.pendings).toBeGreaterThan(20);
    expect(rig.tester.state().other).toBeUndefined();
  });

  it("may end late, and its answer is no other tester's then", async () => {
    const rig = new TesterRig({ settings: { pendingMs: 20_000 } });
    rig.ecu(0x7e0, 0x7e8, () => ({ afterMs: 900, pdus: [...Array.from({ length: 40 }, () => PENDING), VIN] }));
    const slow = rig.tester.ask(askOf("22 f1 90"), signal);
    await rig.clock.run(45_000);
    expect(await slow).toMatchObject({ kind: "silent" });
    expect(rig.tester.state().other).toBeUndefined();
  });

  it("is waited for P2* after each, and not longer", async () => {
    const rig = new TesterRig();
    rig.ecu(0x7e0, 0x7e8, () => ({ pdus: [PENDING] }));
    const slow = rig.tester.ask(askOf("22 f1 90"), signal);
    await rig.clock.run(5002);
    expect(await slow).toMatchObject({ kind: "silent", pendings: 1 });
  });

  it("keeps a second request of the same ECU waiting, and no other", async () => {
    const rig = new TesterRig();
    rig.ecu(0x7e0, 0x7e8, (pdu) => (pdu === "22f190" ? { afterMs: 900, pdus: [PENDING, PENDING, VIN] } : undefined));
    const slow = rig.tester.ask(askOf("22 f1 90"), signal);
    await rig.clock.run(1000);
    const second = rig.tester.ask(askOf("22 f1 8c", "technician"), signal);
    const other = rig.tester.ask(askOf("22 f1 90", "poll", 1), signal);
    await rig.clock.run(500);
    expect(rig.sentIds()).toEqual([0x7e0, 0x7e1]);
    await rig.clock.run(5000);
    await Promise.all([slow, second, other]);
    expect(rig.sentIds()).toEqual([0x7e0, 0x7e1, 0x7e0]);
  });
});

describe("functional requests", () => {
  const TO_ALL = { txId: 0x7df, extended: false, responses: [{ id: 0x7e8, mask: 0x7f8, extended: false }] };

  it("gather one answer a sender, and leave out who answers in several frames", async () => {
    const rig = new TesterRig();
    const asked = rig.tester.askAll(TO_ALL, Uint8Array.of(1, 0), 100, "poll", signal);
    await rig.clock.run(1);
    for (const [id, data] of [
      [0x7e8, "06 41 00 be 3f a8 13 aa"],
      [0x7e9, "06 41 00 80 00 00 01 aa"],
      [0x7e8, "06 41 00 00 00 00 00 aa"],
      [0x7ea, "10 14 41 00 00 00 00 00"],
    ] as const) {
      rig.hear(id, data);
    }
    await rig.clock.run(100);
    expect(await asked).toMatchObject({
      kind: "answers",
      answers: [
        { rxId: 0x7e8, pdu: Uint8Array.of(0x41, 0, 0xbe, 0x3f, 0xa8, 0x13) },
        { rxId: 0x7e9, pdu: Uint8Array.of(0x41, 0, 0x80, 0, 0, 1) },
      ],
    });
    expect(rig.sentIds()).toEqual([0x7df]);
  });

  it("wait a little longer for who says that it will answer", async () => {
    const rig = new TesterRig();
    const asked = rig.tester.askAll(TO_ALL, Uint8Array.of(3), 100, "poll", signal);
    await rig.clock.run(1);
    rig.hear(0x7e8, "03 7f 03 78 aa aa aa aa");
    await rig.clock.run(1000);
    rig.hear(0x7e8, "02 43 00 aa aa aa aa aa");
    await rig.clock.run(200);
    expect(await asked).toMatchObject({ kind: "answers", answers: [{ pdu: Uint8Array.of(0x43, 0) }] });
  });

  it("back off where nobody answers", async () => {
    const rig = new TesterRig();
    const asked = rig.tester.askAll(TO_ALL, Uint8Array.of(1, 0), 100, "poll", signal);
    await rig.clock.run(200);
    expect(await asked).toEqual({ kind: "answers", answers: [] });
    const again = await rig.tester.askAll(TO_ALL, Uint8Array.of(1, 0), 100, "poll", signal);
    expect(again).toMatchObject({ kind: "withheld", reason: "backing-off" });
  });
});

function reasonOf(reply: Reply): string {
  return reply.kind === "withheld" ? reply.reason : reply.kind;
}

/** Most frames within any span of so many ms. */
function mostWithin(frames: readonly { readonly atMs: number }[], spanMs: number): number {
  return Math.max(
    ...frames.map(({ atMs }) => frames.filter((one) => one.atMs >= atMs && one.atMs < atMs + spanMs).length),
  );
}
