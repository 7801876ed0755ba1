import { describe, expect, it } from "vitest";
import { actingObdEcu } from "../../../../agent/diagnostics/obd/acting-obd-ecu.ts";
import { ObdClient } from "../../../../agent/diagnostics/obd/obd-client.ts";
import { FakeTesterBus } from "../../../fakes/diagnostics/tester-bus.ts";

const signal = new AbortController().signal;
const ALL = 0xff_ffff;

describe("clearing codes of OBD-II", () => {
  it("is done, refused or failed as the ECU answers, and noted when it is done", async () => {
    const tester = new FakeTesterBus();
    let cleared = 0;
    const ecu = actingObdEcu(
      new ObdClient(tester, { name: "engine", response: 0x7e8, extended: false }, "command"),
      () => void (cleared += 1),
    );
    const clear = async (group = ALL) => ecu.clearCodes?.(group, () => undefined, signal);
    expect(await clear()).toEqual({ kind: "failed", what: "engine did not answer within 1000 ms" });
    tester.answer(0x7e0, "04", "7f 04 22", "44");
    expect(await clear()).toEqual({ kind: "refused", what: "engine refused with 0x22" });
    expect(cleared).toBe(0);
    expect(await clear()).toEqual({ kind: "done", value: undefined });
    expect(cleared).toBe(1);
    expect(await clear(0x1234)).toMatchObject({ kind: "refused" });
    expect(tester.asked[0].before).toBeTypeOf("function");
    expect([ecu.reset("hard"), ecu.routine("x"), ecu.output("x", 1)]).toEqual([undefined, undefined, undefined]);
  });
});
