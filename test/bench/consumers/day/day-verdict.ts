/** What a judge of a day says: how much it looked at, and how much of it was wrong. */
export type DayVerdict = {
  readonly name: string;
  readonly checked: number;
  readonly wrong: number;
  /** In words: what was seen, with figures. */
  readonly what: string;
  /** The first that were wrong. */
  readonly remarks: readonly string[];
};

const MAX_REMARKS = 5;

/** Adds up one verdict. */
export class DayTally {
  readonly #name: string;
  readonly #remarks: string[] = [];
  #checked = 0;
  #wrong = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Looks at one thing; `remark` is only made where it is wrong. */
  check(isRight: boolean, remark: () => string): void {
    this.#checked += 1;
    if (isRight) return;
    this.#wrong += 1;
    if (this.#remarks.length < MAX_REMARKS) this.#remarks.push(remark());
  }

  verdict(what: string): DayVerdict {
    return { name: this.#name, checked: this.#checked, wrong: this.#wrong, what, remarks: this.#remarks };
  }
}

/** A vehicle time for people: hours, minutes and seconds of the day, UTC. */
export function timeOf(startsAtMs: number, vehicleMs: number): string {
  return new Date(startsAtMs + vehicleMs).toISOString().slice(11, 19);
}
