import type { MetricRegistry } from "../core/metrics/registry.ts";
import { metricsVerb } from "./metrics-schema.ts";
import type { ServedVerb } from "./verb.ts";

/** The verb that tells the metrics; `all` gives them with everything in it. */
export function metricsHandlers(all: () => Promise<MetricRegistry>): readonly ServedVerb[] {
  return [
    metricsVerb.answeredBy(async () => {
      const readings = (await all()).read();
      const metrics = readings.map(({ metric: { name, help, unit, type, labels }, samples }) => {
        return {
          name,
          help,
          unit,
          type,
          labels,
          samples: samples.map((sample) => ({ ...sample, labels: { ...sample.labels } })),
        };
      });
      return { schemaVersion: 1, metrics };
    }),
  ];
}
