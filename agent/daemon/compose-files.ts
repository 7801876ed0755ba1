import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FilesConfig } from "../../config/files.ts";
import type { AgentConfig } from "../../config/schema.ts";
import type { TlsIdentity } from "../../drivers/aws/identity/tls.ts";
import { openLogFolder } from "../../drivers/os/log-folder.ts";
import { heldFiles } from "../../drivers/os/upload/held-files.ts";
import { createHttpsStore } from "../../drivers/os/upload/https-store.ts";
import { packFiles } from "../../drivers/os/upload/packed-files.ts";
import { AgentError, errnoOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { BucketUploads } from "../files/bucket-uploads.ts";
import type { FileSourceParts, MadeFiles } from "../files/file-sources.ts";
import { uploadFile } from "../files/upload-action.ts";
import { UploadBook } from "../files/upload-book.ts";
import { UploadBudget } from "../files/upload-budget.ts";
import { problemOfUpload, uploadJob } from "../files/upload-job.ts";
import { runWithLink } from "../files/upload-link.ts";
import { UploadOrders } from "../files/upload-orders.ts";
import { sentBytes } from "../files/upload-plan.ts";
import { UploadReports } from "../files/upload-reports.ts";
import { takeToSleep } from "../files/upload-sleep.ts";
import { Uploader } from "../files/uploader.ts";
import type { FilesStatus } from "../local-api/files-status.ts";
import type { Broker } from "../ports/broker.ts";
import type { Journal } from "../ports/journal.ts";
import type { HeldFiles, ObjectStore } from "../ports/object-store.ts";
import type { BucketStore } from "./compose-buckets.ts";
import { composeProxy } from "./compose-proxy.ts";
import type { DataLine, FilesLine, LinkLine, Runtime, Sleep } from "./parts.ts";
import { loopService } from "./services.ts";

const HOUR_MS = 3_600_000;
/** Between two tries of a request that came to nothing. */
const RECONNECT = { minMs: 2000, maxMs: 900_000 } as const;
/** A connection that is slower for a minute is cut and made anew, bytes/s. */
const SLOWEST = { minBytesPerSecond: 500, minRateWindowMs: 60_000 } as const;

/** Where files come from. */
type SourceConfig = {
  readonly frameLog?: { readonly folder: string } | undefined;
  readonly dbc: readonly { readonly file: string }[];
};

export type FilesComposeParts = {
  readonly settings: FilesConfig;
  readonly loaded: { readonly config: SourceConfig & Pick<AgentConfig, "stateDir" | "proxy" | "thingName"> };
  readonly identity: TlsIdentity;
  readonly line: Pick<DataLine, "loggedFile"> & {
    readonly records: Pick<DataLine["records"], "uploadedFiles" | "notices">;
  };
  readonly broker: Pick<Broker, "online" | "status">;
  readonly links: LinkLine | undefined;
  readonly sleep: Pick<Sleep, "keeper"> | undefined;
  readonly journal: Journal;
};

/** The part of the composition root for uploads; undefined where the journal cannot be read. Rejects with the system's error where `files.caFile` cannot be. */
export async function composeFiles(
  parts: FilesComposeParts,
  runtime: Pick<Runtime, "clock" | "log" | "random" | "environment">,
): Promise<FilesLine | undefined> {
  const { settings, loaded, line, links, sleep, journal } = parts;
  const { clock, log, random } = runtime;
  const { config } = loaded;
  const book = openBook(journal, log);
  if (book === undefined) return undefined;
  const files = heldFiles(join(config.stateDir, "uploads"));
  await removeOthers(files, book, log);
  const budget = new UploadBudget({ settings, book, links, sleep: sleep?.keeper.line, clock });
  const store = await httpsStoreOf(parts, runtime);
  const signed = await bucketStoreOf(parts, store, runtime);
  const buckets = new BucketUploads({ buckets: settings.buckets, thing: config.thingName });
  const { uploadedFiles: uploaded, notices } = line.records;
  const { hosts, kinds } = settings;
  const reports = new UploadReports({ uploaded, notices, wallUs: () => clock.wallUs(), log });
  const uploader = new Uploader({
    settings: { hosts, kinds, giveUpMs: settings.giveUpHours * HOUR_MS, reconnect: RECONNECT },
    book,
    budget,
    files,
    destinations: { store: signed?.store ?? store, buckets },
    reports,
    clock,
    random,
  });
  if (sleep !== undefined) takeToSleep(uploader, sleep.keeper, clock);
  let made: MadeFiles | undefined;
  const sources = sourcesOf(settings, config, () => made, line.loggedFile);
  const orders = new UploadOrders({ settings, sources, book, files, buckets, uploader, name: randomUUID, clock });
  return {
    offer: (support) => {
      made = support;
    },
    actions: [uploadFile(orders)],
    job: { handler: uploadJob({ orders, journal }), problem: (document) => problemOfUpload(document, orders) },
    local: { orders, wantPlace: (plan, why) => reports.wantsPlace(plan, why) },
    status: () => filesStatusOf({ settings, book, budget, uploader, credentials: signed?.credentials }),
    service: loopService("uploads", { run: (signal) => runWithLink(uploader, parts.broker, signal) }),
  };
}

async function httpsStoreOf(
  { settings, loaded: { config } }: FilesComposeParts,
  { clock, environment }: Pick<Runtime, "clock" | "environment">,
): Promise<ObjectStore> {
  return createHttpsStore({
    settings: { ...SLOWEST, maxBytesPerSecond: settings.maxBytesPerSecond },
    ca: settings.caFile === undefined ? undefined : await readFile(settings.caFile, "utf8"),
    proxyFor: composeProxy({ config, environment }),
    clock,
  });
}

/** Undefined where there is no bucket: then nothing of it is loaded. */
async function bucketStoreOf(
  { settings: { credentialsHost: host, buckets }, loaded: { config }, identity }: FilesComposeParts,
  store: ObjectStore,
  runtime: Pick<Runtime, "clock" | "random" | "environment">,
): Promise<BucketStore | undefined> {
  if (buckets === undefined || host === undefined) return undefined;
  const { composeBuckets } = await import("./compose-buckets.ts");
  return composeBuckets({ host, config, identity, store }, runtime);
}

/** A disk that does not take it costs its space until the next start: the agent has more to do than this. */
async function removeOthers(files: Pick<HeldFiles, "keepOnly">, book: UploadBook, log: Log): Promise<void> {
  try {
    await files.keepOnly(new Set(book.plans.map(({ id }) => id)));
  } catch (thrown) {
    const why = errnoOf(thrown);
    if (why === undefined) throw thrown;
    log.warn("upload.not-cleaned", { why });
  }
}

function openBook(journal: Journal, log: Log): UploadBook | undefined {
  try {
    return new UploadBook(journal);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    log.error("upload.not-opened", { code: thrown.code, what: thrown.message, remedy: thrown.remedy });
    return undefined;
  }
}

function sourcesOf(
  { kinds }: FilesConfig,
  { frameLog, dbc }: SourceConfig,
  made: FileSourceParts["made"],
  current: () => string | undefined,
): FileSourceParts {
  const dbcFiles = dbc.map(({ file }) => file);
  if (frameLog === undefined) return { kinds, made, frameLog: undefined, dbcFiles, pack: packFiles };
  const { folder } = frameLog;
  const logs = { folder, current, list: () => openLogFolder(folder).list() };
  return { kinds, made, frameLog: logs, dbcFiles, pack: packFiles };
}

type StatusParts = {
  readonly settings: Pick<FilesConfig, "dayBytes">;
  readonly book: Pick<UploadBook, "plans">;
  readonly budget: Pick<UploadBudget, "dayUsedBytes">;
  readonly uploader: Pick<Uploader, "counts" | "problemOf">;
  readonly credentials: BucketStore["credentials"] | undefined;
};

function filesStatusOf({ settings, book, budget, uploader, credentials }: StatusParts): FilesStatus {
  const uploads = book.plans.map((plan) => {
    const { id: upload, kind, name, state, sizeBytes: bytes } = plan;
    return { upload, kind, name, state, bytes, sentBytes: sentBytes(plan), problem: uploader.problemOf(upload) };
  });
  return {
    uploads,
    ...uploader.counts,
    dayUsedBytes: budget.dayUsedBytes,
    dayBytes: settings.dayBytes,
    credentials: credentials?.(),
  };
}
