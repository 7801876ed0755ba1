import { describe, expect, it } from "vitest";
import type { CliContext, TextSink } from "../../../../agent/cli/context.ts";
import { readValues } from "../../../../agent/cli/diagnostics/obd-read.ts";
import { showReadiness } from "../../../../agent/cli/diagnostics/obd-readiness.ts";
import { showScan } from "../../../../agent/cli/diagnostics/obd-scan.ts";
import { meetEcus, type ObdSession } from "../../../../agent/cli/diagnostics/obd-session.ts";
import { showVehicle } from "../../../../agent/cli/diagnostics/obd-vehicle.ts";
import { EXIT } from "../../../../agent/core/errors.ts";
import { BENCH_VIN, type EcusSettings } from "../../../bench/vehicle/ecus/vehicle-ecus.ts";
import { VehicleRig } from "../../../fakes/diagnostics/obd-rig.ts";
import { FakeTesterBus } from "../../../fakes/diagnostics/tester-bus.ts";

type Shown = { stdout: string; stderr: string; exitCode: number | undefined };

/** What a verb shows of the bench's control units; `--json` when asked. */
async function shownOf(
  show: (context: CliContext, session: ObdSession) => Promise<void>,
  { json = false, ecu, ...settings }: EcusSettings & { readonly json?: boolean; readonly ecu?: string } = {},
  prepare: (rig: VehicleRig) => void = () => undefined,
): Promise<Shown> {
  const rig = new VehicleRig({ obdIds: 11, isParked: true, ...settings });
  prepare(rig);
  const shown: Shown = { stdout: "", stderr: "", exitCode: undefined };
  const context = contextOf(shown, json, rig.clock);
  const run = async (): Promise<void> => {
    const options = { addressing: "auto", configured: [], ...(ecu === undefined ? {} : { ecu }) } as const;
    await show(context, await meetEcus(rig.tester, options, context.signal));
  };
  await Promise.all([run(), rig.clock.run(60_000)]);
  return shown;
}

function contextOf(shown: Shown, json: boolean, clock: CliContext["clock"]): CliContext {
  const sink = (stream: "stdout" | "stderr"): TextSink => ({
    write: (text) => {
      shown[stream] += text;
    },
    isTerminal: false,
    columns: () => 80,
    rows: () => 24,
  });
  return {
    version: "0.0.0",
    terminal: { stdout: sink("stdout"), stderr: sink("stderr"), stdin: (async function* () {})() },
    clock,
    signal: new AbortController().signal,
    environment: {},
    options: () => ({
      config: "",
      json,
      quiet: false,
      color: false,
      input: false,
      timeoutMs: 30_000,
      verbose: false,
    }),
    finish: (code) => {
      shown.exitCode = code;
    },
  };
}

const EVERY: readonly string[] = [];
const LIVE = { freeze: false, tests: false, pids: EVERY };

