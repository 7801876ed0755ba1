import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { BucketUploads } from "../../../agent/files/bucket-uploads.ts";
import { uploadFile } from "../../../agent/files/upload-action.ts";
import { UploadBook } from "../../../agent/files/upload-book.ts";
import { UploadOrders } from "../../../agent/files/upload-orders.ts";
import type { HeldFiles, HeldSource } from "../../../agent/ports/object-store.ts";
import { bucketsConfig } from "../../../config/buckets.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const HOST = "https://b.example.com";
const SEED = 1839;
const BUCKETS = bucketsConfig.parse({ captures: { bucket: "fleet", region: "eu-central-1", roleAlias: "uploads" } });

/** An agent with two captures that have ended, one that is being written, and two DBC files; every file has 25 bytes. */
function rig(change: Partial<ConstructorParameters<typeof UploadOrders>[0]["settings"]> = {}) {
  const clock = new ManualClock();
  const held: HeldSource[] = [];
  const calls: string[] = [];
  const asked: unknown[] = [];
  const disk: { fault: Error | undefined; setBytes: number } = { fault: undefined, setBytes: 1000 };
  const files: HeldFiles = {
    hold: async (_, source, maxBytes) => {
      if (disk.fault !== undefined) throw disk.fault;
      if (maxBytes < 25) return "too-large";
      held.push(source);
      return { sizeBytes: 25, sha256: "0f".repeat(32) };
    },
    pathOf: (id) => id,
    digestOf: async () => "0f".repeat(32),
    release: async (id) => void calls.push(`release ${id}`),
    keepOnly: async () => undefined,
  };
  const journal = new FakeJournal({ clock });
  const book = new UploadBook(journal);
  const names = ["notes.txt", "00002-0001.log", "00001-0002.log", "00001-0001.log"];
  let uploads = 0;
  const orders = new UploadOrders({
    settings: { hosts: ["b.example.com"], maxFileBytes: 100, maxStoredBytes: 60, maxUploads: 3, ...change },
    sources: {
      kinds: ["bundle", "capture", "dbc", "logs"],
      made: () => ({
        collect: async () => ({ name: "support.json.gz", content: new Uint8Array(25) }),
        logFile: (wanted) => {
          asked.push(wanted);
          return wanted.code === "none" ? undefined : { name: "log.jsonl.gz", content: new Uint8Array(25) };
        },
      }),
      frameLog: {
        folder: "/frames",
        list: async () => names.map((name) => ({ name, bytes: 25 })),
        current: () => "00002-0001.log",
      },
      dbcFiles: ["/etc/causeway/a.dbc", "/etc/causeway/b.dbc", "/etc/causeway/x/c.dbc", "/etc/causeway/y/c.dbc"],
      pack: async (paths, maxBytes) => {
        if (disk.fault !== undefined) throw disk.fault;
        return disk.setBytes > maxBytes ? "too-large" : Buffer.from(paths.join());
      },
    },
    book,
    files,
    buckets: new BucketUploads({ buckets: BUCKETS, thing: "van" }),
    uploader: {
      wake: (id) => void calls.push(`wake ${id}`),
      cancel: async (id) => {
        book.remove(id);
        calls.push(`cancel ${id}`);
      },
    },
    name: () => `u-${++uploads}`,
    clock,
  });
  const action = uploadFile(orders);
  const ask = async (given: Readonly<Record<string, unknown>>) => {
    const prepared = action.prepare(given);
    return prepared.kind === "prepared" ? prepared.run(new AbortController().signal, () => undefined) : prepared;
  };
  return { ask, held, calls, asked, book, journal, disk };
}

const descriptionOf = (answer: object): string => ("description" in answer ? String(answer.description) : "done");

