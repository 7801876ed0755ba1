import { z } from "zod";
import { CONTENT_TYPES, decodeBody, encodeBody, type WireFormat } from "../../cloud/wire-format.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { type Broker, publicationTo, type ReceivedPublish } from "../../ports/broker.ts";
import type { FileSource, RangeAnswer, StreamSource } from "../../ports/update.ts";
import { BlockWindow } from "./block-window.ts";

/** One request gets at most this much; what goes beyond is left out (AWS IoT, MQTT-based file delivery, quotas). */
const REQUEST_BYTES = 131_072;
/** Requests for the same blocks before the connection is given up. */
const MAX_SILENT_ROUNDS = 3;

const description = z.object({ s: z.int(), r: z.array(z.object({ f: z.int(), z: z.int() })) });
const bytes = z.union([
  z.instanceof(Uint8Array),
  z.base64().transform((text) => new Uint8Array(Buffer.from(text, "base64"))),
]);
const block = z.object({ f: z.int(), i: z.int(), p: bytes });
const rejectionBody = z.object({ o: z.string().optional(), code: z.string().optional(), m: z.string().optional() });

/** `token` gives a new client token of at most 64 bytes. */
export type FileStreamParts = {
  readonly thing: string;
  readonly broker: Pick<Broker, "publish" | "subscribe">;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
  readonly settings: {
    readonly format: WireFormat;
    /** 256 to 131072; with JSON a block grows by a third on the wire. */
    readonly blockBytes: number;
    /** Longest silence before blocks are asked for again, ms. */
    readonly silenceMs: number;
  };
  readonly token: () => string;
};

type Heard =
  | { readonly kind: "described"; readonly version: number; readonly sizes: ReadonlyMap<number, number> }
  | { readonly kind: "block"; readonly index: number; readonly payload: Uint8Array }
  | { readonly kind: "rejected"; readonly code: string; readonly message: string };

/**
 * Files in blocks over the MQTT session (AWS IoT, MQTT-based file delivery). Blocks may come in any order, twice or not at all: those of
 * one request that are missing are asked for again by a bitmap, and what is whole is handed on in the order of the file. One file at a time.
 */
export class FileStreams implements FileSource {
  readonly #parts: FileStreamParts;
  readonly #base: string;
  #isOpen = false;
  #listener: { readonly streamId: string; readonly hear: (heard: Heard) => void } | undefined;

  constructor(parts: FileStreamParts) {
    this.#parts = parts;
    this.#base = `$aws/things/${parts.thing}/streams`;
  }

  async open(source: StreamSource, offset: number, signal: AbortSignal): Promise<RangeAnswer> {
    await this.#listen();
    const described = await this.#describe(source, signal);
    if (described.kind === "rejected") return rejection(described.code);
    if (described.kind === "block") throw new Error("the stream was not described");
    const totalBytes = described.sizes.get(source.fileId);
    if (totalBytes === undefined) return { kind: "denied", detail: `stream ${source.streamId} has no such file` };
    const validator = `stream ${source.streamId} ${described.version}`;
    const body = this.#blocks(source, described.version, { offset, totalBytes }, signal);
    return { kind: "bytes", offset, totalBytes, validator, body, end: () => this.#leave() };
  }

  async *#blocks(
    { streamId, fileId }: StreamSource,
    version: number,
    { offset, totalBytes }: { readonly offset: number; readonly totalBytes: number },
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const { blockBytes } = this.#parts.settings;
    const blocks = Math.ceil(totalBytes / blockBytes);
    const perRequest = Math.max(1, Math.floor(REQUEST_BYTES / blockBytes));
    for (let first = Math.floor(offset / blockBytes); first < blocks; first += perRequest) {
      const window = new BlockWindow({ first, count: Math.min(perRequest, blocks - first), blockBytes, totalBytes });
      await this.#fill(window, (missing) => ({ f: fileId, s: version, l: blockBytes, ...missing }), streamId, signal);
      if (signal.aborted) return;
      // The first block may begin before the offset.
      for (const [at, payload] of window.payloads()) yield payload.subarray(Math.max(0, offset - at));
    }
  }

