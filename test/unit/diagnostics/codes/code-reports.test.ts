import { describe, expect, it } from "vitest";
import { CodeReports } from "../../../../agent/diagnostics/codes/code-reports.ts";
import type { CodeReport } from "../../../../agent/telemetry/record/encode/code-report.ts";
import { CodeVehicle } from "../../../fakes/diagnostics/code-vehicle.ts";

const ENGINE = { bus: "can0", ecu: "engine", protocol: "obd" } as const;
const HOUR_MS = 3_600_000;

/** An agent whose day begins at 3 o'clock UTC; the clock stands at midnight. */
function rig(lastDay?: number) {
  const vehicle = new CodeVehicle();
  const { tracker, clock } = vehicle;
  const sent: { readonly report: CodeReport; readonly day: number | undefined }[] = [];
  const send = (report: CodeReport, day: number | undefined): void => void sent.push({ report, day });
  const reports = new CodeReports({ tracker, send, lastDay, reportHour: 3, clock });
  const end = new AbortController();
  const running = reports.run(end.signal);
  return { vehicle, clock, reports, sent, stop: () => (end.abort(), running) };
}

describe("reports of trouble codes", () => {
  it("come once a day after the hour, also over a restart", async () => {
    const { vehicle, clock, sent, stop } = rig();
    vehicle.read(ENGINE, "confirmed", [{ code: "P0301", raw: 0x0301 }]);
    await clock.run(2 * HOUR_MS);
    expect(sent.map(({ report }) => [report.reason, report.codes.map(({ code }) => code)])).toEqual([
      ["day", ["P0301"]],
    ]);
    await clock.run(2 * HOUR_MS);
    expect(sent).toHaveLength(2);
    await clock.run(22 * HOUR_MS);
    await stop();
    const days = sent.map(({ day }) => day);
    expect(days).toEqual([days[0], Number(days[0]) + 1]);
    const again = rig(days[0]);
    await again.clock.run(2 * HOUR_MS);
    await again.stop();
    expect(again.sent).toEqual([]);
  });

  it("begin no day by a clock that cannot be believed, and go on after one that was wrong", async () => {
    const { clock, sent, stop } = rig(99_999);
    clock.setQuality("unsynchronised");
    await clock.run(4 * HOUR_MS);
    expect(sent).toEqual([]);
    clock.setQuality("ntp");
    await clock.run(HOUR_MS);
    await stop();
    expect(sent).toHaveLength(1);
  });

  it("wait after a start until control units have been read", async () => {
    const { clock, sent, stop } = rig();
    await clock.run(299_000);
    expect(sent).toEqual([]);
    await clock.run(1000);
    await stop();
    expect(sent).toHaveLength(1);
  });

  it("come when somebody asks, of one control unit where that is named, and are of no day", () => {
    const { vehicle, reports, sent } = rig();
    vehicle.read(ENGINE, "confirmed", [{ code: "P0301", raw: 0x0301 }]);
    vehicle.read({ ...ENGINE, ecu: "gearbox" }, "confirmed", [{ code: "P0700", raw: 0x0700 }]);
    reports.ask();
    reports.ask("gearbox");
    reports.ask("can0/engine");
    expect(sent.map(({ report: { reason, ecu, codes }, day }) => [reason, ecu, codes.length, day])).toEqual([
      ["asked", undefined, 2, undefined],
      ["asked", "gearbox", 1, undefined],
      ["asked", "can0/engine", 1, undefined],
    ]);
  });
});
