import { z } from "zod";
import { CLOCK_QUALITIES } from "../../core/clock.ts";
import { boottimeUsOf } from "../../telemetry/record/read/correct-times.ts";
import { type Anchor, betterAnchor } from "../store/clock-offsets.ts";
import { damaged, number, numberIn, text } from "./attributes.ts";
import type { DynamoTable, Item } from "./table-client.ts";

/** Anchors of boots that are not asked for again, as they cannot become better. */
const MAX_FINAL = 4096;
/** Tries until somebody else has not changed the item meanwhile. Each failure is another worker's success. */
const MAX_TRIES = 100;

const quality = z.enum(CLOCK_QUALITIES);

/** The best anchor of each boot, over all workers. */
export class ClockStore {
  readonly #table: DynamoTable;
  readonly #final = new Map<string, Anchor>();

  constructor(table: DynamoTable) {
    this.#table = table;
  }

  /** Enters an anchor of a boot, and gives the best one of it. `expiresAt` in s since the Unix epoch. */
  async enter(thing: string, bootId: string, anchor: Anchor, expiresAt: number): Promise<Anchor> {
    const boot = `${thing} ${bootId}`;
    const final = this.#final.get(boot);
    if (final !== undefined && betterAnchor(final, anchor) === final) return final;
    const best = await this.#entered(keyOf(thing, bootId), anchor, expiresAt);
    if (this.#final.size >= MAX_FINAL) this.#final.clear();
    if (best.quality === CLOCK_QUALITIES.at(-1)) this.#final.set(boot, best);
    return best;
  }

  async #entered(key: Item, anchor: Anchor, expiresAt: number): Promise<Anchor> {
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const item = await this.#table.get(key);
      const known = item === undefined ? undefined : anchorOf(item);
      if (known !== undefined && betterAnchor(known, anchor) === known) return known;
      const facts = { ...key, ...factsOf(anchor), expires_at: number(expiresAt) };
      if (await this.#table.put(facts, known === undefined ? ABSENT : unchanged(known))) return anchor;
    }
    throw damaged(key, `was changed ${MAX_TRIES} times by others while it was written`);
  }
}

const ABSENT = { expression: "attribute_not_exists(thing)" } as const;

function unchanged({ monotonicUs, wallUs, quality: of }: Anchor): { expression: string; values: Item } {
  const values = { ":monotonic": number(monotonicUs), ":wall": number(wallUs), ":quality": text(of) };
  return { expression: "monotonic_us = :monotonic AND wall_us = :wall AND quality = :quality", values };
}

function keyOf(thing: string, bootId: string): Item {
  return { thing: text(thing), fact: text(`clock#${bootId}`) };
}

function factsOf(anchor: Anchor): Item {
  return {
    monotonic_us: number(boottimeUsOf(anchor)),
    wall_us: number(anchor.wallUs),
    quality: text(anchor.quality),
  };
}

function anchorOf(item: Item): Anchor {
  const known = quality.safeParse(item.quality?.S);
  if (!known.success) throw damaged(item, "has no quality");
  return { monotonicUs: numberIn(item, "monotonic_us"), wallUs: numberIn(item, "wall_us"), quality: known.data };
}
