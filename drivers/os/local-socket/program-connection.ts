import type { Socket } from "node:net";
import type {
  OpenProgramSession,
  ProgramFrame,
  ProgramSession,
  ProgramSocketCounts,
} from "../../../agent/ports/program-socket.ts";
import type { FairTurns } from "./fair-turns.ts";
import { FrameCutter } from "./frame-cutter.ts";

/** Lines that are taken in one turn, and stored in one transaction. */
const BATCH_LINES = 64;
/** Lines that may wait for their answers; no more is read until they have them. */
const MAX_UNANSWERED = 256;
/** Less than this, read at a time, is a small piece, bytes. */
const SMALL_BYTES = 1024;
/** After so many small pieces of one line the waits before the next grow no more: 256 ms. */
const MAX_DOUBLINGS = 8;
/** Answers that a program has not taken, bytes: with so many it is full. */
const FULL_BYTES = 65_536;
/** How long the end of the agent waits for answers, ms. */
const FINISH_MS = 1000;

/** After a turn: there may be more lines, after so many ms, or there are none. */
type Step = "more" | "end" | number;

/** What is read of one program. */
export type ProgramBounds = {
  readonly maxLineBytes: number;
  /** For a line to end, and for answers to be taken, ms. */
  readonly takeMs: number;
};

export type ProgramConnectionParts = {
  readonly socket: Socket;
  readonly open: OpenProgramSession;
  readonly bounds: ProgramBounds;
  /** Of all programs. */
  readonly turns: FairTurns;
  readonly counts: ProgramSocketCounts;
};

/** One program: its lines are taken in batches, each once the answers of the one before have gone out or few are missing. What it can hold is bounded in bytes, lines and time. */
export class ProgramConnection {
  readonly #parts: ProgramConnectionParts;
  readonly #frames: FrameCutter;
  readonly #session: ProgramSession;
  /** Read, and not looked at: that is work of a turn, half a line too. */
  readonly #unread: Buffer[] = [];
  /** Small pieces, one after the other, that ended no line. */
  #smallPieces = 0;
  readonly #waiting: ProgramFrame[] = [];
  #isTaking = false;
  #hasEnded = false;
  #wake: (() => void) | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #nextRead: NodeJS.Timeout | undefined;
  /** Monotonic ms at which it last sent something, or connected. */
  lastMs = performance.now();

