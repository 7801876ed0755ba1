import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";

const CASES = join(import.meta.dirname, "../../../fixtures/cases");

describe("causeway config validate", () => {
  it("refuses a catalogue that would send other values than asked for, or look at another signal, with every reason", async () => {
    const told = await runCli(["config", "validate", "--config", join(CASES, "f12_agent.yaml")]).catch(String);
    expect(told).toContain("f12_catalogue.yaml:8:26 mode.set signals.Level: shares bits with Mode");
    expect(told).toContain("long.set message: LongCommand has 20 bytes, a classic frame carries 8");
    expect(told).toMatch(
      /condition\.signals\.speed: can0\/Motion\.Speed is 2 signals, write which: can0\/Motion@0x2bd\.Speed \(.*f12_actuate\.dbc:8\), can0\/Motion@0x2be\.Speed \(.*f12_actuate\.dbc:11\)/,
    );
  });

  it("warns of two switches whose branches may overlap in one frame", async () => {
    const { stdout, stderr } = await runCli(["dbc", "check", join(CASES, "f16_two_switches_overlap.dbc")]);
    expect(stdout + stderr).toContain(":7:6 warning: signal y overlaps signal x in message M2");
  });
});
