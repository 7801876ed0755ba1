import type { Operand, OperandKind, OperandWindow } from "./operand.ts";
import type { ScopeName } from "./scope.ts";

type Wanted = {
  readonly name: string;
  readonly kind: OperandKind;
  readonly of: ScopeName;
  readonly window?: OperandWindow;
};

/** The operands of an expression while it is checked, each once. */
export class Operands {
  readonly #found: Operand[] = [];
  /** By operand: what its age is compared with, and how often it is. */
  readonly #ageLimitsMs: number[][] = [];
  readonly #ageReads: number[] = [];

  /** Number of the operand, a new one if nothing took the same before. */
  add({ name, kind, of, window }: Wanted): number {
    const same = this.#found.findIndex(
      (known) =>
        known.kind === kind &&
        known.input === of.input &&
        known.window?.lengthUs === window?.lengthUs &&
        known.window?.wrapsAt === window?.wrapsAt &&
        known.window?.back === window?.back,
    );
    const at = same < 0 ? this.#found.length : same;
    if (same < 0) {
      const shown =
        kind === "value" || kind === "previous" || kind === "first" || kind === "last" ? shownAs(of) : "number";
      const holds = of.holds === true;
      this.#found.push({ name, kind, input: of.input, holds, window, shown, ageLimitsMs: undefined });
      this.#ageLimitsMs.push([]);
      this.#ageReads.push(0);
    }
    this.#ageReads[at] += 1;
    return at;
  }

  /** Notes that an age is compared with a literal, once for each time that it is read. */
  limitAge(operand: number, limitMs: number): void {
    this.#ageLimitsMs[operand].push(limitMs);
  }

  kindOf(operand: number): OperandKind {
    return this.#found[operand].kind;
  }

  list(): readonly Operand[] {
    return this.#found.map((operand, at) => {
      const limits = this.#ageLimitsMs[at];
      if (operand.kind !== "age" || limits.length < this.#ageReads[at]) return operand;
      return { ...operand, ageLimitsMs: [...new Set(limits)] };
    });
  }
}

function shownAs({ type, texts = [] }: ScopeName): Operand["shown"] {
  if (type === "text") return texts;
  return type === "bool" ? "bool" : "number";
}