  constructor(parts: ProgramConnectionParts) {
    const { socket, open, bounds } = parts;
    this.#parts = parts;
    this.#frames = new FrameCutter(bounds.maxLineBytes);
    this.#session = open(
      (written) => this.#answer(written),
      (written) => this.#say(written),
    );
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => this.#wake?.());
    socket.on("end", () => this.#endInput());
    // A program that dies resets its connection; "close" follows.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(this.#deadline);
      clearTimeout(this.#nextRead);
      this.#session.end();
      this.#wake?.();
    });
  }

  /** Whether nothing of it is under way. */
  get isIdle(): boolean {
    return !this.#isTaking && this.#session.unanswered() === 0 && !this.#session.isAwaited();
  }

  /** Whether it takes its answers too slowly; "drain" tells when it has taken all. */
  get #isFull(): boolean {
    return this.#parts.socket.writableLength >= FULL_BYTES;
  }

  /** Ends it at once. */
  end(): void {
    this.#parts.socket.destroy();
  }

  /** Reads no more, and ends once it is answered, or soon. */
  finish(): void {
    const { socket } = this.#parts;
    socket.pause();
    this.#endInput();
    const late = setTimeout(() => socket.destroy(), FINISH_MS);
    socket.on("close", () => clearTimeout(late));
  }

  #read(chunk: Buffer): void {
    this.lastMs = performance.now();
    if (this.#hasEnded) return;
    this.#unread.push(chunk);
    this.#smallPieces = chunk.length < SMALL_BYTES ? this.#smallPieces + 1 : 0;
    // No more is read before a turn has taken it.
    this.#parts.socket.pause();
    if (!this.#isTaking) void this.#takeAll();
  }

  #refuseLine(): void {
    const { socket, counts, bounds } = this.#parts;
    counts.tooLong += 1;
    this.#hasEnded = true;
    socket.end(this.#session.tooLong(bounds.maxLineBytes, this.#frames.isBinary), () => socket.destroy());
    this.#dieLater();
  }

  #stopWaiting(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  #dieLater(): void {
    const { socket, counts, bounds } = this.#parts;
    this.#stopWaiting();
    this.#deadline = setTimeout(() => {
      counts.slow += 1;
      socket.destroy();
    }, bounds.takeMs);
  }

  async #takeAll(): Promise<void> {
    const { socket, turns } = this.#parts;
    this.#isTaking = true;
    for (let step: Step = "more"; step !== "end" && !socket.destroyed; ) {
      step = await turns.take(() => this.#step());
      if (typeof step === "number") await this.#pause(step);
      if (step !== "end") await this.#untilTaken();
    }
    this.#isTaking = false;
    if (this.#hasEnded) {
      this.#endOutput();
      return;
    }
    // Only while it is read can it end a line.
    if (!this.#frames.isInFrame) this.#stopWaiting();
    else if (this.#deadline === undefined) this.#dieLater();
    this.#readOn();
  }

  /** Reads what comes next, soon: no turn counts what reading costs, so that more and more of a line that comes byte by byte is read at a time. */
  #readOn(): void {
    const { socket } = this.#parts;
    if (!this.#frames.isInFrame || this.#smallPieces < 2) {
      socket.resume();
      return;
    }
    const waitMs = 2 ** Math.min(this.#smallPieces - 2, MAX_DOUBLINGS);
    this.#nextRead = setTimeout(() => {
      if (!this.#hasEnded) socket.resume();
    }, waitMs);
  }

  /** Takes some lines. */
  #step(): Step {
    if (this.#parts.socket.destroyed) return "end";
    for (const chunk of this.#unread.splice(0)) this.#frames.push(chunk);
    if (this.#waiting.length === 0) {
      const lines = this.#frames.next(BATCH_LINES);
      if (lines === "too-long") {
        if (!this.#parts.socket.writableEnded) this.#refuseLine();
        return "end";
      }
      if (lines.length === 0) return "end";
      this.#smallPieces = 0;
      this.#stopWaiting();
      // Blank ones too: they are charged and answered as any others, and so cost their sender something.
      this.#waiting.push(...lines);
    }
    const { taken, waitMs } = this.#session.take([...this.#waiting]);
    this.#waiting.splice(0, taken);
    return waitMs > 0 ? waitMs : "more";
  }

  /** Waits, unless the program goes. */
  async #pause(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const isOver = (): void => {
        if (this.#parts.socket.destroyed) resolve();
      };
      this.#wake = isOver;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }

  /** Waits until the program has taken its answers, for its time at most, and few are missing. */
  async #untilTaken(): Promise<void> {
    const { socket, counts, bounds } = this.#parts;
    const mustWait = (): boolean => !socket.destroyed && (this.#isFull || this.#session.unanswered() >= MAX_UNANSWERED);
    if (!mustWait()) return;
    const endIfFull = (): void => {
      if (!this.#isFull) return;
      counts.slow += 1;
      socket.destroy();
    };
    while (mustWait()) {
      // Anew each time: answers may be late themselves, and not be taken after that.
      const late = setTimeout(endIfFull, bounds.takeMs);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      clearTimeout(late);
    }
    this.#wake = undefined;
  }

  #answer(written: ProgramFrame): void {
    const { socket } = this.#parts;
    if (socket.writable) socket.write(written);
    this.#wake?.();
    if (this.#hasEnded && !this.#isTaking) this.#endOutput();
  }

  #say(written: ProgramFrame): boolean {
    const { socket } = this.#parts;
    if (!socket.writable || this.#isFull) return false;
    socket.write(written);
    return true;
  }

  #endInput(): void {
    this.#hasEnded = true;
    if (!this.#isTaking) this.#endOutput();
  }

  #endOutput(): void {
    const { socket } = this.#parts;
    if (this.#session.unanswered() > 0 || this.#waiting.length > 0 || socket.writableEnded) return;
    socket.end();
    this.#dieLater();
  }
}
