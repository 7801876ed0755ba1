import type { Histogram, HistogramsReport } from "../../../agent/telemetry/record/encode/histograms.ts";

const SPEED = { bus: "can0", message: "Engine", name: "Speed", unit: "rpm" };
const POWER = { bus: "", message: "", name: "power", unit: "kW" };
const SPAN = { fromUs: 1_767_225_600_000_000, toUs: 1_767_225_660_000_000 };

/** A histogram over time; `change` says what is different. */
export function histogramOf(change: Partial<Histogram> = {}): Histogram {
  const axes = [{ ...SPEED, edges: [0, 1000.5] }];
  return {
    kind: "histogram",
    by: "time",
    axes,
    states: [],
    ...SPAN,
    cells: [0, 2 ** 53 - 1, 7],
    leftOut: 3,
    skipped: 1,
    ...change,
  };
}

/** One of each kind, with every field. */
export const COUNTED: HistogramsReport = {
  campaign: { id: "load", version: 3, digest: "0123456789abcdef" },
  histograms: [
    histogramOf(),
    histogramOf({
      by: "samples",
      axes: [
        { ...SPEED, source: 0, destination: 255, edges: [-1, 0] },
        { ...POWER, edges: [Number.NEGATIVE_INFINITY, 5] },
      ],
      cells: [1, 2, 3, 4, 5, 6, 7, 8, 9],
    }),
    histogramOf({
      kind: "duration",
      axes: [{ ...SPEED, edges: [] }],
      states: [0, -1, 0.5],
      cells: [1, 2, 3, 4],
      leftOut: 0,
    }),
    histogramOf({ kind: "counter", by: "increase", axes: [{ ...POWER, edges: [] }], cells: [12], skipped: 0 }),
  ],
};
