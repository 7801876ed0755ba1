import type { Key } from "./context.ts";
import type { ScreenSize } from "./live-screen.ts";
import { cutLine } from "./text.ts";

/** Lines that may be more than a screen has rows, looked through by keys: j, k and the arrows by a line, PgDn (space) and PgUp (b) by a page. */
export class LineScroll {
  #top = 0;
  #page = 1;
  #length = 0;

  /** Whether the key means something here. */
  take({ name, typed }: Key): boolean {
    const steps: Readonly<Record<string, number>> = {
      j: 1,
      down: 1,
      k: -1,
      up: -1,
      " ": this.#page,
      pagedown: this.#page,
      b: -this.#page,
      pageup: -this.#page,
    };
    const step = steps[typed] ?? steps[name];
    if (step === undefined) return false;
    this.#move(step);
    return true;
  }

  /** All of `lines` where they fit; else the part that is looked at, over a line that says which and what keys do. */
  draw(lines: readonly string[], { columns, rows }: ScreenSize): readonly string[] {
    this.#length = lines.length;
    this.#page = lines.length <= rows ? rows : Math.max(1, rows - 1);
    this.#move(0);
    if (lines.length <= rows) return lines;
    const end = Math.min(lines.length, this.#top + this.#page);
    const foot = `${this.#top + 1}-${end} of ${lines.length} lines  j k PgUp PgDn scroll  q quit`;
    return [...lines.slice(this.#top, end), cutLine(foot, columns)];
  }

  #move(by: number): void {
    this.#top = Math.max(0, Math.min(this.#top + by, this.#length - this.#page));
  }
}
