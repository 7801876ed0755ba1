import { execFile } from "node:child_process";
import { type FileHandle, open, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { type BackoffBounds, fullJitterMs } from "../../agent/core/backoff.ts";
import type { Clock } from "../../agent/core/clock.ts";
import { errnoOf, messageOf } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import type {
  ArtifactSource,
  Downloader,
  DownloadOutcome,
  FetchedArtifact,
  FileSource,
  RangeAnswer,
} from "../../agent/update-ports.ts";
import { requestRange } from "./https-source.ts";
import { PartialFile } from "./partial-file.ts";
import { RateLimit } from "./rate-limit.ts";

const COPY_BYTES = 262_144;

/** Bounds of a download. */
export type DownloadSettings = {
  /** At most, bytes/s; undefined for no limit. */
  readonly maxBytesPerSecond: number | undefined;
  /** A connection that is slower over `minRateWindowMs` is cut and made anew. */
  readonly minBytesPerSecond: number;
  readonly minRateWindowMs: number;
  /** Without a new byte for this long it is given up, ms. */
  readonly giveUpMs: number;
  readonly reconnect: BackoffBounds;
  /** Space that stays free beside the download, bytes. */
  readonly spareBytes: number;
};

/** What a downloader is made of. `ca`: root certificates in place of Node's, PEM. */
export type DownloadParts = {
  readonly settings: DownloadSettings;
  readonly ca: string | undefined;
  readonly streams: FileSource;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
};

/** How one connection ended. */
type Attempt =
  | { readonly kind: "over"; readonly outcome: DownloadOutcome }
  | { readonly kind: "retry"; readonly why: string };

/** Fetches over HTTPS with ranges or over MQTT in blocks, or copies a local file, hashing the bytes as they come. Reserves the disk space first. */
export function createDownloader(parts: DownloadParts): Downloader {
  return {
    download: async (source, artifact, onProgress, signal) => {
      let partial: PartialFile | undefined;
      try {
        partial = await PartialFile.open(artifact);
        const shortage = await reserve(artifact, partial.bytes, parts.settings.spareBytes);
        if (shortage !== undefined) return { kind: "no-space", detail: shortage };
        const transfer = new Transfer(parts, source, artifact, partial, onProgress);
        return await transfer.run(signal);
      } catch (thrown) {
        return failure(thrown, signal);
      } finally {
        await partial?.close();
      }
    },
  };
}

class Transfer {
  readonly #parts: DownloadParts;
  readonly #source: ArtifactSource;
  readonly #artifact: FetchedArtifact;
  readonly #partial: PartialFile;
  readonly #onProgress: (bytes: number) => void;
  readonly #limit: RateLimit;
  #fetchedBytes = 0;
  #requests = 0;

  constructor(
    parts: DownloadParts,
    source: ArtifactSource,
    artifact: FetchedArtifact,
    partial: PartialFile,
    onProgress: (bytes: number) => void,
  ) {
    this.#parts = parts;
    this.#source = source;
    this.#artifact = artifact;
    this.#partial = partial;
    this.#onProgress = onProgress;
    this.#limit = new RateLimit(parts.settings, parts.clock);
  }

  async run(signal: AbortSignal): Promise<DownloadOutcome> {
    const { clock, settings, random, log } = this.#parts;
    this.#onProgress(this.#partial.bytes);
    let progressMs = clock.monotonicMs();
    let failures = 0;
    while (!signal.aborted) {
      if (this.#partial.bytes === this.#artifact.sizeBytes) return this.#judge();
      const before = this.#fetchedBytes;
      const attempt = await this.#attempt(signal);
      if (attempt.kind === "over") return attempt.outcome;
      if (signal.aborted) break;
      if (this.#partial.bytes === this.#artifact.sizeBytes) continue;
      if (this.#fetchedBytes > before) {
        progressMs = clock.monotonicMs();
        failures = 0;
      }
      const { name } = this.#artifact;
      log.info("download.interrupted", { name, bytes: this.#partial.bytes, why: attempt.why });
      if (clock.monotonicMs() - progressMs >= settings.giveUpMs) {
        return { kind: "failed", detail: `${name}: no byte for ${settings.giveUpMs} ms: ${attempt.why}` };
      }
      await clock.sleep(fullJitterMs(failures, settings.reconnect, random), signal);
      failures += 1;
    }
    return { kind: "stopped" };
  }

  async #attempt(signal: AbortSignal): Promise<Attempt> {
    try {
      const source = this.#source;
      if (source.kind === "file") return await this.#copy(source.path, signal);
      return await this.#fetch(source, signal);
    } catch (thrown) {
      if (errnoOf(thrown) === "ENOSPC" || errnoOf(thrown) === "EDQUOT") throw thrown;
      return { kind: "retry", why: messageOf(thrown) };
    } finally {
      // What came before the cut is kept, whatever ends the process next.
      await this.#partial.sync();
    }
  }

  async #fetch(source: Exclude<ArtifactSource, { kind: "file" }>, signal: AbortSignal): Promise<Attempt> {
    this.#requests += 1;
    const answer = await this.#request(source, signal);
    switch (answer.kind) {
      case "denied":
        return over({ kind: "denied", detail: `${this.#artifact.name}: ${answer.detail}` });
      case "unavailable":
        return { kind: "retry", why: answer.detail };
      case "range-refused":
        await this.#partial.restart(undefined);
        return { kind: "retry", why: "the server has another file now" };
      case "bytes":
        break;
    }
    try {
      const wrong = this.#wrongSize(answer.totalBytes);
      if (wrong !== undefined) return wrong;
      if (answer.offset === 0) await this.#partial.restart(answer.validator);
      return await this.#take(answer.body, signal);
    } finally {
      answer.end();
    }
  }

  #request(source: Exclude<ArtifactSource, { kind: "file" }>, signal: AbortSignal): Promise<RangeAnswer> {
    const { ca, streams, settings } = this.#parts;
    const { bytes: offset, validator } = this.#partial;
    if (source.kind === "stream") return streams.open(source, { offset, validator }, signal);
    return requestRange({ url: source.url, offset, validator, ca, idleMs: settings.minRateWindowMs }, signal);
  }

  async #copy(path: string, signal: AbortSignal): Promise<Attempt> {
    let file: FileHandle;
    try {
      file = await open(path);
    } catch (thrown) {
      return over({ kind: "denied", detail: messageOf(thrown) });
    }
    await using held = file;
    const wrong = this.#wrongSize((await held.stat()).size);
    return wrong ?? (await this.#take(chunksFrom(held, this.#partial.bytes), signal));
  }

  async #take(body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Attempt> {
    this.#limit.begin();
    for await (const chunk of body) {
      if (signal.aborted) break;
      if (this.#partial.bytes + chunk.length > this.#artifact.sizeBytes) return await this.#tampered("it is longer");
      await this.#partial.append(chunk);
      this.#fetchedBytes += chunk.length;
      this.#onProgress(this.#partial.bytes);
      await this.#limit.passed(chunk.length, signal);
    }
    return { kind: "retry", why: "the connection ended early" };
  }

  #wrongSize(totalBytes: number | undefined): Attempt | undefined {
    const { name, sizeBytes } = this.#artifact;
    if (totalBytes === undefined || totalBytes === sizeBytes) return undefined;
    return over({ kind: "tampered", detail: `${name}: the source has ${totalBytes} bytes, the manifest ${sizeBytes}` });
  }

  async #judge(): Promise<DownloadOutcome> {
    const { name, sha256 } = this.#artifact;
    const facts = { name, bytes: this.#partial.bytes, fetchedBytes: this.#fetchedBytes, requests: this.#requests };
    const found = this.#partial.digest();
    if (found === sha256) {
      await this.#partial.sync();
      this.#parts.log.info("download.completed", facts);
      return { kind: "complete" };
    }
    this.#parts.log.warn("download.tampered", facts);
    await this.#partial.restart(undefined);
    return { kind: "tampered", detail: `${name}: SHA-256 is ${found}, the manifest says ${sha256}` };
  }

  async #tampered(what: string): Promise<Attempt> {
    await this.#partial.restart(undefined);
    return over({ kind: "tampered", detail: `${this.#artifact.name}: ${what} than the manifest says` });
  }
}

