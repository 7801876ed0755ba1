import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BucketUploads } from "../../../agent/files/bucket-uploads.ts";
import { UploadBook } from "../../../agent/files/upload-book.ts";
import { UploadBudget } from "../../../agent/files/upload-budget.ts";
import { type UploadPlan, withPlace } from "../../../agent/files/upload-plan.ts";
import { UploadReports } from "../../../agent/files/upload-reports.ts";
import { Uploader } from "../../../agent/files/uploader.ts";
import type { ObjectStore } from "../../../agent/ports/object-store.ts";
import type { Notice } from "../../../agent/telemetry/record/encode/events.ts";
import type { UploadedFile } from "../../../agent/telemetry/record/encode/uploaded-file.ts";
import { bucketsConfig } from "../../../config/buckets.ts";
import { digestOf, type Fate, ModelBucket, PART } from "../../fakes/cloud/model-bucket.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const SEED = 1841;
const HOUR_MS = 3_600_000;
const SIZE = 4 * PART + 7;
const PARTS = 5;
const PLAN: UploadPlan = {
  id: "u-1",
  kind: "capture",
  name: "00001-0001.log",
  sizeBytes: SIZE,
  sha256: "0f".repeat(32),
  reason: "",
  state: "waiting",
  etags: [],
  idleMs: 0,
};
const OBJECT = "https://fleet.s3.eu-central-1.amazonaws.com/van/u-1/00001-0001.log";
const CAPTURES = { bucket: "fleet", region: "eu-central-1", roleAlias: "uploads", partBytes: PART };
const BUCKETS = bucketsConfig.parse({ captures: CAPTURES });

/** A journal whose process is killed at a write, before or after it. */
class DyingJournal implements Pick<FakeJournal, "get" | "list" | "put"> {
  readonly #disk: FakeJournal;
  readonly #at: number;
  readonly #isAfter: boolean;
  #writes = 0;

  constructor(disk: FakeJournal, at: number, isAfter: boolean) {
    this.#disk = disk;
    this.#at = at;
    this.#isAfter = isAfter;
  }

  get: FakeJournal["get"] = (space, key) => this.#disk.get(space, key);
  list: FakeJournal["list"] = (space) => this.#disk.list(space);

