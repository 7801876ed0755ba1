import type { Fix } from "./fix.ts";
import type { NmeaSentence } from "./nmea.ts";

const DAY_MS = 86_400_000;
/** How long a word of GSA, or of RMC that there is no fix, counts for the sentences that follow, µs. */
const COUNTS_US = 10_000_000;

type Epoch = Omit<NmeaSentence, "type">;

/**
 * Makes fixes of sentences. Those with the same time of day are one moment, and each that says more of it makes the fix anew. A moment of which
 * a sentence says that it is none is none, whatever the others say: RMC warns of fixes that GGA still has.
 */
export class NmeaFixes {
  #epoch: Epoch = {};
  #dayMs: number | undefined;
  #gsa: { readonly mode: Fix["mode"] | undefined; readonly hdop: number | undefined; atUs: number } | undefined;
  #voidUs = Number.NEGATIVE_INFINITY;

  /** "no-fix" where the receiver has none; undefined where there is nothing new to tell. */
  take(sentence: NmeaSentence, receivedAtUs: number): Fix | "no-fix" | undefined {
    const { type, timeOfDayMs } = sentence;
    this.#noteDay(sentence);
    if (type === "GSA") this.#gsa = { mode: sentence.mode, hdop: sentence.hdop, atUs: receivedAtUs };
    if (type === "RMC") this.#voidUs = sentence.isValid === true ? Number.NEGATIVE_INFINITY : receivedAtUs;
    const isNew = timeOfDayMs !== undefined && timeOfDayMs !== this.#epoch.timeOfDayMs;
    this.#epoch = isNew ? definedOf(sentence) : { ...this.#epoch, ...definedOf(sentence) };
    if (sentence.isValid === false || Math.abs(receivedAtUs - this.#voidUs) <= COUNTS_US) {
      this.#epoch = { ...this.#epoch, position: undefined };
      return type === "GSA" || type === "RMC" || sentence.isValid === false ? "no-fix" : undefined;
    }
    return this.#fix(receivedAtUs);
  }

  /** Midnight passes between two sentences with a date. */
  #noteDay({ dayMs, timeOfDayMs }: NmeaSentence): void {
    const before = this.#epoch.timeOfDayMs;
    if (dayMs !== undefined) this.#dayMs = dayMs;
    else if (this.#dayMs !== undefined && timeOfDayMs !== undefined && before !== undefined) {
      if (timeOfDayMs < before - DAY_MS / 2) this.#dayMs += DAY_MS;
    }
  }

  #fix(receivedAtUs: number): Fix | undefined {
    const { position, timeOfDayMs, altitudeM, geoidM, speedMps, courseDeg, satellites, hdop, accuracyM } = this.#epoch;
    if (position === undefined) return undefined;
    const said = this.#gsa;
    const gsa = said !== undefined && Math.abs(receivedAtUs - said.atUs) <= COUNTS_US ? said : undefined;
    const mode = gsa?.mode ?? (altitudeM === undefined ? "2d" : "3d");
    const is3d = mode === "3d";
    return {
      mode,
      timeUs: this.#dayMs === undefined || timeOfDayMs === undefined ? undefined : (this.#dayMs + timeOfDayMs) * 1000,
      receivedAtUs,
      ...position,
      altitudeM: is3d ? altitudeM : undefined,
      heightM: is3d && altitudeM !== undefined && geoidM !== undefined ? altitudeM + geoidM : undefined,
      speedMps,
      courseDeg,
      accuracyM,
      satellites,
      hdop: hdop ?? gsa?.hdop,
    };
  }
}

/** What a sentence knows, to be laid over what others of its moment knew. */
function definedOf(sentence: NmeaSentence): Epoch {
  return Object.fromEntries(Object.entries(sentence).filter(([key, value]) => key !== "type" && value !== undefined));
}
