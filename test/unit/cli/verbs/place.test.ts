import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { placeLines } from "../../../../agent/cli/status-lines/place.ts";
import { placeHandlers } from "../../../../agent/local-api/place-handlers.ts";
import type { PlaceStatus } from "../../../../agent/local-api/place-status.ts";
import { servedOn } from "../../../../agent/local-api/verb.ts";
import { placeChecks } from "../../../../agent/support/place-checks.ts";
import type { TimedFix } from "../../../../agent/vehicle/place/whereabouts.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { serveView } from "../../../fakes/daemon/view-socket.ts";
import { fixOf } from "../../../fakes/place/position-sink.ts";

const GPSD = {
  name: "gpsd",
  state: "up",
  what: "gpsd 3.22",
  remedy: "",
  isChosen: true,
  fixes: 9,
  malformed: 0,
} as const;
const DOWN = {
  ...GPSD,
  state: "down",
  what: "127.0.0.1:2947: ECONNREFUSED",
  remedy: "start it",
  isChosen: false,
} as const;
const FIX = { mode: "3d", source: "gpsd", satellites: 8, accuracyM: 2.4, ageMs: 1000 } as const;
const WELL: PlaceStatus = { fix: FIX, lastFixMs: 1000, isShared: true, precisionMetres: 0, sources: [GPSD] };
const NONE: PlaceStatus = { ...WELL, fix: undefined, lastFixMs: 180_000 };

const lines = (place: PlaceStatus | undefined): readonly string[] => placeLines({ place }, pico.createColors(false));
const checks = (place: PlaceStatus | undefined, uptimeMs = 600_000): readonly string[] =>
  placeChecks({ place, uptimeMs }).map(({ verdict, what, remedy = "" }) => `${verdict} ${what} | ${remedy}`);

describe("the status of positions", () => {
  it("says how good the fix is, and not where", () => {
    expect(lines(undefined)).toEqual([]);
    expect(lines(WELL)).toEqual(["place      3-D fix by gpsd, 8 satellites, 3 m, 1 s ago"]);
    expect(lines({ ...WELL, precisionMetres: 1000 })[0]).toMatch(/1 s ago, told to 1\s000 m/);
    expect(lines({ ...WELL, isShared: false })[0]).toContain("stays in the vehicle");
    expect(lines({ ...NONE, sources: [DOWN, { ...GPSD, name: "nmea" }] })).toEqual([
      "place      no fix for 3 min 0 s",
      "           gpsd: 127.0.0.1:2947: ECONNREFUSED",
    ]);
    expect(lines({ ...NONE, lastFixMs: undefined })).toEqual(["place      no fix since the start"]);
  });

  it("is what doctor judges, with a remedy", () => {
    expect(checks(undefined)).toEqual([]);
    expect(checks(WELL)).toEqual(["pass 3-D fix by gpsd | "]);
    expect(checks({ ...WELL, isShared: false })[0]).toContain("positions stay in the vehicle");
    expect(checks({ ...NONE, sources: [DOWN] })).toEqual(["warn gpsd: 127.0.0.1:2947: ECONNREFUSED | start it"]);
    expect(checks(NONE)).toEqual([
      "warn no fix for 3 min 0 s | is the antenna connected, and under the open sky? see: causeway place show",
    ]);
    expect(checks({ ...NONE, lastFixMs: undefined }, 1000)).toEqual(["pass no fix yet | "]);
    expect(checks({ ...WELL, sources: [DOWN, { ...GPSD, name: "nmea" }] })).toEqual([
      "warn gpsd: 127.0.0.1:2947: ECONNREFUSED | start it",
      "pass 3-D fix by gpsd | ",
    ]);
  });
});

describe("causeway place show", () => {
  async function shown(told: TimedFix | undefined, ...more: readonly string[]) {
    const verbs = placeHandlers({ told: () => told }, () => WELL);
    const config = await serveView(servedOn("admin", verbs), "admin");
    return await runCli(["place", "show", "--config", config, ...more]);
  }

  it("shows the position and its sources, and ends with 2 where there is none", async () => {
    const fix = fixOf({ altitudeM: 489.25, speedMps: 10, courseDeg: 271.4 });
    const timed = { fix, timeUs: Date.UTC(2026, 0, 1) * 1000, atMs: 0 };
    const { stdout, exitCode } = await shown(timed);
    expect(stdout).toBe(
      "position   48.368700 10.898600, 489.3 m, 36.0 km/h, 271°, 2026-01-01T00:00:00.000Z\nplace      3-D fix by gpsd, 8 satellites, 3 m, 1 s ago\n",
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse((await shown(timed, "--json")).stdout)).toMatchObject({
      schemaVersion: 1,
      position: { latitude: 48.3687, speedKph: 36 },
      place: { isShared: true },
    });
    expect(await shown(undefined)).toMatchObject({ exitCode: 2 });
  });
});
