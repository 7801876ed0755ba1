import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { ActGuard } from "../../../../agent/diagnostics/ecu-acts.ts";
import { actingUdsEcu } from "../../../../agent/diagnostics/uds/acting-ecu.ts";
import { UdsAsker } from "../../../../agent/diagnostics/uds/uds-asker.ts";
import { UdsClient } from "../../../../agent/diagnostics/uds/uds-client.ts";
import type { Ecu } from "../../../../config/ecu.ts";
import { ecuCatalogue } from "../../../../config/ecus.ts";
import { loadYamlFile } from "../../../../config/load.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { bytesOf } from "../../../fakes/diagnostics/ecus.ts";
import { FakeTesterBus } from "../../../fakes/diagnostics/tester-bus.ts";

const NEVER = new AbortController().signal;
const ALLOWED = (): undefined => undefined;
const TX = 0x740;

/** Asks what goes before each request, as the bus does. */
class GuardedTester extends FakeTesterBus {
  override async ask(...[ask, signal]: Parameters<FakeTesterBus["ask"]>) {
    const problem = ask.before?.();
    if (problem !== undefined) return { kind: "withheld", reason: "condition", what: problem } as const;
    return await super.ask(ask, signal);
  }
}

describe("an ECU of the catalogue that acts", () => {
  let ecu: Ecu;
  beforeEach(async () => {
    const file = join(import.meta.dirname, "../../../../config/ecus.example.yaml");
    [ecu] = (await loadYamlFile(file, ecuCatalogue)).value.ecus;
  });

  function acting() {
    const tester = new GuardedTester();
    const clock = new ManualClock();
    tester.answer(TX, "1003", "5003 0032 01f4");
    tester.answer(TX, "1001", "5001 0032 01f4");
    tester.answer(TX, "2701", "6701 0000");
    const client = new UdsClient(new UdsAsker({ tester, ecu, who: "command", clock }), async () => ({
      kind: "key",
      key: bytesOf("00"),
    }));
    let cleared = 0;
    const unit = actingUdsEcu({ ecu, client: () => client, onCleared: () => (cleared += 1) });
    const run = async <T>(done: Promise<T>): Promise<T> => {
      let isDone = false;
      void done.then(() => {
        isDone = true;
      });
      for (let turns = 0; !isDone && turns < 2000; turns++) await clock.run(50);
      return await done;
    };
    return {
      tester,
      clock,
      unit,
      run,
      cleared: () => cleared,
      sent: () => tester.requests().map((one) => one.slice(4)),
    };
  }

  it("clears its codes and says so, and a refusal is no clearing", async () => {
    const { tester, unit, cleared } = acting();
    tester.answer(TX, "14ffffff", "7f1422", "54");
    expect(await unit.clearCodes?.(0xffffff, ALLOWED, NEVER)).toEqual({
      kind: "refused",
      what: "refused: conditions not correct (0x22)",
    });
    expect(cleared()).toBe(0);
    expect(await unit.clearCodes?.(0xffffff, ALLOWED, NEVER)).toEqual({ kind: "done", value: undefined });
    expect(cleared()).toBe(1);
  });

  it.each([
    ["02bc", 7, "marginal"],
    ["0258", 6, "in_spec"],
    ["0000", 0, "out_of_spec"],
  ])("judges what a routine measured: %s", async (hex, value, verdict) => {
    const { tester, unit, run } = acting();
    tester.answer(TX, "31010203 0003", "71010203 00");
    tester.answer(TX, "31030203", `71030203 00${hex}`);
    const routine = unit.routine("window_test");
    expect(routine?.safety).toBe("stationary");
    const prepared = routine?.prepare({ runs: 3 });
    const end = prepared?.kind === "prepared" ? await run(prepared.run(ALLOWED, NEVER)) : undefined;
    expect(end).toEqual({ kind: "done", value: { values: { window_current: { value, unit: "A" } }, verdict } });
  });

  it("takes only the arguments of the catalogue", () => {
    const { unit } = acting();
    const routine = unit.routine("window_test");
    expect(routine?.prepare({ runs: 6 })).toEqual({ kind: "unfit", problem: "runs is 6, and may be 1 to 5" });
    expect(routine?.prepare({ runs: "3" })).toEqual({ kind: "unfit", problem: "runs must be a number" });
    expect(routine?.prepare({ runs: 1, speed: 1 })).toEqual({ kind: "unfit", problem: "speed is no argument of it" });
    expect(unit.reset("restart")?.prepare({ now: 1 })).toEqual({ kind: "unfit", problem: "now is no argument of it" });
    expect([unit.routine("horn"), unit.output("window_test", 1), unit.reset("hard")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("sends nothing that the guard forbids, not even for a session", async () => {
    const { unit, run, sent } = acting();
    const prepared = unit.output("horn", 500)?.prepare({});
    const end = prepared?.kind === "prepared" ? await run(prepared.run(() => "it moves", NEVER)) : undefined;
    expect(end).toEqual({ kind: "withheld", reason: "condition", what: "it moves" });
    expect(sent()).toEqual([]);
  });

  it("gives an output back as soon as the guard forbids it, and not later than the catalogue says", async () => {
    const { tester, clock, unit, run, sent } = acting();
    tester.answer(TX, "2f03010301", "6f03010301");
    tester.answer(TX, "2f030100", "6f03010000");
    let looks = 0;
    const guard: ActGuard = () => (++looks > 6 ? "it moves" : undefined);
    const horn = unit.output("horn", 60_000);
    expect(horn?.longestMs).toBe(16_000);
    const prepared = horn?.prepare({});
    const beganMs = clock.monotonicMs();
    const end = prepared?.kind === "prepared" ? await run(prepared.run(guard, NEVER)) : undefined;
    expect(end?.kind).toBe("done");
    expect(clock.monotonicMs() - beganMs).toBeLessThan(900);
    expect(sent()).toEqual(["1003", "2f03010301", "2f030100", "1001"]);
  });
});
