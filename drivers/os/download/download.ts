import { type FileHandle, open } from "node:fs/promises";
import { type BackoffBounds, fullJitterMs } from "../../../agent/core/backoff.ts";
import type { Clock } from "../../../agent/core/clock.ts";
import { errnoOf, messageOf } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type { ProxyRule } from "../../../agent/ports/http-proxy.ts";
import type {
  ArtifactSource,
  Downloader,
  DownloadOutcome,
  FetchedArtifact,
  FileSource,
  RangeAnswer,
} from "../../../agent/ports/update.ts";
import { reserveSpace } from "./disk-space.ts";
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
  /** Without a new byte for this long it is given up, ms of running time, over all starts of the process. */
  readonly giveUpMs: number;
  /** A server that does not give the rest of a file sends its beginning again: given up when so many times its size came again. */
  readonly maxRepeats: number;
  readonly reconnect: BackoffBounds;
  /** Space that stays free beside the download, bytes. */
  readonly spareBytes: number;
};

/** `ca`: root certificates in place of Node's, PEM. */
export type DownloadParts = {
  readonly settings: DownloadSettings;
  readonly ca: string | undefined;
  readonly proxyFor: ProxyRule;
  readonly streams: FileSource;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
};

/** The bytes of one connection. */
type Piece = Pick<Extract<RangeAnswer, { readonly kind: "bytes" }>, "offset" | "validator" | "body">;

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
        partial = await PartialFile.open(artifact, parts.clock);
        const shortage = await reserveSpace(artifact, partial.bytes, parts.settings.spareBytes);
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

