import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { UploadBook } from "../../../agent/files/upload-book.ts";
import { withPlace } from "../../../agent/files/upload-plan.ts";
import type { JournalDocument } from "../../../agent/ports/journal.ts";
import type { ObjectStore, StoreAnswer, StoreRequest } from "../../../agent/ports/object-store.ts";
import type { UploadedFile } from "../../../agent/telemetry/record/encode/uploaded-file.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";
import { FILE, HOUR_MS, PLAN, runFor, uploaderRig } from "./uploader-rig.ts";

const SEED = 1838;
const PART = 10;
const urlOf = (part: number, uploadId: string): string =>
  `https://b.example.com/k?uploadId=${uploadId}&partNumber=${part}&X-Amz-Signature=canary`;

function partsOf(uploadId: string) {
  const urls = [1, 2, 3, 4, 5].map((part) => urlOf(part, uploadId));
  return { kind: "parts", partBytes: PART, urls, completeUrl: urlOf(0, uploadId) } as const;
}

/** What the store does with a request: takes it, takes it and its answer is lost, does not get it, or refuses it. */
type Fate = "taken" | "lost" | "cut" | "refused" | "expired";

/** The slow, obvious model of a store: parts by number, an object when it is put together. */
class ModelStore implements ObjectStore {
  readonly parts = new Map<string, Uint8Array>();
  readonly puts: string[] = [];
  object: Uint8Array | undefined;
  readonly fates: Fate[] = [];
  onTaken: () => void = () => undefined;

  async send({ url, body }: StoreRequest, onBytes: (bytes: number) => void): Promise<StoreAnswer> {
    const fate = this.fates.shift() ?? "taken";
    const { searchParams } = new URL(url);
    if (fate === "refused") return { kind: "refused", status: 403, code: "AccessDenied", isExpired: false };
    if (fate === "expired") return { kind: "refused", status: 403, code: "AccessDenied", isExpired: true };
    onBytes(body.kind === "file" ? body.bytes : 0);
    if (fate === "cut") return { kind: "unavailable", detail: "ECONNRESET" };
    const number = searchParams.get("partNumber") ?? "";
    this.puts.push(number);
    if (body.kind === "file") {
      this.parts.set(number, FILE.subarray(body.offset, body.offset + body.bytes));
    } else {
      const listed = [...body.text.matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>"e(\d+)"/g)];
      if (listed.some(([, part, etag]) => part !== etag)) throw new Error("a part with the tag of another");
      this.object = Uint8Array.from(listed.flatMap(([, part = ""]) => [...(this.parts.get(part) ?? [])]));
    }
    this.onTaken();
    if (fate === "lost") return { kind: "unavailable", detail: "ECONNRESET" };
    return { kind: "done", etag: `"e${number}"` };
  }
}

/** A journal whose disk takes nothing while `fails`, and removes nothing while `failsToForget`. */
class FailingJournal {
  fails = false;
  failsToForget = false;
  readonly #journal: FakeJournal;

  constructor(clock: ManualClock) {
    this.#journal = new FakeJournal({ clock });
  }

  get: FakeJournal["get"] = (space, key) => this.#journal.get(space, key);
  list: FakeJournal["list"] = (space) => this.#journal.list(space);

  put(documents: readonly JournalDocument[]): void {
    if (this.fails || (this.failsToForget && documents.some(({ value }) => value === undefined))) {
      throw new AgentError("journal.unavailable", { what: "as the test wants it", remedy: "" });
    }
    this.#journal.put(documents);
  }
}

