import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../../agent/core/errors.ts";
import type { Histogram } from "../../../../../agent/telemetry/record/encode/histograms.ts";
import { COUNTED, histogramOf } from "../../../../fakes/telemetry/histograms.ts";
import { bodyOf, decodeAll } from "../../../../fakes/telemetry/records.ts";
import { encoderOf, idOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const LAST = { epoch: 2 ** 53 - 1, stream: "telemetry", seq: 2 ** 53 - 1 } as const;
const MAX_BYTES = 1024;
const encoder = encoderOf(tableOf([]), { maxPayloadBytes: MAX_BYTES });
const { campaign } = COUNTED;

/** Encodes, checks the limit, and puts the parts together as a reader does: what is in none is 0. */
function throughParts(histograms: readonly Histogram[]): { readonly cells: number[][]; readonly records: number } {
  const drafts = encoder.histograms({ campaign, histograms }, "telemetry");
  for (const draft of drafts) expect(draft.seal(LAST).length).toBeLessThanOrEqual(MAX_BYTES);
  const byStart = new Map<number, number[]>();
  for (const record of decodeAll(drafts)) {
    for (const { fromUs, firstCell, totalCells, cells } of bodyOf(record, "histograms").histograms) {
      const whole = byStart.get(fromUs) ?? Array.from({ length: totalCells }, () => 0);
      cells.forEach((count, at) => {
        expect(whole[firstCell + at]).toBe(0);
        whole[firstCell + at] = count;
      });
      byStart.set(fromUs, whole);
    }
  }
  return { cells: [...byStart.values()], records: drafts.length };
}

describe("records of histograms", () => {
  it("say all that a reader must know, of each kind", () => {
    const drafts = encoder.histograms(COUNTED, "event");
    expect(drafts.map(({ stream }) => stream)).toEqual(["event"]);
    const { histograms, campaign: found } = bodyOf(decodeAll(drafts)[0], "histograms");
    expect(found).toEqual(campaign);
    expect(histograms).toEqual(
      COUNTED.histograms.map((histogram, at) => ({
        ...histogram,
        cells: at === 0 ? [2 ** 53 - 1, 7] : histogram.cells,
        firstCell: at === 0 ? 1 : 0,
        totalCells: histogram.cells.length,
      })),
    );
  });

  it("keep the limit: a large histogram comes in parts, and a long row of zeros in none", () => {
    const cells = Array.from({ length: 5000 }, (_, cell) => (cell % 7 === 0 || cell > 4800 ? 2 ** 53 - 1 - cell : 0));
    cells.fill(0, 1000, 4000);
    const small = histogramOf({ fromUs: 5, cells: [1] });
    const found = throughParts([histogramOf({ cells }), small]);
    expect(found.cells).toEqual([cells, [1]]);
    expect(found.records).toBeGreaterThan(3);
    expect(found.records).toBeLessThan(12);
  });

  it("are compressed in columns alone, so that a rule of a cloud can read them", () => {
    const packed = encoderOf(tableOf([]), { compression: "gzip" });
    const made = [packed.histograms(COUNTED, "event"), packed.histograms(COUNTED, "event", "columns")];
    const clear = (["rows", "json"] as const).map((form) => packed.histograms(COUNTED, "event", form));
    expect([...made, ...clear].map(([draft]) => draft.encoding)).toEqual(["gzip", "gzip", "identity", "identity"]);
  });

  it("hold several small ones each, and one of zeros alone too", () => {
    const many = Array.from({ length: 40 }, (_, at) =>
      histogramOf({ fromUs: at + 1, cells: at === 3 ? [0, 0] : [at, 0] }),
    );
    const { cells, records } = throughParts(many);
    expect(cells).toEqual(many.map((histogram) => Array.from(histogram.cells)));
    expect(records).toBeLessThan(8);
  });

  it("are refused when they contradict themselves", () => {
    const edges = [{ ...histogramOf().axes[0], edges: [1, 1] }];
    const [draft] = encoder.histograms({ campaign, histograms: [histogramOf({ axes: edges })] }, "event");
    expect(() => decodeAll([draft])).toThrow(AgentError);
    expect(draft.seal(idOf(1)).length).toBeGreaterThan(0);
  });
});
