import { createHash } from "node:crypto";
import { BucketUploads } from "../../../agent/files/bucket-uploads.ts";
import { UploadBook } from "../../../agent/files/upload-book.ts";
import { UploadBudget } from "../../../agent/files/upload-budget.ts";
import type { UploadPlan } from "../../../agent/files/upload-plan.ts";
import { UploadReports } from "../../../agent/files/upload-reports.ts";
import { Uploader } from "../../../agent/files/uploader.ts";
import type { ObjectStore } from "../../../agent/ports/object-store.ts";
import type { Notice } from "../../../agent/telemetry/record/encode/events.ts";
import type { UploadedFile } from "../../../agent/telemetry/record/encode/uploaded-file.ts";
import type { SleepLine } from "../../../agent/vehicle/sleep/sleep-line.ts";
import type { FilesConfig } from "../../../config/files.ts";
import type { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeHeldFiles } from "../../fakes/ports/held-files.ts";
import type { FakeJournal } from "../../fakes/ports/journal.ts";

export const HOUR_MS = 3_600_000;
/** The file that is held for `PLAN`. */
export const FILE = Uint8Array.from({ length: 47 }, (_, at) => (at * 7 + 3) % 251);
/** An upload that waits for a place. */
export const PLAN: UploadPlan = {
  id: "u-1",
  kind: "capture",
  name: "00001-0001.log",
  sizeBytes: FILE.length,
  sha256: createHash("sha256").update(FILE).digest("hex"),
  reason: "",
  state: "waiting",
  etags: [],
  idleMs: 0,
};

const ALLOWED = { dayBytes: 1e9, hosts: ["b.example.com"], kinds: ["bundle", "capture", "dbc"] } as const;

/** An uploader on `journal` that sends to `store`, with all that it tells. */
export function uploaderRig(
  journal: Pick<FakeJournal, "get" | "list" | "put">,
  clock: ManualClock,
  store: ObjectStore,
  change: Partial<FilesConfig> = {},
  sleep?: Pick<SleepLine, "phase">,
) {
  const { dayBytes, hosts, kinds } = { ...ALLOWED, ...change };
  const uploaded: UploadedFile[] = [];
  const notices: Notice[] = [];
  const log = new MemoryLog();
  const disk = { isStored: true };
  const files = new FakeHeldFiles(new Map(), new Map([[PLAN.id, FILE]]));
  const book = new UploadBook(journal);
  const uploader = new Uploader({
    settings: {
      hosts: [...hosts],
      kinds: [...kinds],
      giveUpMs: 168 * HOUR_MS,
      reconnect: { minMs: 2000, maxMs: 900_000 },
    },
    book,
    budget: new UploadBudget({ settings: { dayBytes, metered: "send" }, book, links: undefined, sleep, clock }),
    files,
    destinations: { store, buckets: new BucketUploads({ buckets: undefined, thing: "van" }) },
    reports: new UploadReports({
      uploaded: {
        handOver: (some) => void uploaded.push(...some),
        hasRoom: () => true,
        isStored: () => disk.isStored,
      },
      notices: { handOver: (some) => void notices.push(...some) },
      wallUs: () => clock.wallUs(),
      log,
    }),
    clock,
    random: () => 0.5,
  });
  return { book, uploader, uploaded, notices, released: files.released, log, disk };
}

/** Runs it for so long, and stops it in order. */
export async function runFor(uploader: Uploader, clock: ManualClock, ms: number): Promise<void> {
  const stopping = new AbortController();
  const done = uploader.run(stopping.signal);
  await clock.run(ms);
  stopping.abort();
  await clock.run(1);
  await done;
}