describe("file.upload", () => {
  it("holds the newest capture that has ended, or the one that is named", async () => {
    const { ask, held } = rig();
    const first = await ask({ kind: "capture" });
    expect(first).toMatchObject({ kind: "done", result: { upload: "u-1", file: "00001-0002.log", state: "waiting" } });
    await ask({ kind: "capture", name: "00001-0001.log" });
    expect(held).toEqual(
      ["00001-0002.log", "00001-0001.log"].map((name) => ({
        kind: "file",
        path: `/frames/${name}`,
        mayChange: false,
      })),
    );
  });

  it("gives no other file of the machine, whatever it is called", async () => {
    const { ask, held } = rig();
    const odd = fc.oneof(
      fc.constantFrom("../journal.db", "/etc/shadow", "notes.txt", "00002-0001.log", "00001-0001.log/", "a.dbc\0", "."),
      fc.string({ minLength: 1, maxLength: 60 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom("capture", "dbc"), odd, async (kind, name) => {
        fc.pre(!/^(?:00001-000[12]\.log|[ab]\.dbc)$/.test(name));
        expect(await ask({ kind, name })).toMatchObject({ kind: "rejected" });
      }),
      { seed: SEED },
    );
    expect(held).toEqual([]);
    expect(descriptionOf(await ask({ kind: "bundle", name: "x" }))).toContain("no name");
  });

  it("copies a DBC file, which somebody may write to, and takes its path where two have one name", async () => {
    const { ask, held } = rig();
    expect(descriptionOf(await ask({ kind: "dbc", name: "c.dbc" }))).toContain("2 files of kind dbc with that name");
    const answer = await ask({ kind: "dbc", name: "/etc/causeway/y/c.dbc" });
    expect(answer).toMatchObject({ kind: "done", result: { file: "c.dbc" } });
    expect(held).toEqual([{ kind: "file", path: "/etc/causeway/y/c.dbc", mayChange: true }]);
  });

  it("holds all DBC files as one where none is named, and says why it cannot", async () => {
    const { ask, held, disk } = rig();
    const answer = await ask({ kind: "dbc" });
    const paths = ["a.dbc", "b.dbc", "x/c.dbc", "y/c.dbc"].map((name) => `/etc/causeway/${name}`);
    const content = Buffer.from(paths.join());
    expect(held).toEqual([{ kind: "bytes", content }]);
    const sha256 = createHash("sha256").update(content).digest("hex");
    expect(answer).toMatchObject({ kind: "done", result: { file: `dbc-${sha256.slice(0, 8)}.tar.gz` } });
    disk.setBytes = 16_777_217;
    expect(descriptionOf(await ask({ kind: "dbc" }))).toBe(
      "the 4 files of kind dbc have more than 16777216 bytes together: name one",
    );
    disk.fault = Object.assign(new Error("ENOENT: no such file, open '/etc/causeway/b.dbc'"), { code: "ENOENT" });
    expect(descriptionOf(await ask({ kind: "dbc" }))).toBe("one of the 4 files of kind dbc cannot be read: ENOENT");
    expect(held).toHaveLength(1);
  });

  it("holds the lines of the log that are wanted", async () => {
    const { ask, held, asked } = rig();
    const given = { kind: "logs", since: "2026-01-01T00:00:00Z", level: "warn" };
    expect(await ask(given)).toMatchObject({ kind: "done", result: { file: "log.jsonl.gz", state: "waiting" } });
    expect(asked).toEqual([{ sinceMs: 1_767_225_600_000, untilMs: undefined, level: "warn", code: undefined }]);
    expect(held).toEqual([{ kind: "bytes", content: new Uint8Array(25) }]);
  });

  it("holds nothing that the journal does not take", async () => {
    const { ask, calls, book, journal } = rig();
    journal.failNext(new AgentError("journal.unavailable", { what: "as the test wants it", remedy: "" }));
    await expect(ask({ kind: "capture" })).rejects.toThrow("as the test wants it");
    expect([calls, book.plans]).toEqual([["release u-1"], []]);
  });

  it("says what the system has against it, and no path of the machine", async () => {
    const { ask, disk, book } = rig();
    const path = "/var/lib/causeway/uploads/u-1";
    disk.fault = Object.assign(new Error(`ENOSPC: no space left on device, open '${path}'`), { code: "ENOSPC" });
    expect(descriptionOf(await ask({ kind: "capture" }))).toBe("it cannot be held: ENOSPC");
    expect(book.plans).toEqual([]);
  });

  it("takes as many files and bytes as it may hold", async () => {
    const few = rig({ maxUploads: 1 });
    await few.ask({ kind: "bundle" });
    expect(descriptionOf(await few.ask({ kind: "bundle" }))).toBe("1 uploads wait already (files.maxUploads)");
    const small = rig();
    await small.ask({ kind: "bundle" });
    await small.ask({ kind: "bundle" });
    expect(descriptionOf(await small.ask({ kind: "bundle" }))).toContain("more than the 10 bytes");
  });

  it("sends to a bucket by its name, also one that waits, and takes the same name again without beginning anew", async () => {
    const { ask, book } = rig();
    expect(await ask({ kind: "capture", bucket: "captures" })).toMatchObject({ result: { state: "sending" } });
    await ask({ kind: "bundle" });
    await ask({ upload: "u-2", bucket: "captures" });
    const place = { kind: "bucket", bucket: "captures" };
    expect(book.plans.map((plan) => [plan.state, plan.place])).toEqual([
      ["sending", place],
      ["sending", place],
    ]);
    const [plan] = book.plans;
    if (plan === undefined) throw new Error("gone");
    const at = { url: "https://fleet.s3.eu-central-1.amazonaws.com/k", partBytes: 10, uploadId: "i" };
    book.put({ ...plan, place: { kind: "bucket", bucket: "captures", at }, etags: ['"a"'], checksums: ["b"] });
    await ask({ upload: "u-1", bucket: "captures" });
    expect(book.get("u-1")).toMatchObject({ place: { at }, etags: ['"a"'], checksums: ["b"] });
    await ask({ upload: "u-1", url: `${HOST}/a` });
    expect(book.get("u-1")).toMatchObject({ place: { kind: "whole" }, etags: [], checksums: [] });
  });

  it("wants a place whole: a URL, or as many as the file has parts and the one that ends them", async () => {
    const { ask, calls, book } = rig();
    const parts = { partUrls: [`${HOST}/1`, `${HOST}/2`], partBytes: 20, completeUrl: `${HOST}/c` };
    const wrong = [
      { kind: "capture", partUrls: parts.partUrls },
      { kind: "capture", ...parts, url: `${HOST}/a` },
      { kind: "capture", ...parts, partBytes: 10 },
      { kind: "capture", url: "https://elsewhere.example.com/a?X-Amz-Signature=canary" },
      { kind: "capture", upload: "u-1", url: `${HOST}/a` },
      { kind: "capture", cancel: true },
      { upload: "u-1" },
      { upload: "u-9", url: `${HOST}/a` },
      { upload: "u-9", cancel: true },
      { url: `${HOST}/a` },
      { kind: "capture", path: "/etc/shadow" },
      { kind: "capture", level: "error" },
      { kind: "capture", bucket: "others" },
      { kind: "capture", bucket: "constructor" },
      { kind: "capture", bucket: "captures", url: `${HOST}/a?X-Amz-Signature=canary` },
      { kind: "logs", name: "a" },
      { kind: "logs", since: "2026-01-02T00:00:00Z", until: "2026-01-01T00:00:00Z" },
      { kind: "logs", code: "none" },
      { upload: "u-9", url: `${HOST}/a`, level: "error" },
    ];
    for (const given of wrong) {
      const answer = await ask(given);
      expect(answer).toMatchObject({ kind: "rejected" });
      expect(JSON.stringify(answer)).not.toContain("canary");
    }
    expect(book.plans).toEqual([]);
    expect(calls).toEqual(["release u-1"]);
    expect(await ask({ kind: "capture", ...parts })).toMatchObject({ kind: "done", result: { state: "sending" } });
    expect(calls.at(-1)).toBe(`wake ${book.plans[0]?.id}`);
  });

  it("gives up an upload, and names another place for one", async () => {
    const { ask, calls, book } = rig();
    await ask({ kind: "capture" });
    expect(await ask({ upload: "u-1", url: `${HOST}/a` })).toMatchObject({
      kind: "done",
      result: { state: "sending" },
    });
    expect(book.get("u-1")?.place).toEqual({ kind: "whole", url: `${HOST}/a` });
    expect(await ask({ upload: "u-1", cancel: true })).toMatchObject({ kind: "done", result: { state: "cancelled" } });
    expect([book.plans, calls.at(-1)]).toEqual([[], "cancel u-1"]);
  });
});