  put(documents: Parameters<FakeJournal["put"]>[0]): void {
    this.#writes += 1;
    if (this.#writes < this.#at || (this.#isAfter && this.#writes === this.#at)) this.#disk.put(documents);
    if (this.#writes >= this.#at) throw new Error("killed");
  }
}

const WHOLE = Array.from({ length: PARTS }, (_, at) => digestOf(at * PART, Math.min(PART, SIZE - at * PART)));

function rig(
  journal: Pick<FakeJournal, "get" | "list" | "put">,
  clock: ManualClock,
  store: ObjectStore,
  buckets = BUCKETS,
) {
  const uploaded: UploadedFile[] = [];
  const notices: Notice[] = [];
  const released: string[] = [];
  const log = new MemoryLog();
  const book = new UploadBook(journal);
  const uploader = new Uploader({
    settings: { hosts: [], kinds: ["capture"], giveUpMs: 168 * HOUR_MS, reconnect: { minMs: 2000, maxMs: 900_000 } },
    book,
    budget: new UploadBudget({
      settings: { dayBytes: 1e12, metered: "send" },
      book,
      links: undefined,
      sleep: undefined,
      clock,
    }),
    files: {
      hold: async () => "too-large",
      pathOf: (id) => id,
      digestOf: async (_, offset, bytes) => digestOf(offset, bytes),
      release: async (id) => void released.push(id),
      keepOnly: async () => undefined,
    },
    destinations: { store, buckets: new BucketUploads({ buckets, thing: "van" }) },
    reports: new UploadReports({
      uploaded: { handOver: (some) => void uploaded.push(...some), hasRoom: () => true, isStored: () => true },
      notices: { handOver: (some) => void notices.push(...some) },
      wallUs: () => clock.wallUs(),
      log,
    }),
    clock,
    random: () => 0.5,
  });
  return { book, uploader, uploaded, notices, released, log };
}

/** Runs it for so long, and stops it in order. */
async function runFor(uploader: Uploader, clock: ManualClock, ms: number): Promise<void> {
  const stopping = new AbortController();
  const ended = uploader.run(stopping.signal);
  // Whoever waits for it hears of it.
  ended.catch(() => undefined);
  await clock.run(ms);
  stopping.abort();
  await clock.run(1);
  await ended;
}

const TO_BUCKET = withPlace(PLAN, { kind: "bucket", bucket: "captures" });

describe("an upload to a bucket", () => {
  it("puts the object together from the parts of the file, whatever the link and the store do, and tells of it once", async () => {
    const fate = fc.constantFrom<Fate>("taken", "taken", "taken", "lost", "cut", "refused", "forgotten");
    const lives = fc.array(fc.array(fate, { maxLength: 14 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(lives, async (fatesOfLives) => {
        const clock = new ManualClock();
        const journal = new FakeJournal({ clock });
        const store = new ModelBucket();
        new UploadBook(journal).put(TO_BUCKET);
        const told: UploadedFile[] = [];
        const ends: Notice[] = [];
        for (const fates of [...fatesOfLives, []]) {
          store.fates.splice(0, store.fates.length, ...fates);
          const { uploader, uploaded, notices } = rig(journal, clock, store);
          await runFor(uploader, clock, 20 * HOUR_MS);
          if (uploaded.length > 0) expect(store.objects.at(-1)).toEqual(WHOLE);
          told.push(...uploaded);
          ends.push(...notices.filter(({ event }) => event === "upload.failed"));
        }
        // It is given up only where the store has forgotten it more often than it may.
        expect(told.length + ends.length).toBe(1);
        if (ends.length === 1) expect(ends[0]?.detail).toContain("forgotten its parts again and again");
        else expect([told[0]?.isChecked, told[0]?.location]).toEqual([true, OBJECT]);
        expect(new UploadBook(journal).plans).toEqual([]);
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  it("is told once where the process is killed at any write, and never before the object is there", async () => {
    let kills = 0;
    for (let at = 1; ; at += 1) {
      for (const isAfter of [false, true]) {
        const clock = new ManualClock();
        const disk = new FakeJournal({ clock });
        const store = new ModelBucket();
        new UploadBook(disk).put(TO_BUCKET);
        const journal = new DyingJournal(disk, at, isAfter);
        const first = rig(journal, clock, store);
        const died = await runFor(first.uploader, clock, HOUR_MS).then(
          () => false,
          () => true,
        );
        if (!died) return expect(kills).toBeGreaterThan(16);
        kills += 1;
        const second = rig(disk, clock, store);
        await runFor(second.uploader, clock, HOUR_MS);
        const told = [...first.uploaded, ...second.uploaded];
        expect(new Set(told.map(({ upload }) => upload))).toEqual(new Set(["u-1"]));
        expect(store.objects.at(-1)).toEqual(WHOLE);
        expect(second.book.plans).toEqual([]);
        // An upload that nobody wrote down is begun again, a part asked for before it is sent again, and an end that was lost costs all.
        const repeated = store.steps.length - 7;
        if (store.objects.length === 1) expect(repeated).toBeLessThanOrEqual(2);
        else expect([store.objects.length, repeated]).toEqual([2, 7]);
      }
    }
  });

  it("does not send a part again whose answer was lost, and asks for it only then", async () => {
    const clock = new ManualClock();
    const store = new ModelBucket();
    store.fates.push("taken", "taken", "lost", "taken", "cut");
    const { book, uploader, uploaded } = rig(new FakeJournal({ clock }), clock, store);
    book.put(TO_BUCKET);
    await runFor(uploader, clock, HOUR_MS);
    expect(store.steps).toEqual(["create", "1", "2", "list", "list", "3", "4", "5", "complete"]);
    expect(uploaded).toHaveLength(1);
  });

  it("sends it again where the store says of no parts what it has", async () => {
    const clock = new ManualClock();
    const store = new ModelBucket();
    store.mayList = false;
    store.fates.push("taken", "lost");
    const { book, uploader, uploaded } = rig(new FakeJournal({ clock }), clock, store);
    book.put(TO_BUCKET);
    await runFor(uploader, clock, HOUR_MS);
    expect(store.steps).toEqual(["create", "1", "list", "1", "2", "3", "4", "5", "complete"]);
    expect(uploaded).toHaveLength(1);
  });

  it("takes no part for sent that the store has with other bytes", async () => {
    const clock = new ManualClock();
    const store = new ModelBucket();
    store.fates.push("taken", "lost");
    const { book, uploader, uploaded } = rig(new FakeJournal({ clock }), clock, store);
    book.put(TO_BUCKET);
    await runFor(uploader, clock, 1);
    const [upload] = store.uploads.values();
    upload?.parts.set(1, { sha256: "0f".repeat(32), bytes: PART });
    await runFor(uploader, clock, HOUR_MS);
    expect(store.steps).toEqual(["create", "1", "list", "1", "2", "3", "4", "5", "complete"]);
    expect([store.objects, uploaded.length]).toEqual([[WHOLE], 1]);
  });

  it("waits longer and longer for parts that do not arrive, though the store answers what it has, and gives them up", async () => {
    const clock = new ManualClock();
    const store = new ModelBucket();
    store.takesParts = false;
    const { book, uploader, notices } = rig(new FakeJournal({ clock }), clock, store);
    book.put(TO_BUCKET);
    await runFor(uploader, clock, 169 * HOUR_MS);
    expect(notices.map(({ event }) => event)).toEqual(["upload.failed"]);
    expect(store.steps.filter((step) => step === "list").length).toBeLessThan(168 * 9);
    expect(store.uploads.size).toBe(0);
  });

  it("is tried again from time to time where the bucket refuses it, and says so once", async () => {
    const clock = new ManualClock();
    const store = new ModelBucket();
    store.fates.push(...Array.from({ length: 100 }, () => "refused" as const));
    const { book, uploader, notices } = rig(new FakeJournal({ clock }), clock, store);
    book.put(TO_BUCKET);
    await runFor(uploader, clock, 4.1 * HOUR_MS);
    expect(notices.map(({ event, detail }) => `${event}: ${detail}`)).toEqual([
      "upload.refused: upload u-1 of 00001-0001.log (capture): the store refuses it: HTTP 403 AccessDenied",
    ]);
    expect(100 - store.fates.length).toBe(17);
  });

  it("is given up where nothing of it arrives for so long, and the store forgets its parts when it can be reached again", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const store = new ModelBucket();
    const first = rig(journal, clock, store);
    store.fates.push("taken", "taken", ...Array.from({ length: 5000 }, () => "cut" as const));
    first.book.put(TO_BUCKET);
    await runFor(first.uploader, clock, 170 * HOUR_MS);
    expect(first.notices.map(({ event }) => event)).toEqual(["upload.failed"]);
    expect([first.released, first.book.get("u-1")?.state, store.uploads.size]).toEqual([["u-1"], "aborting", 1]);
    store.fates.splice(0);
    const second = rig(journal, clock, store);
    await runFor(second.uploader, clock, HOUR_MS);
    expect([store.uploads.size, second.book.plans, second.notices]).toEqual([0, [], []]);
  });

  it("goes nowhere where the configuration has the bucket no more, and begins anew where it has become another", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const store = new ModelBucket();
    const first = rig(journal, clock, store);
    store.fates.push("taken", "taken", ...Array.from({ length: 50 }, () => "cut" as const));
    first.book.put(TO_BUCKET);
    await runFor(first.uploader, clock, HOUR_MS / 4);
    store.fates.splice(0);
    const moved = bucketsConfig.parse({ captures: { ...BUCKETS.captures, bucket: "other" } });
    const second = rig(journal, clock, store, moved);
    await runFor(second.uploader, clock, HOUR_MS);
    expect(second.uploaded[0]?.location).toMatch(/^https:\/\/other\.s3\./);
    expect(store.objects).toEqual([WHOLE]);
    second.book.put(TO_BUCKET);
    const third = rig(journal, clock, store, bucketsConfig.parse({}));
    third.uploader.wake("u-1");
    await runFor(third.uploader, clock, HOUR_MS);
    expect(third.notices[0]?.detail).toContain("files.buckets has no captures any more");
  });

  it("aborts no more uploads that were given up than a journal has room for", async () => {
    const clock = new ManualClock();
    const store = new ModelBucket();
    const { book, uploader } = rig(new FakeJournal({ clock }), clock, store);
    const at = { url: "https://fleet.s3.eu-central-1.amazonaws.com/x", partBytes: PART, uploadId: "i" };
    for (let number = 1; number <= 20; number += 1) {
      book.put({ ...TO_BUCKET, id: `u-${number}`, place: { kind: "bucket", bucket: "captures", at } });
      await uploader.cancel(`u-${number}`);
    }
    expect(book.plans.map(({ id }) => id)).toEqual(Array.from({ length: 16 }, (_, number) => `u-${number + 5}`));
  });
});
