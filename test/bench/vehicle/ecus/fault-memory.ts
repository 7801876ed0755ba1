/** Bits of a status byte (ISO 14229-1, D.2). */
export const STATUS = {
  testFailed: 0x01,
  failedThisCycle: 0x02,
  pending: 0x04,
  confirmed: 0x08,
  notCompletedSinceClear: 0x10,
  failedSinceClear: 0x20,
  notCompletedThisCycle: 0x40,
  warningLamp: 0x80,
} as const;
const CLEARED = STATUS.notCompletedSinceClear | STATUS.notCompletedThisCycle;

/** What a unit can be made to think of a fault. "healed" keeps it as an old one, "gone" forgets it. */
export const FAULT_STATES = ["pending", "confirmed", "healed", "gone"] as const;
export type FaultState = (typeof FAULT_STATES)[number];

/** A trouble code as the unit keeps it. */
export type KeptFault = {
  /** Two bytes (OBD), three (UDS), or SPN * 32 + FMI (J1939). */
  readonly code: number;
  status: number;
  occurrences: number;
  /** Seconds of the drive at which it came last, for its freeze frame. */
  atSeconds: number;
};

/** One line of a unit's own log: the truth by which others are judged. */
export type FaultNote = {
  /** µs since the Unix epoch. */
  readonly atUs: number;
  readonly ecu: string;
  /** Undefined for "cleared", which is all of them at once. */
  readonly code?: number;
  readonly what: FaultState | "cleared";
};

/** The trouble codes of one unit, and everything that ever became of them. */
export class FaultMemory {
  readonly ecu: string;
  readonly #wallUs: () => number;
  readonly #seconds: () => number;
  readonly #kept = new Map<number, KeptFault>();
  readonly #permanent = new Set<number>();
  readonly notes: FaultNote[] = [];
  /** Told of each note. */
  onNote: (note: FaultNote) => void = () => undefined;

  constructor(ecu: string, time: { readonly wallUs: () => number; readonly seconds: () => number }) {
    this.ecu = ecu;
    this.#wallUs = time.wallUs;
    this.#seconds = time.seconds;
  }

  set(code: number, state: FaultState): void {
    if (state === "gone") this.#kept.delete(code);
    else if (state === "healed") this.#heal(code);
    else this.#fail(code, state);
    this.#note({ what: state, code });
  }

  /** As services 04 and 14, and DM11: all codes, but not the permanent ones, which only the unit itself forgets. */
  clear(): void {
    this.#kept.clear();
    this.#note({ what: "cleared" });
  }

  /** Those whose status has one of the bits, by code. */
  withStatus(mask: number): readonly KeptFault[] {
    const found = [...this.#kept.values()].filter(({ status }) => (status & mask) !== 0);
    return found.toSorted((left, right) => left.code - right.code);
  }

  get(code: number): KeptFault | undefined {
    return this.#kept.get(code);
  }

  permanent(): readonly number[] {
    return [...this.#permanent].toSorted((left, right) => left - right);
  }

  /** Whether the warning lamp is on. */
  get isLampOn(): boolean {
    return this.withStatus(STATUS.warningLamp).length > 0;
  }

  #fail(code: number, state: "pending" | "confirmed"): void {
    const kept = this.#kept.get(code) ?? { code, status: CLEARED, occurrences: 0, atSeconds: 0 };
    this.#kept.set(code, kept);
    if ((kept.status & STATUS.testFailed) === 0) {
      kept.occurrences = Math.min(126, kept.occurrences + 1);
      kept.atSeconds = this.#seconds();
    }
    kept.status &= ~CLEARED;
    kept.status |= STATUS.testFailed | STATUS.failedThisCycle | STATUS.pending | STATUS.failedSinceClear;
    if (state === "pending") return;
    kept.status |= STATUS.confirmed | STATUS.warningLamp;
    this.#permanent.add(code);
  }

  #heal(code: number): void {
    const kept = this.#kept.get(code);
    this.#permanent.delete(code);
    if (kept === undefined) return;
    kept.status &= ~(STATUS.testFailed | STATUS.failedThisCycle | STATUS.pending | STATUS.warningLamp);
    // A fault that never was confirmed leaves nothing behind.
    if ((kept.status & STATUS.confirmed) === 0) this.#kept.delete(code);
  }

  #note(what: Pick<FaultNote, "what" | "code">): void {
    const note = { atUs: this.#wallUs(), ecu: this.ecu, ...what };
    this.notes.push(note);
    this.onNote(note);
  }
}
