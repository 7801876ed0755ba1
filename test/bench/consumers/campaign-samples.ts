import type { WireCampaign, WireRows, WireSignal } from "./record-reader.ts";
import { physicalOf, type RecordVerdict, type SampleColumn, type TakenColumn } from "./sample-judge.ts";

/** What a campaign worked out: an aggregate of a signal, or a derived signal. */
export type WorkedOutColumn = {
  /** Bus and message are empty for a derived signal. */
  readonly bus: string;
  readonly message: string;
  readonly name: string;
  readonly unit: string;
  /** min, max, mean ...; empty for samples of a derived signal. */
  readonly aggregate: string;
  /** 0 for a trip, or none, µs. */
  readonly windowUs: number;
  /** µs since the Unix epoch. */
  readonly timesUs: readonly number[];
  /** Physical. */
  readonly values: readonly (number | bigint)[];
};

/** The samples of one record of a campaign. */
export type CampaignSamples = {
  /** Undefined for what the rules of the configuration ask for. */
  readonly campaign: WireCampaign | undefined;
  /** Number of the trigger's record; 0 none. */
  readonly trigger: number;
  readonly taken: readonly TakenColumn[];
  readonly workedOut: readonly WorkedOutColumn[];
};

/** Compares what campaigns worked out with what they must have. */
export interface CampaignJudge {
  /** The verdict on `workedOut` alone. */
  judge(samples: CampaignSamples): RecordVerdict;
}

/** Whether a table is the vehicle's own: one of a campaign has a column that is worked out. */
export function isVehicleTable(signals: readonly WireSignal[]): boolean {
  return signals.every(isTaken);
}

/** Whether a column of a table holds samples as they were received. */
export function isTaken({ aggregate, message }: WireSignal): boolean {
  return aggregate === "AGGREGATE_NONE" && message !== "";
}

/** The columns of a record of a campaign. */
export function samplesOfColumns(
  { campaign, trigger }: { readonly campaign: WireCampaign | null; readonly trigger: bigint },
  columns: readonly SampleColumn[],
): CampaignSamples {
  return {
    campaign: campaign ?? undefined,
    trigger: Number(trigger),
    taken: columns
      .filter(({ signal }) => isTaken(signal))
      .map(({ signal: { message, name }, timesUs, values }) => ({ message, name, form: "raw", timesUs, values })),
    workedOut: columns.filter(({ signal }) => !isTaken(signal)).map(workedOutColumn),
  };
}

function workedOutColumn({ signal, timesUs, values }: SampleColumn): WorkedOutColumn {
  const { bus, message, name, unit, windowUs } = signal;
  const aggregate =
    signal.aggregate === "AGGREGATE_NONE" ? "" : signal.aggregate.replace("AGGREGATE_", "").toLowerCase();
  const physical = values.map((value) => physicalOf(value, signal));
  return { bus, message, name, unit, aggregate, windowUs, timesUs, values: physical };
}

/** The rows of a record, as columns of what belongs together. */
export function samplesOfRows({ campaign, trigger, rows }: WireRows): CampaignSamples {
  const groups = Map.groupBy(rows, ({ bus, name, aggregate, windowUs }) => [bus, name, aggregate, windowUs].join(" "));
  const columns = [...groups.values()].map((group): WorkedOutColumn => {
    const [{ bus, name: full, unit, aggregate, windowUs }] = group;
    const [message, name] = full.includes(".") ? full.split(".") : ["", full];
    return {
      bus,
      // Behind @ there is the id, where the bus has several messages of the name.
      message: message.replace(/@.*/, ""),
      name,
      unit,
      aggregate,
      windowUs: Number(windowUs),
      timesUs: group.map(({ timeUs }) => Number(timeUs)),
      values: group.map(({ number, exact }) => (exact === undefined ? number : BigInt(exact))),
    };
  });
  return {
    campaign: campaign ?? undefined,
    trigger: Number(trigger),
    taken: columns.filter(isTakenRow).map((column) => ({ ...column, form: "physical" })),
    workedOut: columns.filter((column) => !isTakenRow(column)),
  };
}

function isTakenRow({ aggregate, message }: WorkedOutColumn): boolean {
  return aggregate === "" && message !== "";
}
