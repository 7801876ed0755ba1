import { describe, expect, it } from "vitest";
import type { Outcome } from "../../../agent/commands/action.ts";
import { rejected } from "../../../agent/commands/answer.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { CommandBench, plain } from "../../fakes/commands/command-bench.ts";
import { signingKey } from "../../fakes/commands/signing-key.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const ACTIONS = { "signals.read": { commandClass: "R0" }, "doors.lock": { commandClass: "R3" } } as const;

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("dispatch while nothing but reads is taken", () => {
  it("refuses whatever acts, signed or not, with the reason, and reads on", async () => {
    const readsOnly = "the configuration cannot be used";
    const actions = {
      ...ACTIONS,
      "config.set": { commandClass: "R1" },
      "system.reboot": { commandClass: "R2" },
    } as const;
    const bench = new CommandBench({ actions, readsOnly });
    for (const action of ["config.set", "system.reboot", "doors.lock"]) {
      expect(await bench.send(bench.signed(action, { id: action.replace(".", "-") }))).toMatchObject({
        status: "REJECTED",
        reason: { code: "UNAVAILABLE", description: readsOnly },
      });
    }
    expect(await bench.outcome(plain("signals.read"))).toBe("SUCCEEDED");
    expect(bench.acts).toEqual(["signals.read"]);
  });
});

describe("dispatch of a command that may be carried out", () => {
  it("acts once and succeeds", async () => {
    const bench = new CommandBench({ actions: ACTIONS });
    expect(await bench.send(bench.signed("doors.lock"))).toEqual({
      status: "SUCCEEDED",
      reason: undefined,
      result: {},
    });
    expect(bench.acts).toEqual(["doors.lock"]);
    expect(bench.ledger.find("id-1")).toMatchObject({ state: "finished", isReported: false, action: "doors.lock" });
  });

  it.each(["ed25519", "es256"] as const)("takes a signature by %s", async (algorithm) => {
    const bench = new CommandBench({ actions: ACTIONS, key: signingKey("other", algorithm) });
    expect(await bench.outcome(bench.signed("doors.lock"))).toBe("SUCCEEDED");
  });

  it("needs neither signature nor times to read", async () => {
    const bench = new CommandBench({ actions: ACTIONS, clock: new ManualClock({ quality: "unsynchronised" }) });
    expect(await bench.outcome(plain("signals.read"))).toBe("SUCCEEDED");
  });

  it("has it in the ledger, durably started by one write, before it acts", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const before: unknown[] = [];
    const note = (what: string): void => void before.push([what, bench.ledger.find("id-1")?.state, journal.writes]);
    const bench: CommandBench = new CommandBench({
      clock,
      journal,
      actions: {
        "doors.lock": {
          commandClass: "R3",
          unsafe: () => {
            note("gate");
            return undefined;
          },
          run: async () => {
            note("act");
            return { kind: "done", result: { locked: true } };
          },
        },
      },
    });
    expect(await bench.send(bench.signed("doors.lock"))).toMatchObject({ result: { locked: true } });
    expect(before).toEqual([
      ["gate", undefined, 0],
      ["act", "started", 1],
    ]);
    const events = bench.audited.map(({ entry }) => /"event":"(\w+)"/.exec(entry)?.[1]);
    expect(events).toEqual(["received", "started", "finished"]);
  });

  it("has it in the ledger before the message can be acknowledged: within the call", () => {
    const bench = new CommandBench({ actions: ACTIONS });
    void bench.send(bench.signed("doors.lock"));
    expect(bench.journal.command("id-1")?.state).toBe("started");
  });
});

