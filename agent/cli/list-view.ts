import type { Key } from "./context.ts";
import type { ScreenSize } from "./live-screen.ts";
import { Scroll } from "./scroll.ts";
import { cutLine } from "./text.ts";

/** How a list is looked at: which part of it, what it is filtered by, and in which order. */
export type ListViewOptions = {
  readonly filter: string;
  /** The orders that `s` goes through, after the list's own. */
  readonly orders: readonly string[];
  readonly order: string | undefined;
};

/**
 * A long list on a screen, looked through by the keys of `Scroll`, / to type what it is filtered by (Enter keeps it, Esc forgets it), s
 * for the next order.
 */
export class ListView {
  readonly #scroll = new Scroll();
  #isTyping = false;
  #filter: string;
  #order: string | undefined;
  readonly #orders: readonly string[];

  constructor({ filter, orders, order }: ListViewOptions) {
    this.#filter = filter;
    this.#orders = orders;
    this.#order = order;
  }

  /** What lines are to hold; empty for all. */
  get filter(): string {
    return this.#filter;
  }

  /** The order that is asked for; undefined for the list's own. */
  get order(): string | undefined {
    return this.#order;
  }

  /** Whether the key means something here. */
  take(key: Key): boolean {
    return this.#isTyping ? this.#type(key) : this.#look(key);
  }

  /** The part of `lines` that is looked at, under `head` and over a line that says where in the list it is and what keys do. */
  draw(head: string, lines: readonly string[], { columns, rows }: ScreenSize): readonly string[] {
    const shown = this.#scroll.part(lines, Math.max(1, rows - 2));
    return [head, ...shown, cutLine(this.#foot(shown.length, lines.length), columns)];
  }

  #look(key: Key): boolean {
    if (this.#scroll.take(key)) return true;
    const { name, typed } = key;
    if (typed === "/") this.#isTyping = true;
    else if (typed === "s") this.#order = this.#nextOrder();
    else if (name === "escape" && this.#filter !== "") this.#filter = "";
    else return false;
    return true;
  }

  #type({ name, typed }: Key): boolean {
    if (name === "return" || name === "enter") this.#isTyping = false;
    else if (name === "escape") {
      this.#isTyping = false;
      this.#filter = "";
    } else if (name === "backspace") this.#filter = this.#filter.slice(0, -1);
    else if (typed !== "") this.#filter += typed;
    else return false;
    this.#scroll.toTop();
    return true;
  }

  #nextOrder(): string | undefined {
    const at = this.#order === undefined ? -1 : this.#orders.indexOf(this.#order);
    return this.#orders[at + 1];
  }

  #foot(shown: number, length: number): string {
    if (this.#isTyping) return `/${this.#filter}_`;
    const { top } = this.#scroll;
    const place = shown === 0 ? "none" : `${top + 1}-${top + shown} of ${length}`;
    const filter = this.#filter === "" ? "" : `  /${this.#filter}`;
    return `${place}${filter}  by ${this.#order ?? "file"}  j k PgUp PgDn scroll  / filter  s sort  q quit`;
  }
}
