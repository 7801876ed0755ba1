import { describe, expect, it } from "vitest";
import { TransmitGate, type TransmitGateParts } from "../../../../agent/diagnostics/tester/transmit-gate.ts";

function gateWith(change: Partial<TransmitGateParts> = {}): TransmitGate {
  return new TransmitGate({
    bus: "can0",
    condition: () => undefined,
    isListenOnly: false,
    lookAtController: undefined,
    onListenOnly: () => undefined,
    ...change,
  });
}

describe("TransmitGate", () => {
  it("lets out where nothing stands against it", () => {
    expect(gateWith().refusal()).toBeUndefined();
  });

  it("says the condition that does not hold", () => {
    expect(gateWith({ condition: () => "rpm > 300.0 is not true" }).refusal()).toEqual({
      kind: "withheld",
      reason: "condition",
      what: "rpm > 300.0 is not true",
    });
  });

  it("holds back on a bus that the configuration has as listen-only", () => {
    expect(gateWith({ isListenOnly: true }).refusal()).toMatchObject({ reason: "listen-only" });
  });

  it("holds back until the controller is known, and on one that listens", async () => {
    let told = 0;
    const gate = gateWith({ lookAtController: async () => true, onListenOnly: () => (told += 1) });
    expect(gate.refusal()).toMatchObject({
      reason: "listen-only",
      what: "whether the controller of bus can0 may send is not known yet",
    });
    await gate.look();
    expect(gate.refusal()).toMatchObject({
      reason: "listen-only",
      what: "the controller of bus can0 is set to listen only",
    });
    await gate.look();
    expect(told).toBe(1);
  });

  it("looks again when the bus comes up, as its mode changes only while it is down", async () => {
    const answers = [true, false];
    const gate = gateWith({ lookAtController: async () => answers.shift() ?? false });
    await gate.look();
    gate.onState("error-passive");
    gate.onState("up");
    expect(answers).toHaveLength(1);
    gate.onState("down");
    expect(gate.refusal()?.what).toMatch(/not known yet/);
    gate.onState("up");
    await Promise.resolve();
    await Promise.resolve();
    expect(gate.refusal()).toBeUndefined();
  });

  it("forgets what it saw of an interface that went down meanwhile", async () => {
    const looked = Promise.withResolvers<boolean>();
    const gate = gateWith({ lookAtController: () => looked.promise });
    const looking = gate.look();
    gate.onState("down");
    looked.resolve(false);
    await looking;
    expect(gate.refusal()?.what).toMatch(/not known yet/);
  });
});