function over(outcome: DownloadOutcome): Attempt {
  return { kind: "over", outcome };
}

async function* chunksFrom(file: FileHandle, offset: number): AsyncGenerator<Uint8Array> {
  for (let at = offset; ; ) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(COPY_BYTES), 0, COPY_BYTES, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** Sets the space for the rest of the file aside, so that nothing else takes it meanwhile. Gives what is short, or undefined. */
async function reserve(
  { file, name, sizeBytes }: FetchedArtifact,
  thereBytes: number,
  spareBytes: number,
): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(dirname(file));
  const neededBytes = sizeBytes - thereBytes + spareBytes;
  if (bavail * bsize < neededBytes) return `${name}: needs ${neededBytes} bytes, ${bavail * bsize} are free`;
  // Not every file system can set space aside; then a full disk is met while writing, and told in the same words.
  await new Promise<void>((resolve) => {
    execFile("fallocate", ["--keep-size", "--length", String(sizeBytes), file], () => resolve());
  });
  return undefined;
}

function failure(thrown: unknown, signal: AbortSignal): DownloadOutcome {
  if (signal.aborted) return { kind: "stopped" };
  const errno = errnoOf(thrown);
  if (errno === undefined) throw thrown;
  return { kind: errno === "ENOSPC" || errno === "EDQUOT" ? "no-space" : "failed", detail: messageOf(thrown) };
}