/** One download. What decides is progress: bytes that were not there before, whatever the server says of versions and ranges. */
class Transfer {
  readonly #parts: DownloadParts;
  readonly #source: ArtifactSource;
  readonly #artifact: FetchedArtifact;
  readonly #partial: PartialFile;
  readonly #onProgress: (bytes: number) => void;
  readonly #limit: RateLimit;
  /** The server does not give the rest alone. */
  #needsWhole = false;
  #fetchedBytes = 0;
  #requests = 0;
  /** The most that was there, and when that came; monotonic, ms. */
  #mostBytes: number;
  #progressMs: number;
  /** Attempts since then. */
  #failures = 0;

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
    this.#mostBytes = partial.bytes;
    this.#progressMs = parts.clock.monotonicMs() - partial.idleMs;
  }

  async run(signal: AbortSignal): Promise<DownloadOutcome> {
    const { clock, settings, random, log } = this.#parts;
    const { name, sizeBytes } = this.#artifact;
    this.#onProgress(this.#partial.bytes);
    while (!signal.aborted) {
      const attempt = this.#partial.bytes === sizeBytes ? await this.#judge() : await this.#attempt(signal);
      if (attempt.kind === "over") return attempt.outcome;
      if (signal.aborted) break;
      if (this.#partial.bytes === sizeBytes) continue;
      log.info("download.interrupted", { name, bytes: this.#partial.bytes, why: attempt.why });
      const lost = this.#lost();
      if (lost !== undefined) return await this.#giveUp(`${lost}: ${attempt.why}`);
      await clock.sleep(fullJitterMs(this.#failures, settings.reconnect, random), signal);
      this.#failures += 1;
    }
    return { kind: "stopped" };
  }

  /** Why it is not tried again; undefined while it is. */
  #lost(): string | undefined {
    const { giveUpMs } = this.#parts.settings;
    if (this.#hasSpentRepeats()) {
      return `${this.#partial.repeatedBytes} bytes came again from a server that does not give the rest of a file (HTTP Range)`;
    }
    return this.#partial.idleMs >= giveUpMs ? `no new byte for ${giveUpMs} ms` : undefined;
  }

  #hasSpentRepeats(): boolean {
    return this.#partial.repeatedBytes > this.#parts.settings.maxRepeats * this.#artifact.sizeBytes;
  }

  async #giveUp(why: string): Promise<DownloadOutcome> {
    if (this.#hasSpentRepeats()) this.#partial.forgiveRepeats();
    this.#partial.noteIdle(0);
    await this.#partial.sync();
    return { kind: "failed", detail: `${this.#artifact.name}: ${why}` };
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
      this.#noteProgress();
      await this.#partial.sync();
    }
  }

  #noteProgress(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.#partial.bytes > this.#mostBytes) {
      this.#mostBytes = this.#partial.bytes;
      this.#progressMs = nowMs;
      this.#failures = 0;
    }
    this.#partial.noteIdle(nowMs - this.#progressMs);
  }

  async #fetch(source: Exclude<ArtifactSource, { kind: "file" }>, signal: AbortSignal): Promise<Attempt> {
    this.#requests += 1;
    const answer = await this.#request(source, this.#needsWhole ? 0 : this.#partial.bytes, signal);
    switch (answer.kind) {
      case "denied":
        return over({ kind: "denied", detail: `${this.#artifact.name}: ${answer.detail}` });
      case "unavailable":
        return { kind: "retry", why: answer.detail };
      case "range-refused":
        this.#needsWhole = true;
        return this.#wrongSize(answer.totalBytes) ?? { kind: "retry", why: "the server refuses the range" };
      case "bytes":
        break;
    }
    try {
      return this.#wrongSize(answer.totalBytes) ?? (await this.#take(answer, signal));
    } finally {
      answer.end();
    }
  }

  #request(source: Exclude<ArtifactSource, { kind: "file" }>, offset: number, signal: AbortSignal) {
    const { ca, proxyFor, streams, settings } = this.#parts;
    if (source.kind === "stream") return streams.open(source, offset, signal);
    return requestRange({ url: source.url, offset, ca, proxyFor, idleMs: settings.minRateWindowMs }, signal);
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
    const offset = this.#partial.bytes;
    return wrong ?? (await this.#take({ offset, validator: undefined, body: chunksFrom(held, offset) }, signal));
  }

  /** Appends what is new. What comes again is compared with what is there: where it differs, the server's file is gone on with. */
  async #take({ offset, validator, body }: Piece, signal: AbortSignal): Promise<Attempt> {
    this.#limit.begin();
    const isRest = offset === this.#partial.bytes;
    let at = offset;
    let isContinued = false;
    for await (const chunk of body) {
      if (signal.aborted) break;
      if (at + chunk.length > this.#artifact.sizeBytes) return await this.#tampered("it is longer");
      const fresh = isRest ? chunk : await this.#partial.compare(chunk, at);
      at += chunk.length;
      this.#fetchedBytes += chunk.length;
      if (fresh.length > 0 && !isContinued) this.#partial.continueFrom(validator, isRest);
      isContinued ||= fresh.length > 0;
      await this.#partial.append(fresh);
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

  /** A wrong digest of what came from more than one version says that the pieces do not fit: it is started over, once. */
  async #judge(): Promise<Attempt> {
    const { name, sha256 } = this.#artifact;
    const { bytes, repeatedBytes } = this.#partial;
    const facts = { name, bytes, fetchedBytes: this.#fetchedBytes, repeatedBytes, requests: this.#requests };
    const found = this.#partial.digest();
    if (found === sha256) {
      await this.#partial.sync();
      this.#parts.log.info("download.completed", facts);
      return over({ kind: "complete" });
    }
    this.#parts.log.warn("download.tampered", facts);
    const detail = `${name}: SHA-256 is ${found}, the manifest says ${sha256}`;
    const isWorthAnother = this.#partial.isMixed && !this.#partial.isSecond;
    await this.#partial.restart(isWorthAnother);
    return isWorthAnother ? { kind: "retry", why: detail } : over({ kind: "tampered", detail });
  }

  async #tampered(what: string): Promise<Attempt> {
    await this.#partial.restart();
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

function failure(thrown: unknown, signal: AbortSignal): DownloadOutcome {
  if (signal.aborted) return { kind: "stopped" };
  const errno = errnoOf(thrown);
  if (errno === undefined) throw thrown;
  return { kind: errno === "ENOSPC" || errno === "EDQUOT" ? "no-space" : "failed", detail: messageOf(thrown) };
}
