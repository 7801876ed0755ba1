import { describe, expect, it } from "vitest";
import type { Outcome } from "../../../agent/commands/action.ts";
import { CommandBench, textOf } from "../../fakes/commands/command-bench.ts";

describe("what a process left open", () => {
  it("keeps the first of two ends, and tells and audits that alone", async () => {
    const bench = new CommandBench({ actions: { "doors.lock": { commandClass: "R3" } } });
    const first = await bench.send(bench.signed("doors.lock"));
    const entries = bench.audited.length;
    const second = { status: "FAILED", reason: { code: "INDETERMINATE", description: "late" }, result: {} } as const;
    expect(bench.ledger.finish("id-1", second)).toEqual(first);
    expect(bench.ledger.find("id-1")?.answer).toEqual(first);
    expect(bench.audited).toHaveLength(entries);
    expect(bench.ledger.ended()).toEqual([{ action: "doors.lock", status: "SUCCEEDED", count: 1 }]);
  });

  const settled = (bench: CommandBench, bootId: string) =>
    bench.ledger.recover(bootId).map(({ id }) => `${id} ${textOf(bench.ledger.find(id)?.answer)}`);

  it("ends as not started, indeterminate or, after the restart it asked for, as succeeded", async () => {
    const never = () => new Promise<Outcome>(() => undefined);
    const bench = new CommandBench({
      actions: {
        hangs: { commandClass: "R3", run: never },
        reboot: { commandClass: "R2", endsInRestart: true, run: async () => ({ kind: "held" }) },
      },
    });
    bench.journal.addCommand({
      id: "received",
      digest: "",
      state: "received",
      isRead: false,
      isReported: false,
      body: { action: "x", reply: { channel: "local" } },
    });
    void bench.send(bench.signed("hangs", { id: "hangs" }), { id: "1" });
    expect(await bench.outcome(bench.signed("reboot", { id: "reboot" }), { id: "2" })).toBe("none");
    expect(settled(bench, "boot-2")).toEqual([
      "received FAILED NOT_STARTED",
      "hangs FAILED INDETERMINATE",
      "reboot SUCCEEDED",
    ]);
    expect(settled(bench, "boot-2")).toEqual([]);
    expect(bench.ledger.ended()).toEqual([
      { action: "x", status: "FAILED", count: 1 },
      { action: "hangs", status: "FAILED", count: 1 },
      { action: "reboot", status: "SUCCEEDED", count: 1 },
    ]);
  });

  it("ends as failed when the system was not restarted", async () => {
    const reboot = { commandClass: "R2", endsInRestart: true, run: async () => ({ kind: "held" }) as const } as const;
    const bench = new CommandBench({ actions: { reboot } });
    await bench.send(bench.signed("reboot", { id: "reboot" }));
    expect(settled(bench, "boot-1")).toEqual(["reboot FAILED NO_RESPONSE"]);
  });
});