describe("causeway obd", () => {
  it("scans: who answers, and what each has", async () => {
    const { stdout, exitCode } = await shownOf(showScan);
    expect(stdout).toMatch(/^ECU +REQUEST +RESPONSE +PIDS +VEHICLE INFO +SEVERAL\n/);
    expect(stdout).toMatch(/\nengine +0x7e0 +0x7e8 +\d+ +0x02 0x04 0x06 0x08 0x0a +yes\n/);
    expect(stdout).toMatch(/\ntransmission +0x7e1 +0x7e9 +\d+ +\S.* +no\n/);
    expect(stdout).toContain("  0x0c  engine_speed\n");
    expect(exitCode).toBeUndefined();
    const json: unknown = JSON.parse((await shownOf(showScan, { json: true, obdIds: 29 })).stdout);
    expect(json).toMatchObject({
      schemaVersion: 1,
      bus: "can0",
      ecus: [
        { name: "engine", request: "0x18da10f1", response: "0x18daf110", takesSeveral: true },
        { name: "transmission" },
      ],
    });
  });

  it("reads live data by name and number, of all or of one", async () => {
    const named = { ...LIVE, pids: ["engine_speed", "0x0d"] };
    const { stdout } = await shownOf((context, session) => readValues(context, session, named));
    expect(stdout).toMatch(/\nengine +0x0c +engine_speed +780 +rpm\n/);
    expect(stdout).toMatch(/\ntransmission +0x0d +vehicle_speed +0 +km\/h\n/);
    const all = await shownOf((context, session) => readValues(context, session, LIVE), { ecu: "0x7e9" });
    expect(all.stdout).not.toContain("engine ");
    expect(all.stdout).toMatch(/control_module_voltage +14\.05 +V\n/);
  });

  it("reads the freeze frame of a code, and says where there is none", async () => {
    const frozen = { ...LIVE, freeze: true };
    const none = await shownOf((context, session) => readValues(context, session, frozen));
    expect(none.exitCode).toBe(EXIT.nothingToDo);
    expect(none.stderr).toBe("no freeze frame is stored\n");
    const { stdout } = await shownOf(
      (context, session) => readValues(context, session, frozen),
      {},
      ({ ecus }) => ecus.engine?.memory.set(0x0301, "confirmed"),
    );
    expect(stdout).toContain("freeze_frame_code");
    expect(stdout).toContain("engine_speed");
  });

  it("reads results of tests, with their limits", async () => {
    const { stdout } = await shownOf((context, session) => readValues(context, session, { ...LIVE, tests: true }));
    expect(stdout).toMatch(/engine +0x01 +test_05 +85 +ms +0\.\.200 +passed/);
  });

  it("shows VIN, name and calibrations", async () => {
    const { stdout } = await shownOf(showVehicle);
    expect(stdout).toMatch(new RegExp(`engine +VIN +${BENCH_VIN}\n`));
    expect(stdout).toMatch(/engine +verification number +[0-9A-F]{8}\n/);
    expect(stdout).toContain("ignition_cycles");
  });

  it("shows readiness, and ends with 2 where a monitor is not complete", async () => {
    const { stdout, exitCode } = await shownOf(showReadiness, {}, ({ ecus }) =>
      ecus.engine?.memory.set(0x0301, "confirmed"),
    );
    expect(stdout).toContain("engine: malfunction lamp on, 1 confirmed trouble codes, spark ignition");
    expect([undefined, EXIT.nothingToDo]).toContain(exitCode);
    const json: unknown = JSON.parse((await shownOf(showReadiness, { json: true })).stdout);
    expect(json).toMatchObject({ schemaVersion: 1, ecus: [{ ecu: "engine", mil: false, codes: 0 }, {}] });
  });
});

describe("the ECUs that a verb of causeway obd means", () => {
  const signal = new AbortController().signal;
  const options = { addressing: "11-bit", configured: [] } as const;

  it("are none where nobody answers, where nothing may be sent, or where no ECU has the name", async () => {
    const tester = new FakeTesterBus();
    await expect(meetEcus(tester, options, signal)).rejects.toMatchObject({
      code: "ecu.silent",
      message: "no ECU answered OBD-II on can0",
    });
    tester.answerAll(0x7df, "01 00", [{ rxId: 0x7e8, pdu: "41 00 be1fa813" }]);
    await expect(meetEcus(tester, { ...options, ecu: "motor" }, signal)).rejects.toMatchObject({
      code: "usage.invalid",
      remedy: "name one of engine (0x7e8)",
    });
    tester.withheld = { kind: "withheld", reason: "other-tester", what: "another tester was seen 3 s ago" };
    await expect(meetEcus(tester, options, signal)).rejects.toMatchObject({
      code: "ecu.withheld",
      message: "nothing was sent: another tester was seen 3 s ago",
    });
  });

  it("have the names of the configuration", async () => {
    const tester = new FakeTesterBus();
    tester.answerAll(0x7df, "01 00", [{ rxId: 0x7e8, pdu: "41 00 be1fa813" }]);
    const configured = [
      { name: "motor", response: 0x7e8, extended: false },
      { name: "gearbox", response: 0x7e9, extended: false },
    ];
    const { clients } = await meetEcus(tester, { ...options, configured }, signal);
    expect(clients.map(({ ecu }) => ecu.name)).toEqual(["motor"]);
  });
});
