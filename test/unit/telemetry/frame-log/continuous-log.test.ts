import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FRAME_FLAG, FrameBatch } from "../../../../agent/ports/frame.ts";
import { parseCandumpFilters } from "../../../../agent/signals/log-formats/candump-filter.ts";
import { WRITTEN_FORMATS } from "../../../../agent/signals/log-formats/write-log.ts";
import { ContinuousLog } from "../../../../agent/telemetry/frame-log/continuous-log.ts";
import { type LogFileSettings, LogFiles } from "../../../../agent/telemetry/frame-log/log-files.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { MemoryLogFolder } from "../../../fakes/ports/log-folder.ts";
import { shown } from "../../signals/log-formats/log-vectors.ts";

const SEED = 20_261_131;
const START_US = 1_767_225_600_000_000;
const BUSES = ["can0", "body"] as const;
const SETTINGS: LogFileSettings = {
  format: "candump",
  splitBytes: 1000,
  splitSeconds: undefined,
  maxBytes: 1_000_000,
  keepFreeBytes: 0,
};

type Bench = {
  readonly clock: ManualClock;
  readonly folder: MemoryLogFolder;
  readonly log: ContinuousLog;
  /** Frames with the numbers from..to-1 as ids, `stepUs` apart. */
  readonly send: (bus: string, from: number, to: number, stepUs?: number) => void;
  /** Lets the loop write once. */
  readonly flush: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

function bench(
  changed: Partial<LogFileSettings> = {},
  folder = new MemoryLogFolder(),
  bufferBytes = 80_000,
  ids?: readonly string[],
): Bench {
  const clock = new ManualClock();
  const files = new LogFiles(folder, { ...SETTINGS, ...changed });
  const wants = ids === undefined ? undefined : parseCandumpFilters(ids);
  if (typeof wants === "string") throw new Error(wants);
  const log = new ContinuousLog({
    settings: { buses: BUSES, wants, bufferBytes },
    files,
    clock,
    log: new MemoryLog(),
    turn: () => Promise.resolve(),
  });
  const stopping = new AbortController();
  const running = log.run(stopping.signal);
  return {
    clock,
    folder,
    log,
    send: (bus, from, to, stepUs = 1000) => log.take(bus, batchOf(from, to, stepUs)),
    flush: async () => {
      clock.advance(750);
      await settled();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

function batchOf(from: number, to: number, stepUs: number): FrameBatch {
  const batch = new FrameBatch(Math.max(1, to - from));
  for (let id = from; id < to; id += 1)
    batch.push(id, FRAME_FLAG.extended, Uint8Array.of(id & 0xff, id >> 8), START_US + id * stepUs);
  return batch;
}

/** Everything that waits for nothing but its turn has had it: the fakes resolve at once, and a write has a bounded number of steps. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The ids of the frames that a power cut now would leave, file by file. */
async function idsIn(folder: MemoryLogFolder): Promise<readonly (readonly number[])[]> {
  const files = await Promise.all(folder.cut().map(async ([, bytes]) => shown(bytes)));
  return files.map((lines) => lines.map((line) => Number.parseInt(line.split(" ")[2] ?? "", 16)));
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

describe("ContinuousLog", () => {
  it("writes the frames of its buses, splits by size, and names session, part and time", async () => {
    const { folder, send, flush, stop, log } = bench();
    expect(log.status()).toMatchObject({ state: "waiting", session: undefined });
    send("can0", 0, 30);
    send("other", 500, 600);
    send("body", 30, 60);
    await flush();
    expect(log.status()).toMatchObject({ state: "writing", session: 1, written: 60, dropped: 0, files: 3 });
    await stop();
    expect(folder.cut().map(([name]) => name)).toEqual([
      "00001-0001-20260101T000000Z.log",
      "00001-0002-20260101T000000Z.log",
      "00001-0003-20260101T000000Z.log",
    ]);
    expect((await idsIn(folder)).flat()).toEqual(range(0, 60));
    const [, last] = folder.cut().at(-1) ?? [];
    expect((await shown(last ?? ""))[0]).toContain(" body ");
  });

  it("names the file that it makes while it is not open yet, so that nobody takes it for one that has ended", async () => {
    const folder = new MemoryLogFolder();
    const seen: (string | undefined)[] = [];
    const files = new LogFiles(
      {
        list: () => folder.list(),
        remove: (name) => folder.remove(name),
        freeBytes: () => folder.freeBytes(),
        create: async (name) => {
          const file = await folder.create(name);
          seen.push(files.current);
          return file;
        },
      },
      SETTINGS,
    );
    const frame = { id: 1, flags: FRAME_FLAG.extended, data: Uint8Array.of(1), receivedAtUs: START_US };
    await files.add("can0", frame, true);
    expect(seen).toEqual([...folder.files.keys()]);
    await files.finish();
    expect(files.current).toBeUndefined();
    folder.fault = "EIO: i/o error";
    await expect(files.add("can0", frame, true)).rejects.toThrow("EIO");
    expect(files.current).toBeUndefined();
  });

  it("goes on with the next session, and leaves the time away while the clock is not believed", async () => {
    const folder = new MemoryLogFolder();
    await folder.create("00041-0007-20250101T000000Z.blf");
    await folder.create("notes.txt");
    const { clock, send, flush, stop } = bench({}, folder);
    clock.setQuality("saved");
    send("can0", 0, 3);
    await flush();
    await stop();
    expect([...folder.files.keys()].at(-1)).toBe("00042-0001.log");
  });

  it("splits by the time of the day, and where the clock was set back", async () => {
    const { folder, send, flush, stop } = bench({ splitSeconds: 10, splitBytes: 100_000 });
    send("can0", 0, 25, 1_000_000);
    send("can0", 12, 14, 1_000_000);
    await flush();
    await stop();
    expect(await idsIn(folder)).toEqual([range(0, 10), range(10, 20), range(20, 25), [12, 13]]);
  });

  it("takes the frames that the filters let through", async () => {
    const { folder, send, flush, stop } = bench({}, undefined, undefined, ["00000010:1FFFFFF0"]);
    send("can0", 0, 50);
    await flush();
    await stop();
    expect((await idsIn(folder)).flat()).toEqual(range(16, 32));
  });

  it("counts what finds no room, and tells it in the file", async () => {
    const { folder, send, flush, stop, log } = bench({ format: "asc", splitBytes: 100_000 }, undefined, 800);
    send("can0", 0, 25);
    await flush();
    send("can0", 25, 30);
    await flush();
    expect(log.status()).toMatchObject({ written: 15, dropped: 15 });
    await stop();
    expect((await idsIn(folder)).flat()).toEqual([...range(0, 10), ...range(25, 30)]);
    expect(folder.cut()[0]?.[1].toString()).toContain("15 frames are missing about here");
  });

  it("bears a folder that cannot be written, says why, and goes on when it can be", async () => {
    const { folder, clock, send, flush, stop, log } = bench({ splitBytes: 100_000 });
    folder.fault = "EROFS: read-only file system";
    send("can0", 0, 10);
    await flush();
    expect(log.status()).toMatchObject({
      state: "failed",
      problem: "EROFS: read-only file system",
      written: 0,
      dropped: 0,
    });
    folder.fault = undefined;
    await flush();
    expect(log.status()).toMatchObject({ state: "failed" });
    clock.advance(5000);
    await settled();
    await flush();
    expect(log.status()).toMatchObject({ state: "writing", problem: undefined, written: 10, dropped: 0 });
    await stop();
    expect((await idsIn(folder)).flat()).toEqual(range(0, 10));
  });

  it("bears a full disk: what was durable stays, what was not is counted, and a new file begins when there is room", async () => {
    const { folder, clock, send, flush, stop, log } = bench({ splitBytes: 100_000 });
    send("can0", 0, 10);
    await flush();
    folder.room = 400;
    send("can0", 10, 30);
    await flush();
    expect(log.status()).toMatchObject({ state: "failed", written: 10, dropped: 20 });
    folder.room = 100_000;
    send("can0", 30, 40);
    clock.advance(5000);
    await settled();
    await flush();
    await stop();
    expect(log.status()).toMatchObject({ state: "writing", written: 20, dropped: 20 });
    expect(await idsIn(folder)).toEqual([range(0, 10), range(30, 40)]);
  });

  it("removes the oldest files for room on the disk, and writes nothing when that does not help", async () => {
    const folder = new MemoryLogFolder();
    folder.room = 20_000;
    const first = bench({ keepFreeBytes: 18_000 }, folder);
    first.send("can0", 0, 200);
    await first.flush();
    expect(first.log.status()).toMatchObject({ state: "writing", written: 200 });
    expect(first.log.status().removed).toBeGreaterThan(0);
    expect(folder.most).toBeLessThan(20_000);
    folder.room = 10_000;
    first.send("can0", 200, 210);
    await first.flush();
    const { state, problem } = first.log.status();
    expect(state).toBe("failed");
    expect(problem).toContain("keepFreeBytes is 18000");
    await first.stop();
  });

  it.each(WRITTEN_FORMATS.filter((one) => one !== "trc"))(
    `leaves after a power cut at any time all that was durable, in %s, within its bounds (seed ${SEED})`,
    async (format) => {
      const step = fc.record({ bus: fc.constantFrom(...BUSES), frames: fc.nat(40), isFlush: fc.boolean() });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
          const { folder, send, flush, stop, log } = bench({ format, splitBytes: 700, maxBytes: 4000 });
          let next = 0;
          for (const { bus, frames, isFlush } of steps) {
            send(bus, next, next + frames);
            next += frames;
            if (!isFlush) continue;
            await flush();
            const ids = (await idsIn(folder)).flat();
            // The newest frames that are durable, in order and without a gap: only whole old files are missing.
            expect(log.status()).toMatchObject({ written: next, dropped: 0 });
            expect(ids).toEqual(range(next - ids.length, next));
            const { bytes, removed } = log.status();
            if (removed === 0) expect(ids).toHaveLength(next);
            expect(bytes).toBeLessThanOrEqual(4000);
          }
          await stop();
          const all = (await idsIn(folder)).flat();
          expect(all).toEqual(range(next - all.length, next));
        }),
        { seed: SEED, numRuns: 40 },
      );
    },
  );
});