  /** Asks until the window is whole. Throws when nothing comes any more, or when the service refuses. */
  async #fill(
    window: BlockWindow,
    request: (missing: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>,
    streamId: string,
    signal: AbortSignal,
  ): Promise<void> {
    for (let silent = 0; !window.isWhole() && !signal.aborted; ) {
      const before = window.received();
      const heard = this.#hearing(streamId, (one) => {
        if (one.kind === "rejected") throw new Error(`stream ${streamId}: ${one.code} ${one.message}`);
        if (one.kind === "block") window.put(one.index, one.payload);
        return window.isWhole();
      });
      const bitmap = window.missing();
      const b = this.#parts.settings.format === "cbor" ? bitmap : `0x${Buffer.from(bitmap).toString("hex")}`;
      await this.#ask(streamId, "get", request({ o: window.first, n: window.count, b }));
      await heard.until(signal);
      silent = window.received() === before ? silent + 1 : 0;
      if (silent >= MAX_SILENT_ROUNDS) throw new Error(`stream ${streamId}: no block came ${silent} times`);
    }
  }

  async #describe({ streamId }: StreamSource, signal: AbortSignal): Promise<Heard> {
    let answer: Heard | undefined;
    const heard = this.#hearing(streamId, (one) => {
      if (one.kind !== "block") answer = one;
      return answer !== undefined;
    });
    await this.#ask(streamId, "describe", {});
    await heard.until(signal);
    if (answer === undefined) throw new Error(`stream ${streamId}: no answer`);
    return answer;
  }

  /** Hears what comes for a stream, until `take` says that it is enough or nothing has come for the time of silence. */
  #hearing(streamId: string, take: (heard: Heard) => boolean) {
    const done = Promise.withResolvers<void>();
    let pause = new AbortController();
    const hear = (heard: Heard): void => {
      try {
        if (take(heard)) done.resolve();
      } catch (thrown) {
        done.reject(thrown);
      }
      pause.abort();
    };
    this.#listener = { streamId, hear };
    const { clock, settings } = this.#parts;
    // A rejection may come before anyone waits for it.
    done.promise.catch(() => undefined);
    const until = async (signal: AbortSignal): Promise<void> => {
      for (let isOver = false; !isOver && !signal.aborted; ) {
        pause = new AbortController();
        const wait = AbortSignal.any([signal, pause.signal]);
        const slept = clock.sleep(settings.silenceMs, wait).then(() => wait.aborted);
        isOver = await Promise.race([done.promise.then(() => true), slept.then((isWoken) => !isWoken)]);
      }
      this.#leave();
    };
    return { until };
  }

  async #ask(streamId: string, verb: "describe" | "get", body: Readonly<Record<string, unknown>>): Promise<void> {
    const { broker, settings, token } = this.#parts;
    const topic = `${this.#base}/${streamId}/${verb}/${settings.format}`;
    const payload = encodeBody(settings.format, { c: token(), ...body });
    const outcome = await broker.publish(publicationTo(topic, payload, CONTENT_TYPES[settings.format]));
    if (outcome.kind !== "acked") throw new Error(`stream ${streamId}: ${outcome.kind}`);
  }

  /** The answers come to all streams of the thing, on subscriptions that stay. */
  async #listen(): Promise<void> {
    if (this.#isOpen) return;
    const { broker, settings } = this.#parts;
    for (const verb of ["description", "data", "rejected"] as const) {
      await broker.subscribe(`${this.#base}/+/${verb}/${settings.format}`, (message) => this.#take(verb, message));
    }
    this.#isOpen = true;
  }

  #take(verb: "description" | "data" | "rejected", { topic, payload }: ReceivedPublish): void {
    const listener = this.#listener;
    if (topic.split("/")[4] !== listener?.streamId) return;
    const heard = heardOf(verb, decodeBody(this.#parts.settings.format, payload));
    if (heard === undefined) this.#parts.log.debug("stream.malformed", { verb });
    else listener.hear(heard);
  }

  #leave(): void {
    this.#listener = undefined;
  }
}

function heardOf(verb: "description" | "data" | "rejected", body: unknown): Heard | undefined {
  if (verb === "data") {
    const found = block.safeParse(body).data;
    return found === undefined ? undefined : { kind: "block", index: found.i, payload: found.p };
  }
  if (verb === "description") {
    const found = description.safeParse(body).data;
    if (found === undefined) return undefined;
    return { kind: "described", version: found.s, sizes: new Map(found.r.map(({ f, z: size }) => [f, size])) };
  }
  const found = rejectionBody.safeParse(body).data;
  if (found === undefined) return undefined;
  return { kind: "rejected", code: found.o ?? found.code ?? "unknown", message: found.m ?? "" };
}

/** What no retry mends ends the download. */
function rejection(code: string): RangeAnswer {
  if (/^(InternalError|RequestThrottled)$/.test(code)) return { kind: "unavailable", detail: code };
  return { kind: "denied", detail: `stream: ${code}` };
}
