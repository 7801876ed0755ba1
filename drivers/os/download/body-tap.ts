import type { IncomingMessage } from "node:http";
import type { OnRead, Tap } from "../https-connection.ts";

/** A TLS record has no more (RFC 8446, 5.1). */
const RECORD_BYTES = 16_384;
const BLOCK_BYTES = 131_072;
/** Reading pauses while so many full blocks wait. */
const WAITING_BLOCKS = 2;
/** What has been read from the network already still comes after a pause: 64 kB with this Node. More than this is a fault. */
const MAX_BLOCKS = 8;
const HEAD_END = "\r\n\r\n";

/** What is done with a TLSSocket. */
export type TappedSocket = {
  push(piece: Uint8Array): boolean;
  resume(): unknown;
  destroy(error: Error): unknown;
};

/**
 * Takes the body of an answer from its TLS connection into a few blocks that are used again and again. node:http makes a buffer for each
 * TLS record and a turn of its stream: that took twice the processor time, and some 30 MB of buffers waited for the garbage collector.
 *
 * The head goes to node:http, byte for byte up to its end, and so does a body that is not simply the bytes up to the Content-Length, as
 * well as all that follows an interim answer: what is unusual is parsed there alone.
 */
export class BodyTap implements Tap {
  #socket: TappedSocket | undefined;
  /** "held": the head is over, and nobody has said yet whose the body is. */
  #mode: "head" | "held" | "ours" | "theirs" = "head";
  /** The end of the head so far. */
  #tail = "";
  #block = new Uint8Array(BLOCK_BYTES);
  #filledBytes = 0;
  #blocks = 1;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  /** In the order in which they came. */
  readonly #full: Uint8Array<ArrayBuffer>[] = [];
  #isPaused = false;
  #isWaking = false;
  #wake: () => void = () => undefined;
  #end: Error | undefined;

  readonly onRead: OnRead = {
    buffer: new Uint8Array(RECORD_BYTES),
    callback: (bytes, buffer) => this.#take(buffer.subarray(0, bytes)),
  };

  /** Whether it reads no more of a body for now, because what it has read has not been asked for. */
  get isPaused(): boolean {
    return this.#isPaused && this.#mode === "ours";
  }

  attach(socket: TappedSocket): void {
    this.#socket = socket;
  }

  /** From here on all is for node:http. */
  leave(): void {
    if (this.#mode === "theirs") return;
    this.#mode = "theirs";
    for (const block of [...this.#full.splice(0), this.#block.subarray(0, this.#filledBytes)]) this.#pass(block);
    this.#filledBytes = 0;
    this.#socket?.resume();
  }

  /** Its `bytes` as they come, each piece valid until the next is asked for; undefined where it is for node:http to parse. */
  bodyOf(response: IncomingMessage, bytes: number | undefined): AsyncIterable<Uint8Array> | undefined {
    if (this.#mode !== "held" || bytes === undefined || response.headers["transfer-encoding"] !== undefined) {
      this.leave();
      return undefined;
    }
    this.#mode = "ours";
    const end = (error: Error): void => {
      this.#end ??= error;
      this.#wake();
    };
    response.on("error", end);
    response.on("close", () => end(new Error("the connection closed")));
    return this.#pieces(bytes);
  }

  async *#pieces(bytes: number): AsyncGenerator<Uint8Array> {
    for (let leftBytes = bytes; leftBytes > 0; ) {
      const block = await this.#next();
      const piece = block.subarray(0, leftBytes);
      leftBytes -= piece.length;
      yield piece;
      this.#free.push(new Uint8Array(block.buffer));
    }
  }

  /** What is there already comes before the error of a connection that was cut. */
  async #next(): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#full.length === 0 && this.#filledBytes === 0) {
      if (this.#end !== undefined) throw this.#end;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      this.#goOn();
      await promise;
    }
    if (this.#full.length === 0) this.#turn();
    const [block] = this.#full.splice(0, 1);
    this.#goOn();
    return block;
  }

  #goOn(): void {
    if (!this.#isPaused || this.#full.length >= WAITING_BLOCKS) return;
    this.#isPaused = false;
    this.#socket?.resume();
  }

  /** Copies what is wanted of it. False: no more for now. */
  #take(record: Uint8Array): boolean {
    if (this.#isTheirs()) return this.#pass(record);
    const body = this.#mode === "head" ? this.#afterHead(record) : record;
    if (body === undefined) return true;
    // The head was one after which node:http takes all.
    if (this.#isTheirs()) return this.#pass(body);
    for (let at = 0; at < body.length; ) {
      const taken = body.subarray(at, at + BLOCK_BYTES - this.#filledBytes);
      this.#block.set(taken, this.#filledBytes);
      this.#filledBytes += taken.length;
      at += taken.length;
      if (this.#filledBytes === BLOCK_BYTES) this.#turn();
    }
    this.#wakeSoon();
    this.#isPaused = this.#mode === "held" || this.#full.length >= WAITING_BLOCKS;
    return !this.#isPaused;
  }

  #isTheirs(): boolean {
    return this.#mode === "theirs";
  }

  /** Passes the head on. Gives what follows it; undefined before its end. */
  #afterHead(record: Uint8Array): Uint8Array | undefined {
    const text = this.#tail + Buffer.from(record).toString("latin1");
    const end = text.indexOf(HEAD_END);
    const headBytes = end < 0 ? record.length : end + HEAD_END.length - this.#tail.length;
    this.#tail = text.slice(1 - HEAD_END.length);
    if (end >= 0) this.#mode = "held";
    this.#pass(record.subarray(0, headBytes));
    return end < 0 ? undefined : record.subarray(headBytes);
  }

  /** All records that have come in one turn of the loop go on together. */
  #wakeSoon(): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    setImmediate(() => {
      this.#isWaking = false;
      this.#wake();
    });
  }

  #turn(): void {
    this.#full.push(this.#block.subarray(0, this.#filledBytes));
    this.#filledBytes = 0;
    this.#block = this.#free.pop() ?? this.#another();
  }

  #another(): Uint8Array<ArrayBuffer> {
    this.#blocks += 1;
    if (this.#blocks > MAX_BLOCKS) this.#socket?.destroy(new Error("the connection does not pause"));
    return new Uint8Array(BLOCK_BYTES);
  }

  /** As if it had come without this. An empty piece would be taken for a read that found nothing. */
  #pass(piece: Uint8Array): boolean {
    return piece.length === 0 || this.#socket?.push(Buffer.from(piece)) === true;
  }
}
