import type { CampaignDocument } from "../../../../config/campaign.ts";

/** The newest value of a derived signal; `timeUs` is that of the frame that brought it, µs since the Unix epoch. */
export type DerivedValue = {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly timeUs: number;
};

/** The newest values of the derived signals of one campaign, for people. */
export class NewestDerived {
  readonly #definitions: CampaignDocument["derived"];
  readonly #values: Float64Array;
  /** 0: none yet. */
  readonly #timesUs: Float64Array;

  constructor(definitions: CampaignDocument["derived"]) {
    this.#definitions = definitions;
    this.#values = new Float64Array(definitions.length);
    this.#timesUs = new Float64Array(definitions.length);
  }

  /** On the frame path. */
  take(index: number, value: number, timeUs: number): void {
    this.#values[index] = value;
    this.#timesUs[index] = timeUs;
  }

  list(): readonly DerivedValue[] {
    return this.#definitions.flatMap(({ name, unit }, at) => {
      const timeUs = this.#timesUs[at];
      return timeUs === 0 ? [] : [{ name, unit, value: this.#values[at], timeUs }];
    });
  }
}