describe("dispatch of a repeat", () => {
  it("acts once for each id sent 100 times, also through other executions, and gives the same answer", async () => {
    const bench = new CommandBench({ actions: ACTIONS });
    for (let id = 0; id < 20; id += 1) {
      const body = bench.signed("doors.lock");
      const answers = new Set<string>();
      for (let time = 0; time < 100; time += 1)
        answers.add(await bench.outcome(body, { id: `execution-${id}-${time % 3}` }));
      expect(answers).toEqual(new Set(["SUCCEEDED"]));
    }
    expect(bench.acts).toHaveLength(20);
  });

  it("knows it when it came too late meanwhile, and gives the answer it had", async () => {
    const bench = new CommandBench({ actions: ACTIONS });
    const body = bench.signed("doors.lock");
    await bench.send(body);
    bench.clock.advance(120_000);
    expect(await bench.outcome(body)).toBe("SUCCEEDED");
    expect(bench.acts).toHaveLength(1);
  });

  it("leaves the answer to the one that runs", async () => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const bench = new CommandBench({ actions: { "doors.lock": { commandClass: "R3", run: () => promise } } });
    const body = bench.signed("doors.lock");
    const first = bench.outcome(body);
    expect(await bench.outcome(body)).toBe("none");
    resolve({ kind: "done", result: {} });
    expect(await first).toBe("SUCCEEDED");
    expect(bench.acts).toHaveLength(1);
  });

  it("refuses it as before when it was refused, though it would be allowed now", async () => {
    const clock = new ManualClock({ quality: "unsynchronised" });
    const bench = new CommandBench({ actions: ACTIONS, clock });
    const body = bench.signed("doors.lock");
    expect(await bench.outcome(body)).toBe("REJECTED CLOCK_NOT_TRUSTED");
    clock.setQuality("ntp");
    expect(await bench.outcome(body)).toBe("REJECTED CLOCK_NOT_TRUSTED");
    expect(bench.acts).toEqual([]);
  });

  it("does not take another request under the same id for a repeat", async () => {
    const bench = new CommandBench({ actions: ACTIONS });
    await bench.send(bench.signed("doors.lock", { id: "same" }));
    const other = bench.signed("doors.lock", { id: "same", arguments: { door: 2 } });
    expect(await bench.outcome(other, { id: "execution-2" })).toBe("REJECTED ID_REUSED");
    expect(bench.acts).toHaveLength(1);
    expect(bench.ledger.find("same")?.answer?.status).toBe("SUCCEEDED");
  });
});

