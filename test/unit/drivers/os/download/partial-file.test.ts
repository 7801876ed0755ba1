import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { PartialFile, type PartialHandle } from "../../../../../drivers/os/download/partial-file.ts";
import { seededRandom } from "../../../../bench/core/seeded-random.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";

const SIZE_BYTES = 500_000;
/** Between two syncs of a file of that size. */
const SYNC_BYTES = 65_536;
const PIECE_BYTES = 16_384;
const CONTENT = contentOf(SIZE_BYTES);
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
const noted = z.object({ bytes: z.number() });

function contentOf(bytes: number): Uint8Array {
  const random = seededRandom(5);
  return Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256));
}

/** A disk that keeps over a power cut what was written when a sync began, and zeros behind it; and fails when it is told to. */
class Disk {
  readonly file: string;
  /** Of the calls that follow, these fail. */
  failing: ("write" | "datasync")[] = [];
  syncs = 0;
  /** Syncs that ran side by side, at most. */
  sideBySide = 0;
  onSync: () => Promise<void> = async () => undefined;
  #running = 0;
  #durable: Uint8Array = new Uint8Array(0);

  constructor(file: string) {
    this.file = file;
  }

  readonly open = async (path: string, flags: string): Promise<PartialHandle> => {
    const handle = await open(path, flags);
    const failIf = (call: "write" | "datasync"): void => {
      if (this.failing[0] !== call) return;
      this.failing.shift();
      throw Object.assign(new Error(`EIO: ${call}`), { code: "EIO" });
    };
    return {
      close: () => handle.close(),
      stat: () => handle.stat(),
      truncate: (bytes) => handle.truncate(bytes),
      read: handle.read.bind(handle),
      // As the system may: less than it was given.
      write: async (buffer: Uint8Array, offset: number, length: number, at: number) => {
        failIf("write");
        return await handle.write(buffer, offset, length > 4096 ? length >> 1 : length, at);
      },
      datasync: async () => {
        this.syncs += 1;
        this.#running += 1;
        this.sideBySide = Math.max(this.sideBySide, this.#running);
        const written = readFileSync(this.file);
        // Slower than the pieces come.
        for (let turn = 0; turn < 50; turn += 1) await turnOfLoop();
        await handle.datasync();
        await this.onSync();
        this.#running -= 1;
        failIf("datasync");
        this.#durable = written;
      },
    };
  };

  cutPower(): void {
    const zeros = Buffer.alloc(readFileSync(this.file).length);
    zeros.set(this.#durable.subarray(0, zeros.length));
    writeFileSync(this.file, zeros);
    this.#durable = zeros;
  }
}

function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits until no more than that would be lost: for ever where no sync is begun. */
async function lagIsAtMost(partial: PartialFile, file: string, bytes: number): Promise<void> {
  while (partial.bytes - notedBytes(file) > bytes) {
    await turnOfLoop();
    await partial.append(new Uint8Array(0));
  }
}

function notedBytes(file: string): number {
  return noted.parse(JSON.parse(readFileSync(`${file}.part`, "utf8"))).bytes;
}

/** Goes on from where it is. False where the disk failed. */
async function openOn({ file, open }: Disk): Promise<PartialFile> {
  return await PartialFile.open({ file, sizeBytes: SIZE_BYTES, sha256: SHA256 }, new ManualClock(), open);
}

async function append(partial: PartialFile, bytes: number): Promise<boolean> {
  const from = partial.bytes;
  try {
    await partial.append(CONTENT.subarray(from, from + bytes));
    return true;
  } catch {
    return false;
  }
}

function prefixIsRight(file: string, bytes: number): boolean {
  return Buffer.from(readFileSync(file)).subarray(0, bytes).equals(Buffer.from(CONTENT).subarray(0, bytes));
}

describe("a file that arrives piece by piece", () => {
  it("notes no byte that a power cut takes, whatever the disk does meanwhile", async () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ kind: fc.constant("append" as const), bytes: fc.nat(60_000) }) },
      fc.record({ kind: fc.constantFrom("sync" as const, "cut" as const, "restart" as const) }),
      fc.record({ kind: fc.constant("fail" as const), call: fc.constantFrom("write" as const, "datasync" as const) }),
    );
    const property = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const file = join(temporaryFolder(), "artifact");
      const disk = new Disk(file);
      let partial = await openOn(disk);
      for (const { kind, ...how } of steps) {
        if (kind === "append" && "bytes" in how) await append(partial, how.bytes);
        else if (kind === "fail" && "call" in how) disk.failing.push(how.call);
        else if (kind === "sync") await partial.sync().catch(() => undefined);
        else {
          await partial.close();
          disk.failing = [];
          if (kind === "cut") disk.cutPower();
          const bytes = notedBytes(file);
          partial = await openOn(disk);
          expect(partial.bytes).toBe(bytes);
        }
        expect(prefixIsRight(file, notedBytes(file))).toBe(true);
      }
      disk.failing = [];
      while (partial.bytes < SIZE_BYTES) await append(partial, 50_000);
      await partial.sync();
      expect(partial.digest()).toBe(SHA256);
      expect(prefixIsRight(file, SIZE_BYTES)).toBe(true);
      await partial.close();
    });
    await fc.assert(property, { numRuns: 30, seed: 19 });
  });

  it("loses at most what comes during one sync and until the next, one at a time", async () => {
    const file = join(temporaryFolder(), "artifact");
    const disk = new Disk(file);
    const partial = await openOn(disk);
    while (partial.bytes < SIZE_BYTES) {
      await append(partial, PIECE_BYTES);
      await lagIsAtMost(partial, file, 2 * SYNC_BYTES + 3 * PIECE_BYTES);
    }
    expect(disk.sideBySide).toBe(1);
    await partial.close();
  });

  it("syncs a link that is faster than the disk less often, within a bound", async () => {
    const file = join(temporaryFolder(), "artifact");
    const disk = new Disk(file);
    const clock = new ManualClock();
    const sizeBytes = 40 * SYNC_BYTES;
    const partial = await PartialFile.open({ file, sizeBytes, sha256: SHA256 }, clock, disk.open);
    disk.onSync = () => clock.run(10);
    for (let at = 0; at < sizeBytes; at += PIECE_BYTES) {
      await partial.append(new Uint8Array(PIECE_BYTES));
      await lagIsAtMost(partial, file, 9 * SYNC_BYTES + 3 * PIECE_BYTES);
    }
    // The clock stands still between them: the pause never ends, and the bound on what is not durable holds.
    expect(disk.syncs).toBe(1 + 40 / 8);
    await partial.close();
  });

  it("syncs again where as many other bytes have taken the place of some", async () => {
    const file = join(temporaryFolder(), "artifact");
    const disk = new Disk(file);
    const partial = await openOn(disk);
    await partial.append(new Uint8Array(40_000));
    await partial.sync();
    const before = disk.syncs;
    await partial.append(await partial.compare(CONTENT.subarray(0, 40_000), 0));
    await partial.sync();
    expect(disk.syncs).toBe(before + 1);
    expect(prefixIsRight(file, 40_000)).toBe(true);
    await partial.sync();
    expect(disk.syncs).toBe(before + 1);
    await partial.close();
  });

  it("goes back to what was synced after a failure of the disk, and says it", async () => {
    const file = join(temporaryFolder(), "artifact");
    const disk = new Disk(file);
    const partial = await openOn(disk);
    await append(partial, 100_000);
    await partial.sync();
    for (const call of ["write", "datasync"] as const) {
      disk.failing = [call];
      await append(partial, 10_000);
      await expect(partial.sync()).rejects.toThrow(`EIO: ${call}`);
      expect(partial.bytes).toBe(100_000);
      expect(partial.digest()).toBe(createHash("sha256").update(CONTENT.subarray(0, 100_000)).digest("hex"));
    }
    await partial.close();
  });
});
