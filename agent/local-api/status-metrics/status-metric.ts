import type { MetricFacts, MetricSample, MetricType } from "../../core/metrics/metric.ts";
import type { Status } from "../status-schema.ts";

/** A metric that is told from a status alone. `wallUs`: when it was made, µs since the Unix epoch by this machine's clock. */
export type StatusMetric = MetricFacts & { read(status: Status, wallUs: number): readonly MetricSample[] };

type Given = number | undefined;
type Unit = MetricFacts["unit"];
type Said = { readonly name: string; readonly help: string; readonly unit?: Unit };

/** One sample without labels; none where there is no number. */
function plain(value: Given): readonly MetricSample[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}

/** Samples told apart by one label, without those that have no number. */
export function byLabel(label: string, entries: Iterable<readonly [string, Given]>): readonly MetricSample[] {
  return [...entries].flatMap(([text, value]) => (value === undefined ? [] : [{ labels: { [label]: text }, value }]));
}

/** `name` is cut of `causeway_`. */
export function counter(said: Said, read: (status: Status) => Given): StatusMetric {
  return metric("counter", said, [], (status) => plain(read(status)));
}

/** `name` is cut of `causeway_`. */
export function gauge(said: Said, read: (status: Status, wallUs: number) => Given): StatusMetric {
  return metric("gauge", said, [], (status, wallUs) => plain(read(status, wallUs)));
}

/** Which of `states` is in force; nothing where that is not known. `name` is cut of `causeway_`. */
export function stateset(
  said: Said,
  states: readonly string[],
  read: (status: Status) => string | undefined,
): StatusMetric {
  return metric("stateset", said, ["state"], (status) => {
    const now = read(status);
    if (now === undefined) return [];
    return states.map((state) => ({ labels: { state }, value: state === now ? 1 : 0 }));
  });
}

/** A metric of labels. `name` is cut of `causeway_`. */
export function metric(
  type: MetricType,
  { name, help, unit }: Said,
  labels: readonly string[],
  read: StatusMetric["read"],
): StatusMetric {
  return { name: `causeway_${name}`, help, unit, type, labels, read };
}

/** ms as the seconds that metrics are in. */
export function seconds(ms: Given): Given {
  return ms === undefined ? undefined : ms / 1000;
}
