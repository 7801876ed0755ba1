import { KEPT_MAX_BYTES } from "../../../ports/outbox.ts";
import type { CellShape } from "./cell-state.ts";

/** What of the outbox's room for kept values is for other things than cells. */
const OTHER_BYTES = 1_048_576;
/** Of the names of a signal, and of its keys. */
const NAMES_BYTES = 1024;

/** Most bytes that the cells of one signal can take among the kept values. */
export function cellBytes({ cells, carried, listed }: CellShape): number {
  return NAMES_BYTES + (carried + listed) * 8 + cells * 9;
}

/** The room for cells among the kept values of the outbox, which all campaigns share. */
export class CellRoom {
  #freeBytes: number;

  constructor(bytes = KEPT_MAX_BYTES - OTHER_BYTES) {
    this.#freeBytes = bytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  hasFor(shape: CellShape): boolean {
    return cellBytes(shape) <= this.#freeBytes;
  }

  /** What was kept before is taken on whatever room there is. */
  take(shape: CellShape): void {
    this.#freeBytes -= cellBytes(shape);
  }

  giveBack(shape: CellShape): void {
    this.#freeBytes += cellBytes(shape);
  }
}