describe("Uploader", () => {
  it("puts a file together as it is, whatever the link and the store do, and tells of it only then", async () => {
    const fate = fc.constantFrom<Fate>("taken", "taken", "taken", "lost", "cut", "refused", "expired");
    const lives = fc.array(fc.array(fate, { maxLength: 12 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(lives, async (fatesOfLives) => {
        const clock = new ManualClock();
        const journal = new FakeJournal({ clock });
        const store = new ModelStore();
        new UploadBook(journal).put(withPlace(PLAN, partsOf("a")));
        const told: UploadedFile[] = [];
        for (const fates of [...fatesOfLives, [], []]) {
          store.fates.splice(0, store.fates.length, ...fates);
          const { book, uploader, uploaded, log } = uploaderRig(journal, clock, store);
          const plan = book.get("u-1");
          if (plan?.state === "waiting") book.put(withPlace(plan, partsOf("a")));
          await runFor(uploader, clock, 10 * HOUR_MS);
          if (uploaded.length > 0) expect(store.object).toEqual(FILE);
          told.push(...uploaded);
          expect(JSON.stringify([log.entries, uploaded])).not.toContain("canary");
        }
        expect(told).toHaveLength(1);
        expect(told[0]).toMatchObject({ upload: "u-1", sha256: PLAN.sha256, location: "https://b.example.com/k" });
        expect(new UploadBook(journal).plans).toEqual([]);
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  it("sends no part again that the store has told to have, and all of them for another upload of the store", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const store = new ModelStore();
    store.fates.push("taken", "taken", "expired");
    const { book, uploader, notices } = uploaderRig(journal, clock, store);
    book.put(withPlace(PLAN, partsOf("a")));
    await runFor(uploader, clock, HOUR_MS);
    expect(notices.map(({ event }) => event)).toEqual(["upload.place-wanted"]);
    const waiting = book.get("u-1");
    expect(waiting).toMatchObject({ state: "waiting", place: undefined });
    if (waiting === undefined) throw new Error("gone");
    expect(withPlace(waiting, partsOf("b")).etags).toEqual([]);
    book.put(withPlace(waiting, partsOf("a")));
    await runFor(uploader, clock, HOUR_MS);
    expect(store.puts).toEqual(["1", "2", "3", "4", "5", "0"]);
  });

  it("keeps to the bytes of a day, over restarts", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const store = new ModelStore();
    const first = uploaderRig(journal, clock, store, { dayBytes: 25 });
    first.book.put(withPlace(PLAN, partsOf("a")));
    await runFor(first.uploader, clock, HOUR_MS);
    expect(store.puts).toEqual(["1", "2"]);
    expect(first.uploader.problemOf("u-1")).toBe("files.dayBytes used");
    const second = uploaderRig(journal, clock, store, { dayBytes: 25 });
    await runFor(second.uploader, clock, HOUR_MS);
    expect(store.puts).toHaveLength(2);
    clock.stepWall(86_400_000_000);
    await runFor(second.uploader, clock, HOUR_MS);
    expect(store.puts).toEqual(["1", "2", "3", "4"]);
  });

  it("tells once, and holds the file until the record is durable", async () => {
    const clock = new ManualClock();
    const { book, uploader, uploaded, released, disk } = uploaderRig(
      new FakeJournal({ clock }),
      clock,
      new ModelStore(),
    );
    disk.isStored = false;
    book.put(withPlace(PLAN, { kind: "whole", url: urlOf(1, "a") }));
    await runFor(uploader, clock, HOUR_MS);
    expect([uploaded.length, released, book.get("u-1")?.state]).toEqual([1, [], "stored"]);
    disk.isStored = true;
    await runFor(uploader, clock, HOUR_MS);
    expect([uploaded.length, released, book.plans.length]).toEqual([1, ["u-1"], 0]);
  });

  it("gives up a file that nobody wants any more after running so long, over restarts, and says so", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    new UploadBook(journal).put(PLAN);
    for (let day = 0; day < 6; day += 1) {
      const { uploader, notices } = uploaderRig(journal, clock, new ModelStore());
      await runFor(uploader, clock, 24 * HOUR_MS);
      expect(notices).toEqual([]);
    }
    const { uploader, notices, released } = uploaderRig(journal, clock, new ModelStore());
    await runFor(uploader, clock, 25 * HOUR_MS);
    expect(notices.map(({ event }) => event)).toEqual(["upload.failed"]);
    expect(released).toEqual(["u-1"]);
    expect(new UploadBook(journal).plans).toEqual([]);
  });

  it("sends and tells nothing twice while the journal takes nothing", async () => {
    const clock = new ManualClock();
    const journal = new FailingJournal(clock);
    const store = new ModelStore();
    const { book, uploader, uploaded, released, notices } = uploaderRig(journal, clock, store);
    book.put(withPlace(PLAN, { kind: "whole", url: urlOf(1, "a") }));
    store.onTaken = () => {
      journal.fails = true;
    };
    await runFor(uploader, clock, 9 * HOUR_MS);
    expect([store.puts, uploaded]).toEqual([["1"], []]);
    journal.fails = false;
    // The end is told before the journal fails again, and cannot be written down.
    journal.failsToForget = true;
    await runFor(uploader, clock, 9 * HOUR_MS);
    expect([store.puts, uploaded.length, book.get("u-1")?.state]).toEqual([["1"], 1, "stored"]);
    journal.failsToForget = false;
    await runFor(uploader, clock, HOUR_MS);
    expect([store.puts, uploaded.length, notices, book.plans]).toEqual([["1"], 1, [], []]);
    expect(released).toContain("u-1");
  });

  it("asks for a place once while the journal takes nothing", async () => {
    const clock = new ManualClock();
    const journal = new FailingJournal(clock);
    const { book, uploader, notices } = uploaderRig(journal, clock, {
      send: async () => {
        journal.fails = true;
        return { kind: "refused", status: 403, code: "AccessDenied", isExpired: false };
      },
    });
    book.put(withPlace(PLAN, { kind: "whole", url: urlOf(1, "a") }));
    await runFor(uploader, clock, 9 * HOUR_MS);
    expect([notices.length, uploader.counts.refused]).toEqual([1, 1]);
    journal.fails = false;
    await runFor(uploader, clock, HOUR_MS);
    expect([notices.length, book.get("u-1")?.state]).toEqual([1, "waiting"]);
  });

  it("cuts what is on its way when somebody names another place", async () => {
    const clock = new ManualClock();
    const asked: string[] = [];
    const journal = new FakeJournal({ clock });
    const { book, uploader, uploaded } = uploaderRig(journal, clock, {
      send: ({ url }, _, signal) => {
        asked.push(new URL(url).pathname);
        if (asked.length > 1) return Promise.resolve({ kind: "done", etag: undefined });
        const cut = Promise.withResolvers<StoreAnswer>();
        signal.addEventListener("abort", () => cut.resolve({ kind: "unavailable", detail: "cut" }));
        return cut.promise;
      },
    });
    book.put(withPlace(PLAN, { kind: "whole", url: "https://b.example.com/old" }));
    const stopping = new AbortController();
    const done = uploader.run(stopping.signal);
    await clock.run(HOUR_MS);
    book.put(withPlace(PLAN, { kind: "whole", url: "https://b.example.com/new" }));
    uploader.wake("u-1");
    await clock.run(1000);
    expect(asked).toEqual(["/old", "/new"]);
    expect([uploaded.map(({ location }) => location), uploader.counts.retried]).toEqual([
      ["https://b.example.com/new"],
      0,
    ]);
    stopping.abort();
    await clock.run(1);
    await done;
  });

  it("sends nothing that the configuration allows no more", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const store = new ModelStore();
    const hostGone = uploaderRig(journal, clock, store, { hosts: ["c.example.com"] });
    hostGone.book.put(withPlace(PLAN, partsOf("a")));
    await runFor(hostGone.uploader, clock, HOUR_MS);
    expect([store.puts, hostGone.notices.map(({ event }) => event)]).toEqual([[], ["upload.place-wanted"]]);
    expect(hostGone.book.get("u-1")).toMatchObject({ state: "waiting", place: undefined });
    expect(hostGone.uploader.problemOf("u-1")).toContain("files.hosts does not list");
    expect(JSON.stringify([journal.list("uploads"), hostGone.notices, hostGone.log.entries])).not.toContain("canary");
    const kindGone = uploaderRig(journal, clock, store, { kinds: ["dbc"] });
    await runFor(kindGone.uploader, clock, HOUR_MS);
    expect([kindGone.notices[0]?.event, kindGone.released, kindGone.book.plans]).toEqual([
      "upload.failed",
      ["u-1"],
      [],
    ]);
  });
});
