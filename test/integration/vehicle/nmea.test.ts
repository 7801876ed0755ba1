import { spawnSync } from "node:child_process";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { readNmea } from "../../../agent/vehicle/place/nmea.ts";
import { NmeaFixes } from "../../../agent/vehicle/place/nmea-fixes.ts";
import { NmeaSource } from "../../../agent/vehicle/place/nmea-source.ts";
import { serialLines } from "../../../drivers/gnss/serial-lines.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { until } from "../../bench/core/wait.ts";
import { sentencesOf, trackOf } from "../../bench/vehicle/nmea-track.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { RecordingPositions, rounded } from "../../fakes/place/position-sink.ts";
import { isInstalled, serialReceiver } from "./receiver.ts";

const SEED = 17;
const decodedTpv = z.object({
  time: z.string(),
  lat: z.number(),
  lon: z.number(),
  altMSL: z.number(),
  altHAE: z.number(),
  speed: z.number(),
  track: z.number(),
});
const hasDecoder = isInstalled("gpsdecode");
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Evenly over a range: numbers of fast-check are mostly small. */
const ticks = (min: number, max: number) =>
  fc.noBias(fc.integer({ min: min * 1e5, max: max * 1e5 })).map((tick) => tick / 1e5);
const patiently = (what: string) => ({ what, timeoutMs: 30_000, everyMs: 10 });

describe.skipIf(!hasDecoder)(
  `NMEA 0183 beside gpsdecode${hasDecoder ? "" : " (gpsd-clients is not installed)"}`,
  () => {
    it(`has the positions, speeds and times that gpsd has (seed ${SEED})`, () => {
      const moments = fc.sample(
        fc.record({
          latitude: ticks(-89.9, 89.9),
          longitude: ticks(-179.9, 179.9),
          altitudeM: ticks(-400, 8000),
          speedMps: ticks(0.1, 80),
          courseDeg: ticks(0, 359.9),
        }),
        { seed: SEED, numRuns: 300 },
      );
      const startMs = Date.UTC(2026, 1, 27, 23, 58);
      const text = moments.map((moment, at) => sentencesOf({ ...moment, timeMs: startMs + at * 1000 })).join("");
      const decoded = spawnSync("gpsdecode", { input: text, encoding: "utf8" }).stdout.trim().split("\n");
      const theirs = new Map(
        decoded
          .map((line) => decodedTpv.parse(JSON.parse(line)))
          .map((report) => [Date.parse(report.time) * 1000, report]),
      );
      const fixes = new NmeaFixes();
      const ours = text.split("\r\n").flatMap((line) => {
        const read = readNmea(line);
        const fix = typeof read === "string" ? undefined : fixes.take(read, 0);
        return fix === undefined || fix === "no-fix" ? [] : [fix];
      });
      const whole = new Map(ours.map((fix) => [fix.timeUs, fix]));
      let compared = 0;
      for (const [timeUs, fix] of whole) {
        const report = theirs.get(timeUs ?? 0);
        if (report === undefined) continue;
        compared += 1;
        expect(fix.latitude).toBeCloseTo(report.lat, 7);
        expect(fix.longitude).toBeCloseTo(report.lon, 7);
        expect(fix.altitudeM).toBeCloseTo(report.altMSL, 3);
        expect(fix.heightM).toBeCloseTo(report.altHAE, 3);
        expect(fix.speedMps).toBeCloseTo(report.speed, 2);
        expect(fix.courseDeg).toBeCloseTo(report.track, 2);
      }
      expect(whole.size).toBe(300);
      expect(compared).toBeGreaterThan(290);
    });
  },
);

describe("a receiver on a serial port", () => {
  it("is read at its speed, unplugged, and found again", async () => {
    const folder = temporaryFolder();
    const receiver = await serialReceiver(join(folder, "pty.log"));
    const clock = systemClock();
    const link = serialLines({ device: receiver.device, baud: 115_200 }, { maxLineBytes: 256, clock, random: () => 0 });
    const source = new NmeaSource({ link, clock });
    const sink = new RecordingPositions();
    source.start(sink);
    closers.push(() => source.stop());
    const [point] = trackOf({ points: 1, stepMs: 1000, startMs: Date.UTC(2026, 0, 1) });
    const end = clock.every(50, () => receiver.say(sentencesOf(point)));
    closers.push(async () => end());
    await until(() => sink.fixes[0], patiently("a fix"));
    expect(rounded(sink.fixes[0])).toMatchObject({ latitude: 48.3687, longitude: 10.8986 });
    expect(source.counters().malformed).toBe(0);
    const speed = spawnSync("stty", ["-F", receiver.device, "-a"], { encoding: "utf8" }).stdout;
    expect(speed).toContain("speed 115200 baud");
    expect(speed).toContain("-icanon");
    end();
    await receiver.stop();
    await until(() => sink.said.find((one) => one.startsWith("down")), patiently("the end"));
  });

  it("says what is wrong with what is no port, and stops while it waits", async () => {
    const folder = temporaryFolder();
    const clock = systemClock();
    for (const [device, why] of [
      [join(folder, "none"), "ENOENT"],
      ["/dev/null", "it is no serial port"],
    ]) {
      const source = new NmeaSource({
        link: serialLines({ device, baud: 9600 }, { maxLineBytes: 256, clock, random: () => 0 }),
        clock,
      });
      const sink = new RecordingPositions();
      source.start(sink);
      const said = await until(() => sink.said[0], patiently("a state"));
      expect(said).toContain(why);
      await source.stop();
    }
  });
});
