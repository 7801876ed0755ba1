import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { runCli } from "../../fakes/daemon/cli-runner.ts";

/** Debian's python3-can; another Python may come first in PATH. */
const PYTHON = "/usr/bin/python3";
const isInstalled = spawnSync(PYTHON, ["-c", "import can"]).status === 0;

/** Prints each frame of a log as JSON, in a form that does not depend on either program's notation. */
const READ = `
import can, json, sys
for m in can.LogReader(sys.argv[1]):
    print(json.dumps([round(m.timestamp * 1e6), m.channel, m.arbitration_id, m.is_extended_id, m.is_remote_frame,
        m.is_error_frame, m.is_fd, m.bitrate_switch, m.error_state_indicator, m.is_rx, m.dlc, m.data.hex()]))
`;
/** Makes of a log one of another format, by python-can alone. */
const CONVERT = `
import can, sys
with can.Logger(sys.argv[2]) as out:
    for m in can.LogReader(sys.argv[1]):
        m.channel = int(m.channel[3:]) if isinstance(m.channel, str) else m.channel
        out(m)
`;

/** Two channels; every kind of frame, both directions, whole milliseconds, which python-can rounds some starts to. */
const LOG = `(1735270496.917000) can0 110#00112233 R
(1735270496.918000) can1 18FEF100#0001020304050607 T
(1735270497.917000) can0 120##5000102030405060708090A0B R
(1735270498.417000) can0 1ABCDEF0##6${"A5".repeat(64)} T
(1735270498.917000) can0 104#R R
(1735270499.167000) can1 20000080#0000000000000000 R
(1735270499.917000) can0 7FF# R
`;
const NUMBERED = LOG.trimEnd().split("\n");

const frameSchema = z.array(z.union([z.number(), z.string(), z.boolean(), z.null()]));
type Frame = readonly (number | string | boolean | null)[];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "causeway-formats-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function python(script: string, ...args: readonly string[]): string {
  return execFileSync(PYTHON, ["-c", script, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

function framesIn(file: string): readonly Frame[] {
  const lines = python(READ, file).trimEnd().split("\n");
  return lines.map((line) => frameSchema.parse(JSON.parse(line)));
}

/**
 * Without the time of the start, which python-can 4.1 leaves out for ASC and TRC, or takes for local time. Of an error frame only that it
 * was there: its channel and data python-can leaves away in candump logs and ASC.
 */
function comparable(frames: readonly Frame[]): readonly Frame[] {
  return frames.map(([time, channel, ...rest]) => {
    const sinceStart = Number(time) - Number(frames[0][0]);
    if (rest[3] === true) return [sinceStart, "error"];
    return [sinceStart, typeof channel === "string" ? Number(channel.slice(3)) : channel, ...rest];
  });
}

async function converted(from: string, to: string): Promise<readonly string[]> {
  const { stderr, exitCode } = await runCli(["can", "convert", from, to]);
  expect(stderr).toMatch(/^\d+ frames? in .*\n$/);
  expect(exitCode).toBe(0);
  return to.endsWith(".log") ? readFileSync(to, "utf8").trimEnd().split("\n") : [];
}

describe.skipIf(!isInstalled)("logs, with python-can (skipped without python3-can)", () => {
  it.each(["log", "asc", "blf"])("python-can reads every frame of what is written as .%s", async (ending) => {
    const [ours, log] = [join(folder, `ours.${ending}`), join(folder, "drive.log")];
    writeFileSync(log, LOG);
    await converted(log, ours);
    const wanted = comparable(framesIn(log));
    expect(wanted).toHaveLength(NUMBERED.length);
    expect(comparable(framesIn(ours))).toEqual(wanted);
  });

  it("python-can reads the data frames of TRC, which are all that it knows of version 2.1", async () => {
    const [ours, log] = [join(folder, "ours.trc"), join(folder, "drive.log")];
    writeFileSync(log, LOG);
    await converted(log, ours);
    const data = framesIn(ours).map(([, channel, id, isExtended, , , , , , isRx, dlc, bytes]) => [
      channel,
      id,
      isExtended,
      isRx,
      dlc,
      bytes,
    ]);
    expect(data).toEqual([
      [1, 0x110, false, true, 4, "00112233"],
      [2, 0x18fe_f100, true, false, 8, "0001020304050607"],
      [1, 0x7ff, false, true, 0, ""],
    ]);
  });

  it.each(["log", "blf", "asc"])("every frame is read of what it writes as .%s", async (ending) => {
    const [theirs, log, back] = ["theirs", "drive", "back"].map((name) =>
      join(folder, `${name}.${name === "theirs" ? ending : "log"}`),
    );
    writeFileSync(log, LOG);
    python(CONVERT, log, theirs);
    const lines = await converted(theirs, back);
    const bodies = (all: readonly string[]): readonly string[] =>
      all.map((line) =>
        line
          .replace(/^\(\d+\.\d+\) /, "")
          .replace(/ R$/, "")
          .replace(/^.*20000080#.*$/, "error"),
      );
    expect(bodies(lines)).toEqual(bodies(NUMBERED));
    const timesUs = (all: readonly string[]): readonly number[] =>
      all.map((line) => Math.round(Number(line.slice(1, 18)) * 1e6));
    const sinceStart = (all: readonly string[]): readonly number[] => timesUs(all).map((us) => us - timesUs(all)[0]);
    expect(sinceStart(lines)).toEqual(sinceStart(NUMBERED));
  });

  it("every frame that it writes as .trc is read: classic data frames", async () => {
    const [theirs, log, back] = [join(folder, "theirs.trc"), join(folder, "drive.log"), join(folder, "back.log")];
    writeFileSync(log, LOG);
    python(CONVERT, log, theirs);
    const lines = await converted(theirs, back);
    expect(lines.map((line) => line.replace(/^\(\d+\.\d+\) /, ""))).toEqual([
      "can0 110#00112233",
      "can1 18FEF100#0001020304050607 T",
      "can0 7FF#",
    ]);
  });
});
