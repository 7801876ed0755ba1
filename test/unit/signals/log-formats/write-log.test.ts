import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CanFrame, FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { formatCandumpLog, formatCansend } from "../../../../agent/signals/log-formats/candump-text.ts";
import type { LogEncoder } from "../../../../agent/signals/log-formats/log-encoder.ts";
import type { LogEntry } from "../../../../agent/signals/log-formats/log-entry.ts";
import {
  createLogEncoder,
  extensionOf,
  formatOfName,
  WRITTEN_FORMATS,
} from "../../../../agent/signals/log-formats/write-log.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { entriesOf, FRAMES, PYTHON_CAN_BLF, shown } from "./log-vectors.ts";

const SEED = 20_261_130;
const START_US = 1_735_270_496_916_858;
const { extended, remote, error, fd, bitRateSwitch, errorStateIndicator } = FRAME_FLAG;

type Sent = { readonly bus: string; readonly frame: CanFrame };

const bytes = (lengths: readonly number[]): fc.Arbitrary<Uint8Array> =>
  fc.constantFrom(...lengths).chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
const CLASSIC = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;
const id = fc.oneof(
  fc.record({ id: fc.integer({ min: 0, max: 0x7ff }), length: fc.constant(0) }),
  fc.record({ id: fc.integer({ min: 0, max: 0x1fff_ffff }), length: fc.constant(extended) }),
);
const body = fc.oneof(
  bytes(CLASSIC).map((data) => ({ flags: 0, data })),
  fc.constantFrom(...CLASSIC).map((length) => ({ flags: remote, data: new Uint8Array(length) })),
  fc
    .tuple(bytes([...CLASSIC, 12, 16, 20, 24, 32, 48, 64]), fc.constantFrom(0, bitRateSwitch, errorStateIndicator))
    .map(([data, flag]) => ({ flags: fd | flag, data })),
);
const dataFrame = fc
  .tuple(id, body)
  .map(([{ id: number, length }, { flags, data }]) => ({ id: number, flags: flags | length, data }));
const errorFrame = fc
  .tuple(fc.integer({ min: 1, max: 0x1ff }), bytes([8]))
  .map(([bits, data]) => ({ id: bits, flags: error, data }));
/** In the order of their times, the first of which is the earliest; up to `stepUs` apart. */
const sent = (
  frame: fc.Arbitrary<Omit<CanFrame, "receivedAtUs">>,
  stepUs = 3_000_000,
  minLength = 1,
): fc.Arbitrary<readonly Sent[]> =>
  fc
    .array(fc.tuple(fc.constantFrom("can0", "can1", "body", "can17", "vcan0"), frame, fc.nat(stepUs)), {
      minLength,
      maxLength: 30,
    })
    .map((list) => {
      let receivedAtUs = START_US;
      return list.map(([bus, one, step]) => {
        receivedAtUs += step;
        return { bus, frame: { ...one, receivedAtUs } };
      });
    });

/** The log, taken every `every` frames, with the header written at the end. */
function written(encoder: LogEncoder, frames: readonly Sent[], every = 4): Buffer {
  const parts: Uint8Array[] = [];
  frames.forEach(({ bus, frame }, index) => {
    encoder.write(bus, frame);
    if (index % every === every - 1) parts.push(encoder.take());
  });
  parts.push(encoder.end());
  const log = Buffer.concat(parts);
  log.set(encoder.header() ?? new Uint8Array(0));
  return log;
}

const lines = (frames: readonly Sent[]): readonly string[] =>
  frames.map(({ bus, frame }) => formatCandumpLog(bus, frame));

