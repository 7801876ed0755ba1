import type { Key } from "./context.ts";

/** What letters stand for. */
const NAMES: Readonly<Record<string, string>> = {
  j: "down",
  k: "up",
  " ": "pagedown",
  b: "pageup",
  g: "home",
  G: "end",
};

/** Which of many lines are looked at: j, k and the arrows move by a line, PgDn (space) and PgUp (b) by a page, g and G to the ends. */
export class Scroll {
  #top = 0;
  #page = 1;
  #length = 0;

  /** How many lines are above those that are looked at. */
  get top(): number {
    return this.#top;
  }

  /** Whether the key means something here. */
  take({ name, typed }: Key): boolean {
    const step = this.#stepOf(NAMES[typed] ?? name);
    if (step === undefined) return false;
    this.#move(step);
    return true;
  }

  toTop(): void {
    this.#top = 0;
  }

  /** The lines that are looked at where there is room for `page`. */
  part(lines: readonly string[], page: number): readonly string[] {
    this.#length = lines.length;
    this.#page = page;
    this.#move(0);
    return lines.slice(this.#top, this.#top + page);
  }

  #stepOf(name: string): number | undefined {
    switch (name) {
      case "down":
        return 1;
      case "up":
        return -1;
      case "pagedown":
        return this.#page;
      case "pageup":
        return -this.#page;
      case "home":
        return -this.#length;
      case "end":
        return this.#length;
      default:
        return undefined;
    }
  }

  #move(by: number): void {
    this.#top = Math.max(0, Math.min(this.#top + by, this.#length - this.#page));
  }
}
