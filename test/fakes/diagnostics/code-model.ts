import type { CodeList } from "../../../agent/diagnostics/codes/trouble-code.ts";

/** Seconds of the debounce that the model knows. */
export const APPEAR_SECONDS = 2;
export const HEAL_SECONDS = 10;

/** A reading as the model takes it: which codes one list has at a second, with their status bytes. */
export type ModelReading = {
  readonly list: CodeList;
  readonly codes: ReadonlyMap<string, number | undefined>;
  readonly second: number;
};

/** An event as the model tells it; "cleared" with all its codes. */
export type ModelEvent = { readonly event: string; readonly codes: readonly string[] };

/** How a code is, by the rules of diagnostics in words. */
type Truth = { readonly isActive: boolean; readonly isConfirmed: boolean };

/**
 * One control unit, as slow and obvious as it can be: it keeps every reading there ever was, and after each asks the whole past anew in
 * which lists a code is.
 */
export class CodeModel {
  readonly #past: (ModelReading | "restart")[] = [];
  readonly #told = new Map<string, Truth>();

  /** The agent starts anew: what is under way of a debounce is forgotten, what was told is not. */
  restart(): void {
    this.#past.push("restart");
  }

  /** What a reading tells. */
  read(reading: ModelReading): readonly ModelEvent[] {
    this.#past.push(reading);
    const names = new Set(this.#past.flatMap((past) => (past === "restart" ? [] : [...past.codes.keys()])));
    const events: { readonly event: string; readonly code: string }[] = [];
    for (const code of [...names].toSorted()) {
      const before = this.#told.get(code);
      const now = this.#truthOf(code);
      if (now.isActive && before === undefined) events.push({ event: "appeared", code });
      else if (now.isActive && before?.isActive === false) events.push({ event: "returned", code });
      else if (!now.isActive && before?.isActive === true) events.push({ event: "healed", code });
      else if (now.isActive && now.isConfirmed && before?.isConfirmed === false)
        events.push({ event: "confirmed", code });
      if (now.isActive || before !== undefined) this.#told.set(code, now);
    }
    const healed = events.filter(({ event }) => event === "healed").map(({ code }) => code);
    const isNothingLeft = [...this.#told.values()].every(({ isActive }) => !isActive);
    if (reading.list === "active" || healed.length < 2 || !isNothingLeft) {
      return events.map(({ event, code }) => ({ event, codes: [code] }));
    }
    return [{ event: "cleared", codes: healed }];
  }

  /** Codes that are active by now. */
  active(): readonly string[] {
    return [...this.#told].flatMap(([code, { isActive }]) => (isActive ? [code] : [])).toSorted();
  }

  #truthOf(code: string): Truth {
    const status = this.#isListed("by-status", code) ? (this.#statusOf(code) ?? 0) : 0;
    const isConfirmed = this.#isListed("confirmed", code) || this.#isBroadcast(code) || (status & 8) !== 0;
    const isActive = isConfirmed || this.#isListed("pending", code) || (status & 1) !== 0 || (status & 4) !== 0;
    return { isActive, isConfirmed };
  }

  /** By the newest reading of the list. */
  #isListed(list: CodeList, code: string): boolean {
    const newest = this.#past.findLast((past) => past !== "restart" && past.list === list);
    return newest !== undefined && newest !== "restart" && newest.codes.has(code);
  }

  #statusOf(code: string): number | undefined {
    const newest = this.#past.findLast((past) => past !== "restart" && past.codes.get(code) !== undefined);
    return newest === undefined || newest === "restart" ? undefined : newest.codes.get(code);
  }

  /** Goes through all broadcasts: the code counts after it was in all of 2 seconds, and counts no more when it was in none of 10. */
  #isBroadcast(code: string): boolean {
    let counts = false;
    let run: { has: boolean; fromSecond: number } | undefined;
    for (const past of this.#past) {
      if (past === "restart") {
        run = undefined;
        continue;
      }
      if (past.list !== "active") continue;
      const has = past.codes.has(code);
      if (run === undefined || run.has !== has) run = { has, fromSecond: past.second };
      const lasted = past.second - run.fromSecond;
      if (has && lasted >= APPEAR_SECONDS) counts = true;
      if (!has && lasted >= HEAL_SECONDS) counts = false;
    }
    return counts;
  }
}
