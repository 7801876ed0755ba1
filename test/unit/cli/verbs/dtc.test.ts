import { describe, expect, it } from "vitest";
import { CodeReaders } from "../../../../agent/diagnostics/codes/code-readers.ts";
import { codesHandlers } from "../../../../agent/local-api/codes-handlers.ts";
import { servedOn } from "../../../../agent/local-api/verb.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { bytesOf, runCli } from "../../../fakes/daemon/cli-runner.ts";
import { serveView } from "../../../fakes/daemon/view-socket.ts";
import { CodeVehicle } from "../../../fakes/diagnostics/code-vehicle.ts";

const ENGINE = { bus: "can0", ecu: "engine", protocol: "obd" } as const;
const BODY = { bus: "can1", ecu: "body", protocol: "uds" } as const;
const TRUCK = { bus: "can2", ecu: "sa_0", protocol: "j1939" } as const;
const freeze = [
  { name: "engine_speed", value: 726.25, unit: "rpm" },
  { name: "engine_load", value: (46 * 100) / 255, unit: "%" },
  { name: "DID 0xF1A0", value: "00FF" },
];
const P0301 = { code: "P0301", raw: 0x0301, text: "Cylinder 1 misfire", freeze };
const U0100 = { code: "U0100-00", raw: 0xc100_00, status: 0x8c, occurrences: 4 };

/** A daemon that knows some codes: of an engine that can be asked and cleared, and of a truck that tells by itself. */
async function daemon() {
  const vehicle = new CodeVehicle({ appearSeconds: 0 });
  const { tracker } = vehicle;
  vehicle.odometerKm = 1234.56;
  vehicle.read(ENGINE, "confirmed", [P0301]);
  vehicle.read(TRUCK, "active", [{ code: "SPN 100 FMI 1", raw: 1 }]);
  const readers = new CodeReaders();
  const acts: string[] = [];
  readers.add({
    origin: ENGINE,
    read: async () => {
      acts.push("read engine");
      vehicle.read(ENGINE, "confirmed", []);
      return undefined;
    },
    clear: async () => {
      acts.push("clear engine");
      return undefined;
    },
  });
  readers.add({
    origin: BODY,
    read: async () => {
      acts.push("read body");
      vehicle.read(BODY, "by-status", [U0100]);
      return undefined;
    },
    clear: async () => "did not answer within 1000 ms",
  });
  const mayClear = (bus: string): boolean => bus !== "can2";
  const handlers = codesHandlers({ tracker, readers, mayClear, log: new MemoryLog() });
  const config = await serveView(servedOn("admin", handlers), "admin");
  const run = (...args: readonly string[]) => runCli(["dtc", ...args, "--config", config]);
  return { vehicle, acts, config, run };
}

describe("causeway dtc list", () => {
  it("prints the active codes of all control units", async () => {
    const { run, vehicle, acts } = await daemon();
    vehicle.read(BODY, "by-status", [U0100]);
    const { stdout, exitCode } = await run("list");
    const lines = stdout.split("\n");
    expect(lines[0]?.trimEnd()).toMatch(/^ecu +code +state +count +since +last seen +odometer +meaning$/);
    expect(lines.map((line) => line.split(" ", 1)[0])).toEqual(["ecu", "can0/engine", "can2/sa_0", "can1/body", ""]);
    expect(lines[3]?.trimEnd()).toMatch(/^can1\/body +U0100-00 +confirmed 0x8c +4 .* 1234\.6 km$/);
    expect(stdout).toMatch(/^can0\/engine +P0301 +confirmed +1 .* 1234\.6 km +Cylinder 1 misfire$/m);
    expect([exitCode, acts]).toEqual([0, []]);
  });

  it("prints one object with --json, of the control units that are named", async () => {
    const { run } = await daemon();
    const answer: unknown = JSON.parse((await run("list", "engine", "--json")).stdout);
    expect(answer).toMatchObject({
      schemaVersion: 1,
      codes: [{ ecu: "engine", code: "P0301", freeze }],
      ecus: ["engine", "body", "sa_0"],
    });
  });

  it("asks the control units first with --fresh, and has healed codes with --all", async () => {
    const { run, acts } = await daemon();
    const { stdout } = await run("list", "engine", "body", "--fresh");
    expect(acts).toEqual(["read engine", "read body"]);
    expect(stdout).not.toContain("P0301");
    expect(stdout).toContain("U0100-00");
    expect((await run("list", "--all")).stdout).toMatch(/P0301 +healed/);
  });

  it("ends with 2 where there is no code, and with 64 for a control unit that is not known", async () => {
    const { run } = await daemon();
    const none = await run("list", "body");
    expect([none.stdout, none.stderr, none.exitCode]).toEqual(["", "no code of 3 control units\n", 2]);
    await expect(run("list", "brakes")).rejects.toThrow("known are: engine, body, sa_0");
    await expect(run("list", "sa_0", "--fresh")).rejects.toMatchObject({ code: "usage.invalid" });
  });
});

describe("causeway dtc freeze", () => {
  it("prints the freeze data of a code, healed or not", async () => {
    const { run, vehicle } = await daemon();
    vehicle.read(ENGINE, "confirmed", []);
    const { stdout, exitCode } = await run("freeze", "p0301");
    expect(stdout).toBe(
      "P0301 of can0/engine\n  name          value    unit\n  engine_speed  726.25   rpm\n  engine_load   18.0392  %\n  DID 0xF1A0    00FF     \n".replace(
        "     \n",
        "\n",
      ),
    );
    expect(exitCode).toBe(0);
  });

  it("ends with 2 where there are none", async () => {
    const { run } = await daemon();
    const { stderr, exitCode } = await run("freeze", "SPN 100 FMI 1");
    expect([stderr, exitCode]).toEqual(["no freeze data of SPN 100 FMI 1 were read\n", 2]);
  });
});

describe("causeway dtc clear", () => {
  it("asks, and does nothing without a yes", async () => {
    const { config, acts } = await daemon();
    const args = ["dtc", "clear", "engine", "--config", config];
    const { stderr, exitCode } = await runCli(args, { stdin: bytesOf("\n") });
    expect(stderr).toBe("Clear the codes of engine, with freeze data and readiness? [y/N] nothing was cleared\n");
    expect([exitCode, acts]).toEqual([2, []]);
  });

  it("clears, and what is gone then was cleared by the agent", async () => {
    const { run, vehicle, acts } = await daemon();
    vehicle.clock.advance(1000);
    const { stdout, exitCode } = await run("clear", "engine", "--yes");
    expect([stdout, exitCode, acts]).toEqual(["engine cleared\n", 0, ["clear engine"]]);
    vehicle.clock.advance(1000);
    expect(vehicle.read(ENGINE, "confirmed", [])).toMatchObject([{ event: "cleared", cleared: { by: "agent" } }]);
  });

  it("ends with 69 where a control unit does not answer", async () => {
    const { run } = await daemon();
    const { stdout, stderr, exitCode } = await run("clear", "--yes");
    expect([stdout, exitCode]).toEqual(["engine cleared\n", 69]);
    expect(stderr).toContain("body was not cleared: it did not answer within 1000 ms");
  });
});
