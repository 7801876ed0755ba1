import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { BucketUploads } from "../../../agent/files/bucket-uploads.ts";
import { UploadBook } from "../../../agent/files/upload-book.ts";
import { problemOfUpload, uploadJob } from "../../../agent/files/upload-job.ts";
import { UploadOrders } from "../../../agent/files/upload-orders.ts";
import type { JournalDocument } from "../../../agent/ports/journal.ts";
import type { HeldFiles } from "../../../agent/ports/object-store.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const URL = "https://b.example.com/k?X-Amz-Signature=canary";
const DOCUMENT = { version: "1.0", operation: "upload", kind: "bundle", url: URL, reason: "case 7" };
const FILE = { file: "support.json.gz", bytes: "25", sha256: "0f".repeat(32) };

/** A vehicle whose process can be killed in a write of its journal: before it takes effect, or after. */
function vehicle() {
  const clock = new ManualClock();
  const disk = new FakeJournal({ clock });
  const held = new Set<string>();
  const ordered = new Set<string>();
  let names = 0;
  let writes = 0;
  let isDead = false;
  const kill = { at: Number.POSITIVE_INFINITY, isAfter: false };
  const journal = {
    get: disk.get.bind(disk),
    list: disk.list.bind(disk),
    put: (documents: readonly JournalDocument[]) => {
      writes += 1;
      const isNow = writes === kill.at;
      if (!isNow || kill.isAfter) disk.put(documents);
      isDead ||= isNow;
      if (isNow) throw new Error("killed");
    },
  };
  const files: HeldFiles = {
    hold: async (id) => {
      held.add(id);
      return { sizeBytes: 25, sha256: FILE.sha256 };
    },
    pathOf: (id) => id,
    digestOf: async () => "0f".repeat(32),
    // A process that is dead releases nothing.
    release: async (id) => void (isDead || held.delete(id)),
    keepOnly: async () => undefined,
  };
  /** A start of the agent. `take`: works on the execution. */
  const start = (settings: { readonly maxUploads?: number } = {}) => {
    isDead = false;
    const book = new UploadBook(journal);
    for (const id of held) if (book.get(id) === undefined) held.delete(id);
    const orders = new UploadOrders({
      settings: { hosts: ["b.example.com"], maxFileBytes: 100, maxStoredBytes: 60, maxUploads: 3, ...settings },
      sources: {
        kinds: ["bundle"],
        made: () => ({
          collect: async () => ({ name: FILE.file, content: new Uint8Array(25) }),
          logFile: () => undefined,
        }),
        frameLog: undefined,
        dbcFiles: [],
        pack: async () => "too-large",
      },
      book,
      files,
      buckets: new BucketUploads({ buckets: undefined, thing: "van" }),
      uploader: { wake: (id) => void ordered.add(id), cancel: async (id) => book.remove(id) },
      name: () => `u-${++names}`,
      clock,
    });
    const withdrawn = new AbortController();
    const take = (document: unknown, executionNumber = 1) =>
      uploadJob({ orders, journal })(
        document,
        {
          jobId: "job-1",
          executionNumber,
          report: () => undefined,
          reportFrom: () => undefined,
          withdrawn: withdrawn.signal,
        },
        new AbortController().signal,
      );
    return { book, orders, take, withdrawn };
  };
  return { start, held, ordered, kill, disk, writes: () => writes };
}

describe("the upload job", () => {
  it("orders an upload, and names it", async () => {
    const { start, disk } = vehicle();
    const { book, take } = start();
    const details = { upload: "u-1", ...FILE };
    expect(await take(DOCUMENT)).toEqual({ status: "SUCCEEDED", details });
    expect(book.get("u-1")).toMatchObject({ kind: "bundle", reason: "case 7", place: { kind: "whole", url: URL } });
    expect(JSON.stringify(disk.list("job"))).not.toContain("canary");
    expect(await take(DOCUMENT, 2)).toMatchObject({ status: "SUCCEEDED", details: { upload: "u-2" } });
  });

  it("orders one upload, wherever it is killed", async () => {
    const whole = vehicle();
    await whole.start().take(DOCUMENT);
    const writes = whole.writes();
    expect(writes).toBeGreaterThanOrEqual(1);
    for (let at = 1; at <= writes; at += 1) {
      for (const isAfter of [false, true]) {
        const { start, kill, held } = vehicle();
        Object.assign(kill, { at, isAfter });
        await expect(start().take(DOCUMENT)).rejects.toThrow("killed");
        const next = start();
        expect(await next.take(DOCUMENT)).toMatchObject({ status: "SUCCEEDED", details: FILE });
        expect(next.book.plans.map(({ id }) => id)).toEqual([...held]);
        // It is stored meanwhile, and nothing of it is left but what the job remembers.
        for (const { id } of next.book.plans) next.book.remove(id);
        // Whatever has become of its document: it is over.
        expect(await next.take({ ...DOCUMENT, url: "nothing" })).toMatchObject({ status: "SUCCEEDED", details: FILE });
        expect(next.book.plans).toEqual([]);
      }
    }
  });

  it.each([
    ["no kind", { ...DOCUMENT, kind: undefined }],
    ["an unknown kind", { ...DOCUMENT, kind: "shadow" }],
    ["a path", { ...DOCUMENT, path: "/etc/shadow" }],
    ["an upload that is known", { ...DOCUMENT, upload: "u-1" }],
    ["another version", { ...DOCUMENT, version: "2.0" }],
    ["half a place", { ...DOCUMENT, url: undefined, partUrls: [URL] }],
    ["another host", { ...DOCUMENT, url: URL.replace("b.example", "c.example") }],
    ["a bucket that is not there", { ...DOCUMENT, url: undefined, bucket: "captures" }],
    ["lines of a bundle", { ...DOCUMENT, level: "error" }],
  ])("takes no document with %s, and says nothing of its URL", async (_, document) => {
    const { start, held, disk } = vehicle();
    const { take, orders } = start();
    const outcome = await take(document);
    expect(outcome).toMatchObject({ status: "REJECTED" });
    expect(JSON.stringify(outcome)).not.toContain("canary");
    expect(problemOfUpload(document, orders)).toBeDefined();
    expect(problemOfUpload(DOCUMENT, orders)).toBeUndefined();
    expect([held.size, disk.writes]).toEqual([0, 0]);
  });

  it("fails where there is no room, and leaves nothing behind where it is withdrawn", async () => {
    const { start, held } = vehicle();
    const { take, book, withdrawn } = start();
    withdrawn.abort("given-up");
    expect(await take(DOCUMENT)).toEqual({
      status: "FAILED",
      details: { reason: "cancelled by causeway jobs cancel" },
    });
    expect(book.plans).toEqual([]);
    held.clear();
    const full = vehicle();
    const { take: takeFull } = full.start({ maxUploads: 0 });
    const reason = "not-ordered: 0 uploads wait already (files.maxUploads)";
    expect(await takeFull(DOCUMENT)).toEqual({ status: "FAILED", details: { reason } });
  });

  it("leaves the faults of the journal to whoever runs jobs", async () => {
    const { start, disk, held } = vehicle();
    disk.failNext(new AgentError("journal.unavailable", { what: "as the test wants it", remedy: "" }));
    await expect(start().take(DOCUMENT)).rejects.toThrow("as the test wants it");
    expect(held.size).toBe(0);
  });
});