describe("log encoders", () => {
  it.each(WRITTEN_FORMATS)(`%s is read back with each frame, bus and time (seed ${SEED})`, async (format) => {
    // ASC has no class of error frames, TRC no more than their type.
    const frame = format === "asc" || format === "trc" ? dataFrame : fc.oneof(dataFrame, errorFrame);
    await fc.assert(
      fc.asyncProperty(sent(frame), async (frames) => {
        expect(await shown(written(createLogEncoder(format), frames), 1000)).toEqual(lines(frames));
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it.each(WRITTEN_FORMATS)("%s holds whole frames after every take, and is a log without its end", async (format) => {
    const encoder = createLogEncoder(format);
    const frames = fc.sample(sent(dataFrame, 3_000_000, 20), { seed: SEED, numRuns: 1 })[0];
    const parts: Uint8Array[] = [];
    for (const [index, { bus, frame }] of frames.entries()) {
      encoder.write(bus, frame);
      parts.push(encoder.take());
      expect(encoder.waitingBytes).toBe(0);
      expect(await shown(Buffer.concat(parts))).toEqual(lines(frames.slice(0, index + 1)));
    }
  });

  it("writes the header of BLF that python-can writes for the same frames, but for who wrote it and what it took", async () => {
    // FRAMES as python-can wrote them start at the ms of the first; it does not count the object that names a channel.
    const encoder = createLogEncoder("blf");
    encoder.write("can0", { id: 0x110, flags: 0, data: Uint8Array.of(1), receivedAtUs: 1_735_270_496_000_000 });
    encoder.write("can0", { id: 0x110, flags: 0, data: Uint8Array.of(1), receivedAtUs: 1_735_270_499_917_000 });
    encoder.end();
    const header = Buffer.from(encoder.header() ?? []);
    expect(header.subarray(0, 8)).toEqual(PYTHON_CAN_BLF.subarray(0, 8));
    expect(header.subarray(12, 16)).toEqual(PYTHON_CAN_BLF.subarray(12, 16));
    expect(header.readUInt32LE(32)).toBe(2);
    const ofPython = Buffer.from(PYTHON_CAN_BLF.subarray(40, 72));
    ofPython.writeUInt16LE(0, 14);
    expect(header.subarray(40, 72)).toEqual(ofPython);
    expect(FRAMES[0]).toContain("1735270496.917");
  });

  it("fills the containers of BLF up as python-can passes over them: by what their size is past a multiple of four", () => {
    const encoder = createLogEncoder("blf");
    const frames = fc.sample(sent(dataFrame, 3_000_000, 30), { seed: SEED, numRuns: 1 })[0];
    const log = written(encoder, frames, 1);
    let at = log.readUInt32LE(4);
    let unaligned = 0;
    while (at < log.length) {
      expect(log.toString("latin1", at, at + 4)).toBe("LOBJ");
      const bytes = log.readUInt32LE(at + 8);
      if (bytes % 4 !== 0) unaligned += 1;
      at += bytes + (bytes % 4);
    }
    expect(at).toBe(log.length);
    expect(unaligned).toBeGreaterThan(0);
    expect(log.readBigUInt64LE(16)).toBe(BigInt(log.length));
  });

  it.each(WRITTEN_FORMATS)("%s keeps which frames the recorder sent", async (format) => {
    const encoder = createLogEncoder(format);
    const kinds = [0, extended, remote, fd | bitRateSwitch];
    kinds.forEach((flags, index) => {
      const frame = { id: index, flags, data: Uint8Array.of(0), receivedAtUs: START_US + index };
      encoder.write("can0", frame, true);
      encoder.write("can0", frame, false);
      encoder.write("can0", frame);
    });
    const entries = await entriesOf(encoder.end());
    const sentOf = (entry: LogEntry): boolean => entry.kind === "frame" && entry.sent === true;
    expect(entries.map(sentOf)).toEqual(kinds.flatMap(() => [true, false, false]));
  });

  it.each(["blf", "trc"] as const)("moves a frame that %s cannot date to the start, and counts it", async (format) => {
    const encoder = createLogEncoder(format);
    const at = (receivedAtUs: number): Sent => ({
      bus: "can0",
      frame: { id: 1, flags: 0, data: new Uint8Array(0), receivedAtUs },
    });
    const log = written(encoder, [at(START_US), at(START_US - 2_000_000), at(START_US + 1)]);
    expect(await shown(log)).toEqual([
      "(1735270496.916858) can0 001#",
      "(1735270496.000000) can0 001#",
      "(1735270496.916859) can0 001#",
    ]);
    expect(encoder.moved).toBe(1);
  });

  it("begins a trigger block of ASC where the clock was set back", async () => {
    const at = (receivedAtUs: number): Sent => ({
      bus: "can0",
      frame: { id: 1, flags: 0, data: new Uint8Array(0), receivedAtUs },
    });
    const frames = [
      at(START_US),
      at(START_US + 5_000_000),
      at(START_US - 100_000_000),
      at(START_US - 99_000_000),
      at(START_US),
    ];
    expect(await shown(written(createLogEncoder("asc"), frames))).toEqual(lines(frames));
  });

  it("writes ASC as CANoe does", () => {
    const encoder = createLogEncoder("asc");
    encoder.remark("before the first frame");
    encoder.write("can0", { id: 0x18fe_f100, flags: extended, data: Uint8Array.of(0, 0xab), receivedAtUs: START_US });
    encoder.write("body", { id: 0x10, flags: remote, data: new Uint8Array(8), receivedAtUs: START_US + 1_000_000 });
    encoder.remark("3 frames lost");
    encoder.write("can0", { id: 4, flags: error, data: new Uint8Array(8), receivedAtUs: START_US + 2_000_000 });
    expect(Buffer.from(encoder.end()).toString()).toBe(
      [
        "date Fri Dec 27 03:34:56.916 am 2024",
        "base hex  timestamps absolute",
        "internal events logged",
        "// written by causeway, times are UTC",
        "// before the first frame",
        "Begin Triggerblock Fri Dec 27 03:34:56.916 am 2024",
        "   0.000000 Start of measurement",
        "   0.000858 1  18FEF100x       Rx   d 2 00 AB",
        "// channel 2 is bus body",
        "   1.000858 2  10              Rx   r 8",
        "//    1.000858 3 frames lost",
        "   2.000858 1  ErrorFrame",
        "End TriggerBlock",
        "",
      ].join("\n"),
    );
  });

  it("writes TRC with the columns of PEAK's own files, error frames by their type", async () => {
    const encoder = createLogEncoder("trc");
    encoder.remark("before the first frame");
    encoder.write("can0", { id: 0xc8, flags: 0, data: Uint8Array.of(9, 0xab), receivedAtUs: START_US }, true);
    const data = new Uint8Array(12);
    encoder.write("body", { id: 0x10, flags: extended | fd | bitRateSwitch, data, receivedAtUs: START_US + 1_000_000 });
    encoder.write("can0", { id: 0x10, flags: remote, data: new Uint8Array(3), receivedAtUs: START_US + 1_000_001 });
    // A stuff error (CAN_ERR_PROT_STUFF) while receiving, at bit position 0x0a, with 5 errors received and 2 sent.
    const stuff = Uint8Array.of(0, 0, 4, 0x0a, 0, 0, 2, 5);
    encoder.write("can0", { id: 0x288, flags: error, data: stuff, receivedAtUs: START_US + 1_000_002 });
    const log = Buffer.from(encoder.end());
    const rows = log.toString().split("\r\n");
    expect(rows[1]).toBe(";$STARTTIME=45653.149259259255");
    expect(rows[4]).toBe(";   Start time: 27.12.2024 03:34:56.000.000");
    expect(rows.filter((row) => !row.startsWith(";") || row.startsWith("; "))).toContain("; before the first frame");
    expect(rows.filter((row) => !row.startsWith(";"))).toEqual([
      "      1       916.858 DT 1      00C8 Tx -  2    09 AB",
      "      2      1916.858 FB 2  00000010 Rx -  9    00 00 00 00 00 00 00 00 00 00 00 00",
      "      3      1916.859 RR 1      0010 Rx -  3",
      "      4      1916.860 ER 1      0004 Rx -  4    01 0A 05 02",
      "",
    ]);
    expect((await shown(log))[3]).toBe("(1735270497.916860) can0 20000288#0000040A00000205");
  });

  it("keeps remarks of BLF apart from frames, also those before the first one", async () => {
    const encoder = createLogEncoder("blf");
    encoder.remark("before the first frame");
    encoder.write("can0", { id: 1, flags: 0, data: new Uint8Array(0), receivedAtUs: START_US });
    encoder.remark("a".repeat(5000));
    expect(await shown(encoder.end())).toEqual(["(1735270496.916858) can0 001#"]);
  });

  it.each(WRITTEN_FORMATS)("%s without a frame is a log without a frame", async (format) => {
    const encoder = createLogEncoder(format);
    expect(await shown(encoder.end())).toEqual([]);
  });

  it.skipIf(!canUtilsInstalled())(
    `asc2log of can-utils reads the frames that were written (skipped without can-utils; seed ${SEED})`,
    () => {
      const folder = temporaryFolder();
      const [frames] = fc.sample(sent(dataFrame, 1000, 30), { seed: SEED, numRuns: 1 });
      const numbered = frames.map(({ frame }) => ({ bus: "can0", frame }));
      writeFileSync(join(folder, "drive.asc"), written(createLogEncoder("asc"), numbered));
      execFileSync("asc2log", ["-I", join(folder, "drive.asc"), "-O", join(folder, "back.log")], { stdio: "pipe" });
      const back = readFileSync(join(folder, "back.log"), "utf8").trimEnd().split("\n");
      // asc2log 2020.11 does not write the flag of FD itself (4).
      const bodies = numbered.map(({ frame }) =>
        formatCansend(frame).replace(/##([0-7])/, (_, flags: string) => `##${Number(flags) - 4}`),
      );
      expect(back.map((line) => line.split(" ")[2])).toEqual(bodies);
      const times = back.map((line) => Math.round(Number(line.slice(1, 18)) * 1_000_000));
      expect(times.map((us) => us - times[0])).toEqual(
        numbered.map(({ frame }) => frame.receivedAtUs - numbered[0].frame.receivedAtUs),
      );
    },
  );
});

describe("the names of log files", () => {
  it.each([
    ["drive.asc", "asc"],
    ["DRIVE.BLF", "blf"],
    ["drive.Trc", "trc"],
    ["drive.log", "candump"],
    ["drive", "candump"],
  ])("%s says %s", (name, format) => {
    expect(formatOfName(name)).toBe(format);
  });

  it("end as their format says", () => {
    expect(WRITTEN_FORMATS.map(extensionOf)).toEqual([".log", ".asc", ".blf", ".trc"]);
  });
});

function canUtilsInstalled(): boolean {
  try {
    execFileSync("which", ["asc2log"], { stdio: "ignore" });
    return true;
  } catch {
    // Absent: the test says so in its name.
    return false;
  }
}
