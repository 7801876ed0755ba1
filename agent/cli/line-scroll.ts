import type { Key } from "./context.ts";
import type { ScreenSize } from "./live-screen.ts";
import { Scroll } from "./scroll.ts";
import { cutLine } from "./text.ts";

/** Lines that may be more than a screen has rows, looked through by the keys of `Scroll`. */
export class LineScroll {
  readonly #scroll = new Scroll();

  /** Whether the key means something here. */
  take(key: Key): boolean {
    return this.#scroll.take(key);
  }

  /** All of `lines` where they fit; else the part that is looked at, over a line that says which and what keys do. */
  draw(lines: readonly string[], { columns, rows }: ScreenSize): readonly string[] {
    const isWhole = lines.length <= rows;
    const shown = this.#scroll.part(lines, isWhole ? rows : Math.max(1, rows - 1));
    if (isWhole) return shown;
    const { top } = this.#scroll;
    const foot = `${top + 1}-${top + shown.length} of ${lines.length} lines  j k PgUp PgDn scroll  q quit`;
    return [...shown, cutLine(foot, columns)];
  }
}
