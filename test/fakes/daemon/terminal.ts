import xterm from "@xterm/headless";
import type { Key, Terminal } from "../../../agent/cli/context.ts";
import { bytesOf } from "./cli-runner.ts";

/** A terminal as a person has it: what is written goes through the emulator of xterm.js, which nobody here wrote. */
export class FakeTerminal implements Terminal {
  readonly stdin = bytesOf("");
  readonly #emulator: InstanceType<typeof xterm.Terminal>;
  readonly #errors: string[] = [];
  readonly #listeners = new Set<(key: Key) => void>();
  readonly #resized = new Set<() => void>();
  readonly #atExit = new Set<string>();
  #written = 0;

  constructor({ columns, rows }: { readonly columns: number; readonly rows: number }) {
    this.#emulator = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true });
  }

  readonly stdout = {
    write: (text: string) => {
      this.#written += text.length;
      this.#emulator.write(text);
    },
    isTerminal: true,
    columns: () => this.#emulator.cols,
    rows: () => this.#emulator.rows,
    onResize: (listener: () => void) => added(this.#resized, listener),
    atExit: (text: string) => added(this.#atExit, text),
  };

  readonly stderr = {
    write: (text: string) => void this.#errors.push(text),
    isTerminal: true,
    columns: () => this.#emulator.cols,
    rows: () => this.#emulator.rows,
  };

  readonly keyboard = { listen: (onKey: (key: Key) => void) => added(this.#listeners, onKey) };

  /** A person presses a key that is a letter, or has a name. */
  press(...names: readonly string[]): void {
    for (const name of names) {
      for (const listener of this.#listeners) listener({ name, typed: name.length === 1 ? name : "" });
    }
  }

  resize(columns: number, rows: number): void {
    this.#emulator.resize(columns, rows);
    for (const listener of this.#resized) listener();
  }

  /** The lines on the screen, without spaces at their ends; of all that was written so far. */
  async lines(): Promise<readonly string[]> {
    await new Promise<void>((resolve) => this.#emulator.write("", resolve));
    const { active } = this.#emulator.buffer;
    return Array.from({ length: this.#emulator.rows }, (_, row) => {
      const line = active.getLine(active.viewportY + row);
      return line?.translateToString(true) ?? "";
    });
  }

  /** Whether a program has the screen for itself, as an editor does; of all that was written so far. */
  async isAlternate(): Promise<boolean> {
    await this.lines();
    return this.#emulator.buffer.active.type === "alternate";
  }

  /** What went to stderr. */
  get errors(): string {
    return this.#errors.join("");
  }

  /** Characters written to stdout so far. */
  get written(): number {
    return this.#written;
  }

  /** Whether somebody has the keyboard, or has left something to be done at the end of the process. */
  get isTaken(): boolean {
    return this.#listeners.size + this.#resized.size + this.#atExit.size > 0;
  }
}

function added<T>(set: Set<T>, one: T): () => void {
  set.add(one);
  return () => void set.delete(one);
}
