import { existsSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { machineNowMs, type Pulse } from "./timeline.ts";

/** A folder in memory, where there is one. */
const SHARED_MEMORY = "/dev/shm";
/** Where it stands when the others were last alive, bytes. */
const BEATS_AT = { agent: 64, bench: 72 } as const;
const MAX_TRIES = 1000;

/** Vehicle time as all processes of a day see it: a few bytes of a file in memory. The van writes the pulse; the others say that they are alive. */
export class PulseFile {
  readonly path: string;
  readonly #file: number;
  readonly #pulse = new Float64Array(4);
  readonly #beat = new Float64Array(1);

  private constructor(path: string, flags: "r+" | "w+") {
    this.path = path;
    this.#file = openSync(path, flags, 0o600);
  }

  /** Makes the file; the day is at its start. */
  static create(): PulseFile {
    const folder = mkdtempSync(join(existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir(), "causeway-day-"));
    const made = new PulseFile(join(folder, "pulse"), "w+");
    made.write({ vehicleMs: 0, machineMs: machineNowMs() });
    made.beat("agent", 0);
    made.beat("bench", 0);
    return made;
  }

  static open(path: string): PulseFile {
    return new PulseFile(path, "r+");
  }

  /** Throws when it is never whole. */
  read(): Pulse {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      readSync(this.#file, this.#pulse, 0, this.#pulse.byteLength, 0);
      const [before, vehicleMs = 0, machineMs = 0, after] = this.#pulse;
      if (before === after) return { vehicleMs, machineMs };
    }
    throw new Error(`${this.path} is never whole`);
  }

  /** One process alone does this. */
  write({ vehicleMs, machineMs }: Pulse): void {
    this.#pulse.set([machineMs, vehicleMs, machineMs, machineMs]);
    writeSync(this.#file, this.#pulse, 0, this.#pulse.byteLength, 0);
  }

  /** Somebody is alive, ms of the machine. */
  beat(who: keyof typeof BEATS_AT, machineMs: number): void {
    this.#beat[0] = machineMs;
    writeSync(this.#file, this.#beat, 0, this.#beat.byteLength, BEATS_AT[who]);
  }

  /** When somebody was last alive, ms of the machine. */
  lastBeat(who: keyof typeof BEATS_AT): number {
    readSync(this.#file, this.#beat, 0, this.#beat.byteLength, BEATS_AT[who]);
    return this.#beat[0] ?? 0;
  }

  /** Takes the file away. */
  remove(): void {
    rmSync(dirname(this.path), { recursive: true, force: true });
  }
}
