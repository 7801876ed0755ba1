import type { VehicleMessage } from "../../vehicle/vehicle-dbc.ts";
import type { CampaignSamples } from "../campaign-samples.ts";
import type { WireFrames, WireHistogram, WireTrigger } from "../record-reader.ts";
import { physicalOf } from "../sample-judge.ts";

/** A sample as delivered. `raw` is absent where the record has physical values alone. */
export type Got = {
  readonly timeUs: number;
  readonly raw: number | bigint | undefined;
  readonly physical: number | bigint;
};

/** What has been delivered of one campaign. */
export class CampaignEvidence {
  /** Of columns, by trigger and then by what `columnKey` gives. */
  readonly columns = new Map<number, Map<string, Got[]>>();
  readonly triggers: WireTrigger[] = [];
  readonly frames: WireFrames[] = [];
  readonly histograms: WireHistogram[] = [];
  /** Version of the document that it came for. */
  version = 0;
  /** Whether records of it were thinned, which leaves gaps. */
  isThinned = false;

  /** Samples in all. */
  count(): number {
    return [...this.columns.values()]
      .flatMap((columns) => [...columns.values()])
      .reduce((sum, { length }) => sum + length, 0);
  }

  take({ campaign, trigger, taken, workedOut }: CampaignSamples, vehicle: readonly VehicleMessage[]): void {
    this.version = campaign?.version ?? this.version;
    for (const { message, name, form, timesUs, values } of taken) {
      const signal = vehicle.find((one) => one.name === message)?.signals.find((one) => one.name === name);
      const list = this.#list(trigger, columnKey(`${message}.${name}`, "", 0));
      values.forEach((value, index) => {
        const isRaw = form === "raw";
        const physical = isRaw && signal !== undefined ? physicalOf(value, signal) : value;
        list.push({ timeUs: timesUs[index], raw: isRaw ? value : undefined, physical });
      });
    }
    for (const { message, name, aggregate, windowUs, timesUs, values } of workedOut) {
      const list = this.#list(trigger, columnKey(`${message}.${name}`, aggregate, windowUs));
      values.forEach((value, index) => list.push({ timeUs: timesUs[index], raw: undefined, physical: value }));
    }
  }

  #list(trigger: number, key: string): Got[] {
    const columns = this.columns.get(trigger) ?? new Map<string, Got[]>();
    this.columns.set(trigger, columns);
    const list = columns.get(key) ?? [];
    columns.set(key, list);
    return list;
  }
}

/** Names a column of a campaign: a signal, what was worked out of it, and over which window in µs. */
export function columnKey(signal: string, aggregate: string, windowUs: number): string {
  return `${signal} ${aggregate} ${windowUs}`;
}
