import type { KeptValue } from "../../../agent/ports/outbox.ts";
import type { CellPlace } from "../../../agent/telemetry/collect/cells/cell-ledger.ts";
import { KeptCells } from "../../../agent/telemetry/collect/cells/kept-cells.ts";
import type { KeptSampler } from "../../../agent/telemetry/collect/cells/kept-sampler.ts";
import type { SamplerInput } from "../../../agent/telemetry/collect/sampler.ts";
import type { Histogram } from "../../../agent/telemetry/record/encode/histograms.ts";
import { inputOf, Readings, type Step, T0 } from "./sampler-rig.ts";

export const CAMPAIGN = { id: "load", version: 3, digest: "0123456789abcdef" };

/** What an outbox keeps, and the reports of the records in it. */
export class KeptStore {
  readonly values = new Map<string, Uint8Array>();
  readonly reports: Histogram[] = [];
  /** Bytes of values written so far. */
  writtenBytes = 0;

  write(values: readonly KeptValue[]): void {
    for (const { key, value } of values) {
      if (value === undefined) this.values.delete(key);
      else this.values.set(key, value.slice());
      this.writtenBytes += value?.length ?? 0;
    }
  }

  /** The flush of a sampler: all or nothing of it is there. */
  flush({ ledger }: KeptSampler): void {
    this.reports.push(...ledger.takeReports());
    this.write(ledger.takeChanges());
  }

  cells(run = "1"): KeptCells {
    const kept = [...this.values].map(([key, value]) => ({ key, value }));
    return new KeptCells(kept, run);
  }

  place(name = "0"): CellPlace {
    return this.cells().place(CAMPAIGN, name);
  }

  /** Keys and values in their order, to compare. */
  list(): readonly (readonly [string, readonly number[]])[] {
    return [...this.values].map(([key, value]) => [key, [...value]] as const).toSorted(([a], [b]) => (a < b ? -1 : 1));
  }
}

/** A report with plain cells and times in µs since `T0`, without those of the other signals. */
export function plainReport({ axes, cells, fromUs, toUs, ...rest }: Histogram): unknown {
  return {
    ...rest,
    name: axes.map(({ name }) => name).join(),
    cells: Array.from(cells),
    fromUs: fromUs - T0,
    toUs: toUs - T0,
  };
}

/** Runs `steps` with a flush after each close and at the end, where everything is reported; gives the reports by signal name. */
export function runCells(make: (place: CellPlace) => KeptSampler, steps: readonly Step[], signals = 1): KeptStore {
  const store = new KeptStore();
  const sampler = make(store.place());
  const readings = new Readings();
  let count = 0;
  while (count < signals) sampler.add(numbered(count++));
  for (const step of steps) {
    if (step.kind === "add") sampler.add(numbered(count++));
    else if (step.kind === "take") readings.give(sampler, step);
    else {
      sampler.close(step.nowMs, step.cause);
      store.flush(sampler);
    }
  }
  sampler.ledger.retire();
  store.flush(sampler);
  return store;
}

/** What a run with kills leaves: the store at its end, and the steps that were committed before each kill. */
export type KilledRun = { readonly store: KeptStore; readonly committed: readonly Step[] };

/**
 * Runs `steps`, with flushes after each close, and kills the sampler after the steps whose places `kills` names: what came after the last
 * flush is gone, and a new sampler goes on with what was kept. Its signals are added the other way round where `isTurned`.
 */
export function runKilled(
  make: (place: CellPlace) => KeptSampler,
  steps: readonly Step[],
  kills: readonly number[],
  isTurned = true,
): KilledRun {
  const store = new KeptStore();
  const committed: Step[] = [];
  let waiting: Step[] = [];
  let signals = 1;
  let readings = new Readings();
  let sampler = make(store.place());
  sampler.add(numbered(0));
  let localOf = (local: number): number => local;
  const flush = (): void => {
    store.flush(sampler);
    committed.push(...waiting);
    waiting = [];
  };
  steps.forEach((step, at) => {
    waiting.push(step);
    if (step.kind === "add") sampler.add(numbered(signals++));
    else if (step.kind === "take") readings.give(sampler, { ...step, local: localOf(step.local) });
    else {
      sampler.close(0, step.cause);
      flush();
    }
    if (!kills.includes(at)) return;
    // A signal stays known to the vehicle: what is added is no sample.
    waiting = waiting.filter(({ kind }) => kind === "add");
    readings = new Readings();
    sampler = make(store.place());
    const known = signals;
    const turned = (slot: number): number => (isTurned && slot < known ? known - 1 - slot : slot);
    for (let local = 0; local < known; local++) sampler.add(numbered(turned(local)));
    localOf = turned;
  });
  sampler.ledger.retire();
  flush();
  return { store, committed };
}

/** As campaigns number what is no column: by place. */
function numbered(slot: number): SamplerInput {
  return inputOf(slot, { output: slot });
}