describe("dispatch refuses, acts on nothing and says why", () => {
  it.each<[what: string, change: (bench: CommandBench) => unknown, expected: string]>([
    ["what is too long", (bench) => bench.signed("doors.lock", { arguments: { text: "x".repeat(4096) } }), "TOO_LARGE"],
    ["what is not JSON", () => new TextEncoder().encode("{"), "COMMAND_REQUEST_PARSING_FAILED"],
    ["what is not UTF-8", () => Uint8Array.of(0x22, 0xff, 0x22), "COMMAND_REQUEST_PARSING_FAILED"],
    ["an unknown member", () => ({ ...plain("signals.read"), extra: 1 }), "COMMAND_REQUEST_PARSING_FAILED"],
    ["another version", () => ({ ...plain("signals.read"), schemaVersion: 2 }), "COMMAND_REQUEST_PARSING_FAILED"],
    [
      "a value that nests too deep",
      () => plain("signals.read", { arguments: { a: [[[[[[[[1]]]]]]]] } }),
      "COMMAND_REQUEST_PARSING_FAILED",
    ],
    ["an action that there is not", (bench) => bench.signed("doors.open"), "NO_COMMAND_DISPATCHER_FOUND"],
    ["no signature", () => plain("doors.lock", { issuedAtMs: 1, timeoutMs: 1 }), "SIGNATURE_MISSING"],
    [
      "an altered argument",
      (bench) => ({ ...bench.signed("doors.lock"), arguments: { door: 1 } }),
      "SIGNATURE_INVALID",
    ],
    [
      "an altered expiry",
      (bench) => ({ ...bench.signed("doors.lock"), expiresAtMs: bench.nowMs + 61_000 }),
      "SIGNATURE_INVALID",
    ],
    ["an altered id", (bench) => ({ ...bench.signed("doors.lock"), id: "another" }), "SIGNATURE_INVALID"],
    ["an altered action", (bench) => ({ ...bench.signed("signals.read"), action: "doors.lock" }), "SIGNATURE_INVALID"],
    ["an altered counter", (bench) => ({ ...bench.signed("doors.lock"), counter: 9 }), "SIGNATURE_INVALID"],
    ["an altered thing", (bench) => ({ ...bench.signed("doors.lock"), thing: "truck-2" }), "SIGNATURE_INVALID"],
    [
      "a signature without a counter",
      (bench) => ({ ...bench.signed("doors.lock"), counter: undefined }),
      "SIGNATURE_INVALID",
    ],
    [
      "a bad signature where none is needed",
      (bench) => ({ ...bench.signed("signals.read"), counter: 9 }),
      "SIGNATURE_INVALID",
    ],
    [
      "another's signature",
      (bench) => ({ ...bench.signed("doors.lock"), signature: { key: "ops", value: "AAAA" } }),
      "SIGNATURE_INVALID",
    ],
    [
      "a key that nobody pinned",
      (bench) => ({ ...bench.signed("doors.lock"), signature: { key: "who", value: "AAAA" } }),
      "KEY_UNKNOWN",
    ],
    ["a thing that is not this one", (bench) => bench.signed("doors.lock", { thing: "truck-2" }), "WRONG_THING"],
    ["what came too early", (bench) => bench.signed("doors.lock", { notBeforeMs: bench.nowMs + 1 }), "NOT_YET_VALID"],
    [
      "what may act for too long",
      (bench) => bench.signed("doors.lock", { expiresAtMs: bench.nowMs + 3_600_001 }),
      "EXPIRY_TOO_LATE",
    ],
  ])("%s", async (_what, change, expected) => {
    const bench = new CommandBench({ actions: ACTIONS });
    expect(await bench.outcome(change(bench))).toBe(`REJECTED ${expected}`);
    expect(bench.acts).toEqual([]);
  });

  it("what came too late, as timed out", async () => {
    const bench = new CommandBench({ actions: ACTIONS });
    expect(await bench.outcome(bench.signed("doors.lock", { expiresAtMs: bench.nowMs }))).toBe(
      "TIMED_OUT TIMED_OUT_BEFORE_DISPATCH",
    );
  });

  it("what lay in the session until the message's life ended", async () => {
    const bench = new CommandBench({ actions: ACTIONS });
    expect(await bench.outcome(bench.signed("doors.lock"), { restOfLifeMs: 0 })).toBe(
      "TIMED_OUT TIMED_OUT_BEFORE_DISPATCH",
    );
  });

  it("by its issue time and timeout too", async () => {
    const bench = new CommandBench({ actions: { "config.set": { commandClass: "R1" } } });
    const issued = { issuedAtMs: bench.nowMs - 10_000 };
    expect(await bench.outcome(plain("config.set", { ...issued, timeoutMs: 10_001 }), { id: "1" })).toBe("SUCCEEDED");
    expect(await bench.outcome(plain("config.set", { ...issued, timeoutMs: 10_000 }), { id: "2" })).toMatch(
      /^TIMED_OUT/,
    );
    expect(await bench.outcome(plain("config.set", issued), { id: "3" })).toBe("REJECTED EXPIRY_MISSING");
    const early = { issuedAtMs: bench.nowMs + 5001, timeoutMs: 60_000 };
    expect(await bench.outcome(plain("config.set", early), { id: "4" })).toBe("REJECTED NOT_YET_VALID");
  });

  it("what needs a clock while nothing has set it", async () => {
    const bench = new CommandBench({ actions: ACTIONS, clock: new ManualClock({ quality: "unsynchronised" }) });
    expect(await bench.outcome(bench.signed("doors.lock"))).toBe("REJECTED CLOCK_NOT_TRUSTED");
    expect(await bench.outcome(plain("signals.read", { expiresAtMs: 8_000_000_000_000 }))).toBe(
      "REJECTED CLOCK_NOT_TRUSTED",
    );
  });

  it("what a clock of an earlier boot takes for over, which is behind", async () => {
    const bench = new CommandBench({ actions: ACTIONS, clock: new ManualClock({ quality: "saved" }) });
    const over = bench.signed("doors.lock", { notBeforeMs: bench.nowMs - 5000, expiresAtMs: bench.nowMs - 1 });
    expect(await bench.outcome(over, { id: "1" })).toBe("TIMED_OUT TIMED_OUT_BEFORE_DISPATCH");
    expect(await bench.outcome(bench.signed("doors.lock"), { id: "2" })).toBe("REJECTED CLOCK_NOT_TRUSTED");
    expect(bench.acts).toEqual([]);
  });

  it("an unsafe state, which uses up its id and is never started", async () => {
    const unsafe = () => rejected("PRECONDITION_FAILED", "speed == 0 is false");
    const bench = new CommandBench({ actions: { "doors.lock": { commandClass: "R3", unsafe } } });
    expect(await bench.send(bench.signed("doors.lock"))).toEqual({
      status: "REJECTED",
      reason: { code: "PRECONDITION_FAILED", description: "speed == 0 is false" },
      result: {},
    });
    expect(bench.acts).toEqual([]);
    const events = bench.audited.map(({ entry }) => /"event":"(\w+)"/.exec(entry)?.[1]);
    expect(events).toEqual(["received", "finished"]);
    expect(bench.ledger.find("id-1")?.state).toBe("finished");
  });

  it("what the policy does not allow, and what comes too often", async () => {
    const allow = [{ action: "signals.*", ratePerMinute: 2 }];
    const bench = new CommandBench({ actions: ACTIONS, allow });
    expect(await bench.outcome(bench.signed("doors.lock"))).toBe("REJECTED ACCESS_DENIED");
    const read = (id: string) => bench.outcome(plain("signals.read"), { id });
    expect([await read("1"), await read("2"), await read("3")]).toEqual([
      "SUCCEEDED",
      "SUCCEEDED",
      "REJECTED RATE_LIMITED",
    ]);
    bench.clock.advance(30_000);
    expect([await read("4"), await read("5")]).toEqual(["SUCCEEDED", "REJECTED RATE_LIMITED"]);
  });

  it("a counter that was used, or is too far behind to tell", async () => {
    const bench = new CommandBench({ actions: ACTIONS });
    const with_ = (counter: number) =>
      bench.outcome(bench.signed("doors.lock", { id: `c-${counter}-${bench.acts.length}`, counter }));
    expect([await with_(100), await with_(98), await with_(99)]).toEqual(["SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]);
    expect([await with_(98), await with_(100)]).toEqual(["REJECTED COUNTER_REPLAYED", "REJECTED COUNTER_REPLAYED"]);
    expect([await with_(37), await with_(36)]).toEqual(["SUCCEEDED", "REJECTED COUNTER_REPLAYED"]);
    expect([await with_(1000), await with_(937), await with_(936)]).toEqual([
      "SUCCEEDED",
      "SUCCEEDED",
      "REJECTED COUNTER_REPLAYED",
    ]);
  });

  it("a second of the same action, and more than may run", async () => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const slow = { commandClass: "R0", run: () => promise } as const;
    const bench = new CommandBench({ actions: { a: slow, b: slow, c: slow }, maxReading: 2 });
    const first = bench.outcome(plain("a"), { id: "1" });
    expect(await bench.outcome(plain("a"), { id: "2" })).toBe("REJECTED BUSY");
    void bench.outcome(plain("b"), { id: "3" });
    expect(await bench.outcome(plain("c"), { id: "4" })).toBe("REJECTED BUSY");
    resolve({ kind: "done", result: {} });
    expect(await first).toBe("SUCCEEDED");
    await turn();
    expect(await bench.outcome(plain("c"), { id: "5" })).toBe("SUCCEEDED");
  });

  it("an action that uses what another one uses", async () => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const uses = ["can0/DoorCommand"];
    const lock = { commandClass: "R3", uses, run: () => promise } as const;
    const bench = new CommandBench({ actions: { "doors.lock": lock, "doors.unlock": { commandClass: "R3", uses } } });
    const first = bench.outcome(bench.signed("doors.lock"), { id: "1" });
    expect(await bench.outcome(bench.signed("doors.unlock"), { id: "2" })).toBe("REJECTED BUSY");
    resolve({ kind: "done", result: {} });
    expect(await first).toBe("SUCCEEDED");
    expect(await bench.outcome(bench.signed("doors.unlock"), { id: "3" })).toBe("SUCCEEDED");
  });

  it("what is grave while the ledger is lost, and nothing else", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    journal.lose("damaged");
    const bench = new CommandBench({ actions: ACTIONS, clock, journal });
    expect(await bench.outcome(bench.signed("doors.lock"), { id: "1" })).toBe("REJECTED LEDGER_UNREADABLE");
    expect(await bench.outcome(plain("signals.read"), { id: "2" })).toBe("SUCCEEDED");
    journal.acknowledgeLoss();
    expect(await bench.outcome(bench.signed("doors.lock"), { id: "3" })).toBe("SUCCEEDED");
  });

  it("everything when the journal cannot be written, and when it is full", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock, maxCommands: 1 });
    const bench = new CommandBench({ actions: ACTIONS, clock, journal });
    journal.failNext(new AgentError("journal.unavailable", { what: "gone", remedy: "none" }));
    expect(await bench.outcome(bench.signed("doors.lock"), { id: "1" })).toBe("REJECTED LEDGER_UNREADABLE");
    expect(await bench.outcome(bench.signed("doors.lock"), { id: "2" })).toBe("SUCCEEDED");
    expect(await bench.outcome(bench.signed("doors.lock"), { id: "3" })).toBe("REJECTED LEDGER_FULL");
    expect(bench.acts).toHaveLength(1);
  });

  it("does not act when the journal fails as it starts", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const bench = new CommandBench({ actions: ACTIONS, clock, journal });
    const change = journal.changeCommand.bind(journal);
    journal.changeCommand = () => {
      journal.changeCommand = change;
      throw new AgentError("journal.unavailable", { what: "gone", remedy: "none" });
    };
    expect(await bench.outcome(bench.signed("doors.lock"))).toBe("REJECTED LEDGER_UNREADABLE");
    expect(bench.acts).toEqual([]);
  });

  it("does not use up the counter or the rate of what is refused", async () => {
    const bench = new CommandBench({ actions: ACTIONS, allow: [{ action: "*", ratePerMinute: 1 }] });
    expect(
      await bench.outcome(bench.signed("doors.lock", { notBeforeMs: bench.nowMs + 1, counter: 5 }), { id: "1" }),
    ).toBe("REJECTED NOT_YET_VALID");
    expect(await bench.outcome(bench.signed("doors.lock", { counter: 5 }), { id: "2" })).toBe("SUCCEEDED");
  });
});

