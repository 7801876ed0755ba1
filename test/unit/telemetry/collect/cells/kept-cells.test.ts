import { describe, expect, it } from "vitest";
import {
  cellRecords,
  lastCellRecords,
  recordsWith,
} from "../../../../../agent/telemetry/collect/cells/cell-records.ts";
import { GridSampler } from "../../../../../agent/telemetry/collect/cells/grid-sampler.ts";
import { HistogramSampler } from "../../../../../agent/telemetry/collect/cells/histogram-sampler.ts";
import type { KeptSampler } from "../../../../../agent/telemetry/collect/cells/kept-sampler.ts";
import { CAMPAIGN, KeptStore, plainReport } from "../../../../fakes/telemetry/cell-rig.ts";
import { bodyOf, decodeAll } from "../../../../fakes/telemetry/records.ts";
import { inputOf, Readings, T0 } from "../../../../fakes/telemetry/sampler-rig.ts";
import { encoderOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const SETTINGS = { edges: [0], by: "samples", everyMs: 86_400_000, perTrip: true } as const;
const parts = { campaign: CAMPAIGN, stream: "telemetry", encoder: encoderOf(tableOf([])) } as const;

/** A histogram of two signals with a sample each, which is kept. */
function leave(store: KeptStore, name = "0", run = "1"): HistogramSampler {
  const sampler = new HistogramSampler(SETTINGS, store.cells(run).place(CAMPAIGN, name));
  for (const slot of [0, 1]) sampler.add(inputOf(slot));
  giveBoth(sampler);
  store.flush(sampler);
  return sampler;
}

function giveBoth(sampler: KeptSampler): void {
  const readings = new Readings();
  for (const local of [0, 1]) readings.give(sampler, { local, us: local, raw: 1 });
}

describe("KeptCells", () => {
  it("lets a sampler go on, and leaves the cells of a sender that is not back yet as they are", () => {
    const store = new KeptStore();
    leave(store);
    const cells = store.cells("2");
    const again = new HistogramSampler(SETTINGS, cells.place(CAMPAIGN, "0"));
    again.add(inputOf(1));
    const readings = new Readings();
    for (const us of [5, 6]) readings.give(again, { local: 0, us, raw: 1 });
    again.ledger.retire();
    store.flush(again);
    expect(cells.orphans()).toEqual([]);
    expect(store.reports.map(({ axes, cells: counts }) => [axes[0].name, Array.from(counts)])).toEqual([
      ["S0", [0, 1]],
      ["S1", [0, 3]],
    ]);
  });

  it("gives what no sampler asks for as reports, with the end of its keys", () => {
    const store = new KeptStore();
    leave(store);
    leave(store, "1");
    const cells = store.cells();
    cells.place(CAMPAIGN, "1");
    cells.place({ ...CAMPAIGN, version: 4 }, "0");
    const orphans = cells.orphans();
    expect(orphans.map(({ report }) => report.campaign)).toEqual([CAMPAIGN]);
    expect(orphans[0].report.histograms.map(plainReport)).toMatchObject([
      { name: "S0", cells: [0, 1], fromUs: 0 },
      { name: "S1", cells: [0, 1], fromUs: 1 },
    ]);
    store.write(orphans[0].forget);
    expect([...store.values.keys()].every((key) => key.startsWith("cells/1/load/3/0123456789abcdef/1"))).toBe(true);
    expect(store.values.size).toBe(5);
    expect(cells.orphans()).toEqual([]);
  });

  it("keeps the cells of a start without the disk apart, and reports one of them", () => {
    const onDisk = new KeptStore();
    leave(onDisk, "0", "11");
    const inMemory = new KeptStore();
    leave(inMemory, "0", "22");
    for (const [key, value] of inMemory.values) onDisk.values.set(key, value);
    const cells = onDisk.cells("11");
    expect(cells.place(CAMPAIGN, "0").prefix).toBe("cells/11/load/3/0123456789abcdef/0");
    const [orphan] = cells.orphans();
    expect(orphan.report.histograms.map(({ cells: counts }) => Array.from(counts))).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(orphan.forget.every(({ key }) => key.startsWith("cells/22/"))).toBe(true);
  });

  it("forgets what it cannot read, and believes nothing that does not fit", () => {
    const store = new KeptStore();
    leave(store);
    store.values.set("cells/1/load/3/0123456789abcdef/0/0", Uint8Array.of(1, 2, 3));
    store.values.set("cells/1/other/1/00/0", new TextEncoder().encode('{"version":2}'));
    store.values.set("cells/1/other/1/00/0/0", Uint8Array.of());
    store.values.set("triggers/load", Uint8Array.of());
    const cells = store.cells();
    expect(cells.unreadable.map(({ key }) => key)).toEqual(["cells/1/other/1/00/0", "cells/1/other/1/00/0/0"]);
    const [orphan] = cells.orphans();
    expect(orphan.report.histograms.map(plainReport)).toMatchObject([{ name: "S1", cells: [0, 1] }]);
  });

  it("reads the chunks of a large grid", () => {
    const edges = Array.from({ length: 99 }, (_, edge) => edge);
    const store = new KeptStore();
    const settings = { xEdges: edges, yEdges: edges, by: "samples", everyMs: 86_400_000, perTrip: true } as const;
    const sampler = new GridSampler(settings, store.place());
    for (const slot of [0, 1]) sampler.add(inputOf(slot, { output: slot }));
    const readings = new Readings();
    for (let at = 0; at < 99; at++) readings.give(sampler, { local: at % 2, us: at, raw: at });
    store.flush(sampler);
    const [{ report }] = store.cells().orphans();
    sampler.ledger.retire();
    expect(report.histograms).toEqual(sampler.ledger.takeReports());
    expect(Array.from(report.histograms[0].cells).reduce((sum, count) => sum + count)).toBe(98);
  });
});

describe("the records of cells", () => {
  it("are none while nothing is due; what has changed is kept", () => {
    const store = new KeptStore();
    const sampler = leave(store);
    giveBoth(sampler);
    const { drafts, kept } = cellRecords(sampler.ledger, parts);
    expect(drafts).toEqual([]);
    expect(kept.length).toBe(4);
  });

  it("are stored with the cells that they set to zero", () => {
    const sampler = leave(new KeptStore());
    sampler.close(0, "trip");
    const { drafts, kept } = cellRecords(sampler.ledger, parts);
    expect(drafts.map((draft) => draft.kept)).toEqual([kept]);
    const { campaign, histograms } = bodyOf(decodeAll(drafts)[0], "histograms");
    expect(campaign).toEqual(CAMPAIGN);
    expect(histograms).toMatchObject([{ cells: [1], firstCell: 1, fromUs: T0 }, { cells: [1] }]);
  });

  it("are the last of a campaign that ends: nothing of it is kept any more", () => {
    const store = new KeptStore();
    const { drafts, kept } = lastCellRecords(leave(store).ledger, parts);
    store.write(kept);
    expect(drafts.length).toBe(1);
    expect(store.list()).toEqual([]);
  });

  it("keep what goes with them at the last of several", () => {
    const encoder = encoderOf(tableOf([]), { maxPayloadBytes: 1024 });
    const sampler = leave(new KeptStore());
    sampler.ledger.retire();
    const [histogram] = sampler.ledger.takeReports();
    const kept = [{ key: "a", value: undefined }];
    const many = Array.from({ length: 30 }, () => histogram);
    const { drafts } = recordsWith({ campaign: CAMPAIGN, histograms: many }, kept, { stream: "event", encoder });
    expect(drafts.length).toBeGreaterThan(1);
    expect(drafts.map((draft) => draft.kept)).toEqual([...drafts.slice(1).map(() => undefined), kept]);
  });
});
