import type { CanFrame } from "../../ports/frame.ts";
import type { LogFile, LogFolder, StoredLog } from "../../ports/log-folder.ts";
import type { LogEncoder } from "../../signals/log-formats/log-encoder.ts";
import { createLogEncoder, type WrittenFormat } from "../../signals/log-formats/write-log.ts";
import { byAge, logName, readLogName } from "./log-names.ts";

/** A step of the clock back by more than this begins a new file. */
const CLOCK_STEP_US = 1_000_000;

/** How logs are split, and what they may take of the disk. */
export type LogFileSettings = {
  readonly format: WrittenFormat;
  /** A file of this size is closed, bytes. */
  readonly splitBytes: number;
  /** A file ends at whole multiples of this time of the day in UTC; undefined for size alone. */
  readonly splitSeconds: number | undefined;
  /** All files together; the oldest are removed, bytes. */
  readonly maxBytes: number;
  /** Left free on the disk: the oldest files are removed, and without them nothing is written, bytes. */
  readonly keepFreeBytes: number;
};

type OpenLog = {
  readonly name: string;
  readonly file: LogFile;
  readonly encoder: LogEncoder;
  readonly firstUs: number;
  bytes: number;
};

/**
 * The files of the continuous log. Everything is asked of the folder when it is needed, so that what was mended outside (room on the
 * disk, a folder that came back) counts at once. Every call may reject with the system's error or `LowDiskError`: then the file that
 * was open is given up, and the next frame opens another.
 */
export class LogFiles {
  readonly #folder: LogFolder;
  readonly #settings: LogFileSettings;
  #closed: StoredLog[] = [];
  #open: OpenLog | undefined;
  /** The file that is being made: it is there before it is open. */
  #beginning: string | undefined;
  #session: number | undefined;
  #split = 0;
  #removed = 0;
  /** Frames taken since everything was durable last. */
  #unsynced = 0;
  #written = 0;
  #lost = 0;

  constructor(folder: LogFolder, settings: LogFileSettings) {
    this.#folder = folder;
    this.#settings = settings;
  }

  /** The number of this run of the agent, from its first file on. */
  get session(): number | undefined {
    return this.#session;
  }

  /** The name of the file that is being written, or made. */
  get current(): string | undefined {
    return this.#open?.name ?? this.#beginning;
  }

  /** Files of ours that the folder held when it was looked at last, with those since. */
  get stored(): { readonly files: number; readonly bytes: number } {
    const open = this.#open === undefined ? [] : [this.#open];
    const bytes = [...this.#closed, ...open].reduce((sum, one) => sum + one.bytes, 0);
    return { files: this.#closed.length + open.length, bytes };
  }

  /** Old files that were removed since start to stay within the bounds. */
  get removed(): number {
    return this.#removed;
  }

  /** Frames that are durable. */
  get written(): number {
    return this.#written;
  }

  /** Frames that were taken and given up with their file. */
  get lost(): number {
    return this.#lost;
  }

  /** Takes a frame into the file that is open, or into a new one where it is time for that. `isTimeKnown`: whether its time may be in a name. */
  async add(bus: string, frame: CanFrame, isTimeKnown: boolean): Promise<void> {
    if (this.#open !== undefined && this.#isOver(this.#open, frame.receivedAtUs)) await this.finish();
    const open = this.#open ?? (await this.#openNext(frame.receivedAtUs, isTimeKnown));
    open.encoder.write(bus, frame);
    this.#unsynced += 1;
  }

  /** A line for people in the file that is open, at the place of the newest frame. */
  remark(text: string): void {
    this.#open?.encoder.remark(text);
  }

  /** Writes what was taken so that it outlives a power cut. */
  async flush(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    await this.#append(open, open.encoder.take());
    await open.file.sync();
    this.#noteDurable();
    await this.#makeRoom();
  }

  /** Ends the file that is open. */
  async finish(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    await this.#append(open, open.encoder.end());
    const header = open.encoder.header();
    if (header !== undefined) await open.file.overwrite(header);
    await open.file.sync();
    this.#noteDurable();
    await open.file.close();
    this.#closed.push({ name: open.name, bytes: open.bytes });
    this.#open = undefined;
  }

  /** After a failure: leaves the file as it is. */
  async giveUp(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    this.#lost += this.#unsynced;
    this.#unsynced = 0;
    if (open === undefined) return;
    this.#closed.push({ name: open.name, bytes: open.bytes });
    // It failed already; what is in it stays readable.
    await open.file.close().catch(() => undefined);
  }

  #noteDurable(): void {
    this.#written += this.#unsynced;
    this.#unsynced = 0;
  }

  #isOver({ firstUs, bytes, encoder }: OpenLog, timeUs: number): boolean {
    const { splitBytes, splitSeconds } = this.#settings;
    if (bytes + encoder.waitingBytes >= splitBytes || timeUs < firstUs - CLOCK_STEP_US) return true;
    if (splitSeconds === undefined) return false;
    const partOf = (us: number): number => Math.floor(us / (splitSeconds * 1_000_000));
    return partOf(timeUs) !== partOf(firstUs);
  }

  async #openNext(firstUs: number, isTimeKnown: boolean): Promise<OpenLog> {
    try {
      this.#open = await this.#begin(firstUs, isTimeKnown);
      return this.#open;
    } finally {
      this.#beginning = undefined;
    }
  }

  async #begin(firstUs: number, isTimeKnown: boolean): Promise<OpenLog> {
    const { format } = this.#settings;
    await this.#look();
    await this.#makeRoom();
    this.#session ??= 1 + Math.max(0, ...this.#closed.map(({ name }) => readLogName(name)?.session ?? 0));
    this.#split += 1;
    const name = logName(this.#session, this.#split, isTimeKnown ? firstUs : undefined, format);
    this.#beginning = name;
    const file = await this.#folder.create(name);
    return { name, file, encoder: createLogEncoder(format), firstUs, bytes: 0 };
  }

  async #look(): Promise<void> {
    const files = await this.#folder.list();
    const ours = files.flatMap((file) => {
      const name = readLogName(file.name);
      return name === undefined ? [] : [{ file, name }];
    });
    this.#closed = ours.toSorted((a, b) => byAge(a.name, b.name)).map(({ file }) => file);
  }

  /** Removes the oldest files until the bounds hold. Throws `LowDiskError` when that does not help. */
  async #makeRoom(): Promise<void> {
    const { maxBytes, keepFreeBytes } = this.#settings;
    while (this.stored.bytes > maxBytes && (await this.#removeOldest()));
    for (;;) {
      const freeBytes = await this.#folder.freeBytes();
      if (freeBytes >= keepFreeBytes) return;
      if (!(await this.#removeOldest())) throw new LowDiskError(freeBytes, keepFreeBytes);
    }
  }

  async #removeOldest(): Promise<boolean> {
    const [oldest] = this.#closed;
    if (oldest === undefined) return false;
    await this.#folder.remove(oldest.name);
    this.#closed.shift();
    this.#removed += 1;
    return true;
  }

  async #append(open: OpenLog, bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    await open.file.append(bytes);
    open.bytes += bytes.length;
  }
}

/** The disk has less room left than is to be kept free, and there is no old log to remove. */
export class LowDiskError extends Error {
  override readonly name = "LowDiskError";

  constructor(freeBytes: number, keepFreeBytes: number) {
    super(`the disk has ${freeBytes} bytes left, and keepFreeBytes is ${keepFreeBytes}`);
  }
}