describe("dispatch of an act that does not succeed", () => {
  it("reports what failed, with what is known", async () => {
    const run = async () =>
      ({ kind: "failed", code: "NO_RESPONSE", description: "no\nanswer", result: { sent: true } }) as const;
    const bench = new CommandBench({ actions: { "doors.lock": { commandClass: "R3", run } } });
    expect(await bench.send(bench.signed("doors.lock"))).toEqual({
      status: "FAILED",
      reason: { code: "NO_RESPONSE", description: "no answer" },
      result: { sent: true },
    });
  });

  it("reports a fault, and a bug that the request brings out, as an internal error", async () => {
    const fault = new AgentError("bus.unavailable", { what: "no bus", remedy: "none" });
    const bench = new CommandBench({
      actions: {
        fault: { commandClass: "R0", run: () => Promise.reject(fault) },
        bug: { commandClass: "R0", run: () => Promise.reject(new TypeError("bug")) },
      },
    });
    expect(await bench.outcome(plain("fault"), { id: "1" })).toBe("FAILED INTERNAL_ERROR");
    expect(await bench.outcome(plain("bug"), { id: "2" })).toBe("FAILED INTERNAL_ERROR");
  });

  it("aborts it when its time is over", async () => {
    const run = (signal: AbortSignal) =>
      new Promise<Outcome>((resolve) => {
        signal.addEventListener("abort", () => resolve({ kind: "failed", code: "NO_RESPONSE", description: "late" }));
      });
    const bench = new CommandBench({ actions: { slow: { commandClass: "R0", run, timeoutMs: 3000 } } });
    const outcome = bench.outcome(plain("slow"));
    await bench.clock.run(3000);
    expect(await outcome).toBe("FAILED NO_RESPONSE");
  });
});
