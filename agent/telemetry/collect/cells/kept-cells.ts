import type { KeptValue } from "../../../ports/outbox.ts";
import type { CampaignRef } from "../../record/encode/campaign-ref.ts";
import type { HistogramsReport } from "../../record/encode/histograms.ts";
import { CellLedger, type CellPlace } from "./cell-ledger.ts";
import { CellRoom } from "./cell-room.ts";
import { decodeOutline, type KeptOutline } from "./kept-outline.ts";

/** Begins the keys of all cells among the kept values of the outbox. */
const ROOM = "cells/";

type Rows = ReadonlyMap<string, Uint8Array>;

/** Cells whose campaign runs no more: what they counted, to be stored in one transaction with the end of their keys. */
export type OrphanedCells = { readonly report: HistogramsReport; readonly forget: readonly KeptValue[] };

/**
 * The cells that an earlier start of the agent has left, by campaign and sampler. A sampler that runs again goes on with its own; the
 * others are reported, those of a replaced version and of another digest too.
 *
 * Keys are of a run: where the disk was away at a start, and memory kept values of the same sampler, both are there afterwards.
 */
export class KeptCells {
  /** Keys of cells that nobody can read, to be forgotten. */
  readonly unreadable: readonly KeptValue[];
  readonly #room: CellRoom;
  readonly #run: string;
  readonly #rows: Rows;
  readonly #outlines: Map<string, KeptOutline>;

  /** `kept`: of the outbox at the start; `run` names that outbox, by its epoch. */
  constructor(
    kept: readonly { readonly key: string; readonly value: Uint8Array }[],
    run: string,
    room: CellRoom = new CellRoom(),
  ) {
    const own = kept.filter(({ key }) => key.startsWith(ROOM));
    this.#room = room;
    this.#run = run;
    this.#rows = new Map(own.map(({ key, value }) => [key, value]));
    this.#outlines = new Map(
      own.flatMap(({ key, value }) => {
        const outline = key.split("/").length === 6 ? decodeOutline(value) : undefined;
        return outline === undefined ? [] : [[key, outline] as const];
      }),
    );
    this.unreadable = own
      .filter(({ key }) => !this.#outlines.has(outlineKeyOf(key)))
      .map(({ key }) => ({ key, value: undefined }));
  }

  /** Where a sampler keeps its cells; `name` is its own among those of the campaign's version, and has no '/'. Ask once for each. */
  place(campaign: CampaignRef, name: string): CellPlace {
    const ending = `/${campaign.id}/${campaign.version}/${campaign.digest}/${name}`;
    const [found] = [...this.#outlines].filter(([key]) => key.endsWith(ending));
    const room = this.#room;
    if (found === undefined) return { campaign, prefix: `${ROOM}${this.#run}${ending}`, room, found: undefined };
    const [prefix, outline] = found;
    this.#outlines.delete(prefix);
    return { campaign, prefix, room, found: { outline, rows: this.#rows } };
  }

  /** What no sampler has asked for by now. Call once. */
  orphans(): readonly OrphanedCells[] {
    const orphans = [...this.#outlines].map(([prefix, outline]) => this.#orphanOf(prefix, outline));
    this.#outlines.clear();
    return orphans;
  }

  #orphanOf(prefix: string, outline: KeptOutline): OrphanedCells {
    const { campaign, kind, by, edges, shape } = outline;
    // Nothing of it goes on, so that when it would have been reported says nothing any more.
    const plan = { kind, by, edges, shape, everyMs: 1, perTrip: false };
    const room = new CellRoom();
    const ledger = new CellLedger(plan, { campaign, prefix, room, found: { outline, rows: this.#rows } }, () => 0);
    ledger.retire();
    const keys = [...this.#rows.keys()].filter((key) => outlineKeyOf(key) === prefix);
    const forget = keys.map((key) => ({ key, value: undefined }));
    return { report: { campaign, histograms: ledger.takeReports() }, forget };
  }
}

/** Of any key of a sampler. */
function outlineKeyOf(key: string): string {
  return key.split("/").slice(0, 6).join("/");
}
