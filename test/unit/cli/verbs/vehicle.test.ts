import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { vehicleLines } from "../../../../agent/cli/status-lines/vehicle.ts";
import { vehicleHandlers } from "../../../../agent/local-api/vehicle-handlers.ts";
import type { VehicleStatus } from "../../../../agent/local-api/vehicle-status.ts";
import { servedOn } from "../../../../agent/local-api/verb.ts";
import { vehicleChecks } from "../../../../agent/support/vehicle-checks.ts";
import { CommandIgnition } from "../../../../agent/vehicle/state/command-ignition.ts";
import type { KeptEnd } from "../../../../agent/vehicle/state/kept-state.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { serveView } from "../../../fakes/daemon/view-socket.ts";

const DRIVING: VehicleStatus = {
  state: "driving",
  forMs: 725_000,
  why: "ignition on: its signals say so",
  isIgnitionOn: true,
  trip: { number: 42, forMs: 725_000 },
  unkept: { waiting: 0, dropped: 0 },
};
const TRIP = { beganUs: 1_767_225_600_000_000, timeUs: 1_767_229_200_000_000, lastedMs: 3_600_000 };
const TRIPS: readonly KeptEnd[] = [
  { ...TRIP, trip: 40, isInterrupted: true },
  { ...TRIP, trip: 41, isInterrupted: false, odometerKm: 112.5, beganOdometerKm: 100 },
];
const PLAIN = pico.createColors(false);

async function daemon(trips: readonly KeptEnd[] = TRIPS) {
  const command = new CommandIgnition(new ManualClock());
  const sources = [command, { name: "signals", look: () => ({ kind: "on", why: "its signals say so" }) as const }];
  const handlers = vehicleHandlers({
    status: () => DRIVING,
    sources,
    command,
    trips: () => trips,
    log: new MemoryLog(),
  });
  const config = await serveView(servedOn("admin", handlers), "admin");
  const run = (...args: readonly string[]) => runCli(["--config", config, ...args]);
  return { command, run };
}

describe("causeway vehicle", () => {
  it("says what the vehicle does, and what each source says", async () => {
    const { run } = await daemon();
    const { exitCode, stdout } = await run("vehicle", "state");
    expect(exitCode).toBe(0);
    expect(stdout).toContain("driving for 12 min 5 s, trip 42\nignition on: its signals say so\n");
    expect(stdout).toMatch(/command +unknown +no command says so\nsignals +on +its signals say so\n/);
  });

  it("says it for somebody in the vehicle, for a time", async () => {
    const { command, run } = await daemon();
    expect((await run("vehicle", "state", "set", "parked", "--for", "600")).stdout).toBe("parked for 10 min 0 s\n");
    expect(command.held()).toEqual({ state: "parked", leftMs: 600_000 });
    expect((await run("vehicle", "state", "set", "none")).stdout).toBe("no command holds\n");
    expect(command.held()).toBeUndefined();
  });

  it("refuses what is no state and no time", async () => {
    const { run } = await daemon();
    for (const args of [["set", "asleep"], ["set"], ["get", "parked"], ["set", "parked", "--for", "0"]]) {
      await expect(run("vehicle", "state", ...args)).rejects.toThrow(/vehicle state|Give whole seconds/);
    }
  });

  it("lists trips, newest first, and says when there is none", async () => {
    const { run } = await daemon();
    const { stdout } = await run("vehicle", "trips");
    expect(stdout.split("\n").map((line) => line.trimEnd().split(/ {2,}/))).toEqual([
      ["trip", "began", "took", "km"],
      ["41", "2026-01-01T00:00:00Z", "1 h 0 min", "12.5"],
      ["40", "2026-01-01T00:00:00Z", "1 h 0 min", "?", "interrupted: nobody saw its end"],
      [""],
    ]);
    const asJson = await run("--json", "vehicle", "trips");
    expect(JSON.parse(asJson.stdout.split("\n")[0] ?? "")).toMatchObject({ trip: 41, distanceKm: 12.5 });
    expect((await (await daemon([])).run("vehicle", "trips")).exitCode).toBe(2);
  });
});

describe("the vehicle in the status", () => {
  it("is a line of the page, and a check of the doctor", () => {
    expect(vehicleLines({ vehicle: DRIVING }, PLAIN)).toEqual([
      "vehicle    driving for 12 min 5 s, trip 42",
      "           ignition on: its signals say so",
    ]);
    const parked = { ...DRIVING, state: "asleep-soon", trip: undefined, unkept: { waiting: 2, dropped: 1 } } as const;
    expect(vehicleLines({ vehicle: parked }, PLAIN).at(-1)).toContain("3 changes are not in the journal");
    expect(vehicleChecks({ vehicle: parked })).toMatchObject([{ verdict: "warn" }]);
    expect(vehicleChecks({ vehicle: DRIVING })).toMatchObject([{ verdict: "pass", check: "vehicle" }]);
    expect([vehicleLines({}, PLAIN), vehicleChecks({})]).toEqual([[], []]);
  });
});
