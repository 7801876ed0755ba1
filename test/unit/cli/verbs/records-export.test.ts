import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../../../agent/core/errors.ts";
import { FRAME_FLAG, FrameBatch } from "../../../../agent/ports/frame.ts";
import { FrameLog } from "../../../../agent/telemetry/record/encode/frames.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { encoderOf, idOf } from "../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";
import { shown } from "../../signals/log-formats/log-vectors.ts";

const T0 = 1_767_225_600_000_000;
const encoder = encoderOf(tableOf([{ name: "Engine", signals: [{ name: "Speed" }] }]), { compression: "zstd" });

/** A payload of one record with frames of a bus, each with its offset in µs and its id. */
function payload(
  folder: string,
  capture: string,
  bus: string,
  frames: readonly (readonly [us: number, id: number])[],
): string {
  const batch = new FrameBatch(frames.length);
  for (const [us, id] of frames) batch.push(id, id > 0x7ff ? FRAME_FLAG.extended : 0, Uint8Array.of(1, 2), T0 + us);
  const log = new FrameLog(capture, bus, 10_000);
  for (let at = 0; at < batch.count; at += 1) {
    const { data, id, flags, receivedAtUs } = batch.frame(at);
    log.take(data, 0, data.length, id, flags, receivedAtUs);
  }
  const path = join(folder, `${capture}-${bus}.bin`);
  writeFileSync(path, encoder.frames(log).seal(idOf(7)));
  return path;
}

describe("causeway records export", () => {
  it.each(["braking.log", "braking.asc", "braking.blf"])(
    "makes %s of the frames of all payloads, in the order of their times",
    async (name) => {
      const folder = temporaryFolder();
      const one = payload(folder, "braking", "can0", [
        [0, 0x100],
        [2000, 0x101],
      ]);
      const two = payload(folder, "braking", "body", [
        [1000, 0x18fe_f100],
        [2000, 0x102],
      ]);
      const other = payload(folder, "other", "can0", [[500, 0x7ff]]);
      const output = join(folder, name);
      const run = await runCli(["records", "export", "--capture", "braking", "-o", output, one, two, other]);
      expect(run).toEqual({ stdout: "", stderr: `4 frames of can0, body in ${output}\n`, exitCode: 0 });
      expect(await shown(readFileSync(output))).toEqual([
        "(1767225600.000000) can0 100#0102",
        "(1767225600.001000) body 18FEF100#0102",
        "(1767225600.002000) can0 101#0102",
        "(1767225600.002000) body 102#0102",
      ]);
    },
  );

  it("says which captures there are when there are no frames of the one asked for", async () => {
    const folder = temporaryFolder();
    const one = payload(folder, "braking", "can0", [[0, 0x100]]);
    const run = await runCli(["records", "export", "--capture", "none", "-o", join(folder, "out.log"), one]);
    expect(run).toMatchObject({
      exitCode: EXIT.nothingToDo,
      stderr: "no frames of none in what was given, only of braking\n",
    });
  });

  it("tells a payload that is none, and exports the others", async () => {
    const folder = temporaryFolder();
    const bad = join(folder, "bad.bin");
    writeFileSync(bad, "no payload");
    const one = payload(folder, "braking", "can0", [[0, 0x100]]);
    const run = await runCli(["records", "export", "-o", join(folder, "out.log"), bad, one]);
    expect(run.exitCode).toBe(EXIT.badInput);
    expect(run.stderr).toContain("bad.bin");
    expect(run.stderr).toContain("1 frame of can0");
  });
});
