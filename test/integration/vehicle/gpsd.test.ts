import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { GpsdSource } from "../../../agent/vehicle/place/gpsd-source.ts";
import { lineSocket } from "../../../drivers/gnss/line-socket.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { type Child, startChild } from "../../bench/core/child.ts";
import { freePorts } from "../../bench/core/ports.ts";
import { until } from "../../bench/core/wait.ts";
import { sentencesOf, trackOf } from "../../bench/vehicle/nmea-track.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { RecordingPositions, rounded } from "../../fakes/place/position-sink.ts";
import { isInstalled, tcpReceiver } from "./receiver.ts";

const hasGpsd = isInstalled("gpsd");
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const patiently = (what: string) => ({ what, timeoutMs: 30_000, everyMs: 20 });

/** gpsd as Debian has it, on the loopback interface, with a receiver behind TCP. */
async function startGpsd(port: number, receiverPort: number): Promise<Child> {
  const gpsd = await startChild({
    command: "gpsd",
    args: ["-N", "-n", "-b", "-S", `${port}`, `tcp://127.0.0.1:${receiverPort}`],
    environment: { PATH: `${process.env.PATH}:/usr/sbin` },
    logFile: join(temporaryFolder(), "gpsd.log"),
  });
  closers.push(() => gpsd.stop());
  return gpsd;
}

describe.skipIf(!hasGpsd)(`a real gpsd${hasGpsd ? "" : " (gpsd is not installed)"}`, () => {
  it("gives the track that its receiver told, hangs, ends and comes again", async () => {
    const port = await freePorts(1);
    const receiver = await tcpReceiver();
    closers.push(() => receiver.stop());
    const gpsd = await startGpsd(port, receiver.port);
    const clock = new ManualClock();
    const real = systemClock();
    const link = lineSocket({ host: "127.0.0.1", port }, { maxLineBytes: 16_384, clock: real, random: () => 0 });
    const source = new GpsdSource({ link, device: undefined, quietMs: 5000, clock });
    const sink = new RecordingPositions();
    source.start(sink);
    closers.push(() => source.stop());
    await until(() => (receiver.listeners() > 0 && sink.said.length > 0 ? true : undefined), patiently("gpsd"));

    const track = trackOf({ points: 400, stepMs: 100, startMs: Date.UTC(2026, 5, 1, 23, 59, 50) });
    const playing = real.every(20, () => {
      const point = track[told];
      if (point !== undefined) receiver.say(sentencesOf(point));
      told += 1;
    });
    let told = 0;
    closers.push(async () => playing());
    const timed = (): typeof sink.fixes => sink.fixes.filter(({ timeUs }) => timeUs !== undefined);
    await until(() => (timed().length >= 20 ? true : undefined), patiently("fixes"));
    for (const fix of timed()) {
      const point = track.find(({ timeMs }) => timeMs * 1000 === fix.timeUs);
      expect(fix.latitude).toBeCloseTo(point?.latitude ?? 999, 7);
      expect(fix.longitude).toBeCloseTo(point?.longitude ?? 999, 7);
    }
    const whole = timed().find(({ accuracyM }) => accuracyM !== undefined);
    expect(rounded(whole, 2)).toMatchObject({ mode: "3d", speedMps: 13.9 });
    expect(source.counters().malformed).toBe(0);

    // It answers while its receiver is silent.
    playing();
    clock.advance(5000);
    clock.advance(4000);
    const before = sink.said.length;
    expect(sink.said.at(-1)).not.toContain("down");

    gpsd.signal("SIGSTOP");
    clock.advance(10_000);
    await until(() => sink.said.slice(before).find((one) => one.includes("does not answer")), patiently("the hang"));
    gpsd.signal("SIGCONT");
    await until(() => (sink.said.at(-1)?.startsWith("up") === true ? true : undefined), patiently("gpsd again"));
    await gpsd.stop();
    await until(() => sink.said.find((one) => one.includes("ECONNREFUSED")), patiently("no gpsd"));
    await startGpsd(port, receiver.port);
    await until(() => (sink.said.at(-1)?.startsWith("up") === true ? true : undefined), patiently("another gpsd"));
  });
});

const hasGpsfake = hasGpsd && isInstalled("gpsfake");

describe.skipIf(!hasGpsfake)(`gpsfake${hasGpsfake ? "" : " (gpsd-clients is not installed)"}`, () => {
  it("plays a recorded track to gpsd as a receiver on a serial port, and the fixes are those of the track", async () => {
    const port = await freePorts(1);
    const folder = temporaryFolder();
    const file = join(folder, "track.nmea");
    const track = trackOf({ points: 80, stepMs: 1000, startMs: Date.UTC(2026, 5, 1, 23, 59, 50) });
    writeFileSync(file, track.map(sentencesOf).join(""));
    const clock = systemClock();
    const link = lineSocket({ host: "127.0.0.1", port }, { maxLineBytes: 16_384, clock, random: () => 0 });
    const source = new GpsdSource({ link, device: undefined, quietMs: 5000, clock });
    const sink = new RecordingPositions();
    source.start(sink);
    closers.push(() => source.stop());
    const played = await startChild({
      command: "gpsfake",
      args: ["-q", "-1", "-c", "0.05", "-P", `${port}`, file],
      environment: { PATH: `${process.env.PATH}:/usr/sbin` },
      logFile: join(folder, "gpsfake.log"),
    });
    closers.push(() => played.stop());
    const timed = () =>
      new Map(sink.fixes.flatMap((fix) => (fix.timeUs === undefined ? [] : [[fix.timeUs, fix] as const])));
    const found = await until(() => (timed().size > 10 ? timed() : undefined), patiently("fixes"));
    // With it end its gpsd and its pseudo terminal.
    await played.stop();
    await until(() => sink.said.find((one) => one.startsWith("down") && one.includes("closed")), patiently("the end"));
    for (const { timeMs, latitude, longitude } of track) {
      const fix = found.get(timeMs * 1000);
      if (fix === undefined) continue;
      expect(fix.latitude).toBeCloseTo(latitude, 7);
      expect(fix.longitude).toBeCloseTo(longitude, 7);
    }
  });
});
