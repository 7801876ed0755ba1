import type { CodeState } from "./record/encode/trouble-code.ts";

/** The trouble codes that are active, for campaigns: none until somebody knows them. */
export class ActiveCodes {
  #source: () => readonly CodeState[] = () => [];

  /** From now on `source` says them. */
  use(source: () => readonly CodeState[]): void {
    this.#source = source;
  }

  /** As the control units list them, each code once, in the field's notation. */
  names(): readonly string[] {
    return [...new Set(this.#source().map(({ code }) => code))];
  }

  /** When one of them was seen last, µs since the Unix epoch; 0 where there is none. */
  lastSeenUs(): number {
    return this.#source().reduce((newest, { lastSeenUs }) => Math.max(newest, lastSeenUs), 0);
  }

  count(): number {
    return this.#source().length;
  }

  /** Whether a control unit has the malfunction, stop or warning lamp on for one of them. */
  hasLamp(): boolean {
    return this.#source().some(({ lamps }) => [lamps?.malfunction, lamps?.stop, lamps?.warning].some(isLit));
  }
}

function isLit(state: string | undefined): boolean {
  return state !== undefined && state !== "off";
}
