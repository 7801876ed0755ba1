import { compileExpression, type Expression } from "./compile.ts";
import { namesOf } from "./names.ts";
import { parseExpression } from "./parse-expression.ts";
import type { Scope, ScopeName } from "./scope.ts";

/** A derived signal as a campaign defines it; `output` is its input on the board. */
export type DerivedDefinition = { readonly name: string; readonly text: string; readonly output: number };

/** What is wrong with one of several definitions, and where in its text (UTF-16 index). */
export type DerivedProblem = { readonly index: number; readonly problem: string; readonly offset: number };

/** Expressions in the order of their definitions and the scope with their names in it, or what is wrong. */
export type CompiledDerived =
  | { readonly kind: "derived"; readonly expressions: readonly Expression[]; readonly scope: Scope }
  | { readonly kind: "unfit"; readonly problems: readonly DerivedProblem[] };

/** Compiles derived signals, which may read each other in any order but not in a ring. Their names hide those of `scope`. */
export function compileDerived(definitions: readonly DerivedDefinition[], scope: Scope): CompiledDerived {
  const compiler = new DerivedCompiler(definitions, scope);
  for (const index of definitions.keys()) compiler.compile(index, []);
  const { problems } = compiler;
  const expressions = definitions.flatMap((_, index) => compiler.expressions.get(index) ?? []);
  return problems.length > 0 ? { kind: "unfit", problems } : { kind: "derived", expressions, scope: compiler.scope };
}

class DerivedCompiler {
  readonly problems: DerivedProblem[] = [];
  readonly expressions = new Map<number, Expression>();
  readonly scope: Map<string, ScopeName>;
  readonly #definitions: readonly DerivedDefinition[];
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #done = new Set<number>();

  constructor(definitions: readonly DerivedDefinition[], scope: Scope) {
    this.#definitions = definitions;
    this.#indexes = new Map(definitions.map(({ name }, index) => [name, index]));
    this.scope = new Map([...scope, ...definitions.map(({ name, output }) => [name, numberAt(output)] as const)]);
  }

  /** Compiles what a definition reads first, since that says whether it is a bool. `above` leads to it. */
  compile(index: number, above: readonly string[]): void {
    const { name, text, output } = this.#definitions[index];
    if (this.#done.has(index)) return;
    const path = [...above, name];
    if (above.includes(name)) {
      const ring = path.slice(path.indexOf(name));
      this.#done.add(index);
      this.problems.push({ index, problem: `reads itself: ${ring.join(" -> ")}`, offset: 0 });
      return;
    }
    const parsed = parseExpression(text);
    for (const read of parsed.kind === "parsed" ? namesOf(parsed.node) : []) {
      const other = this.#indexes.get(read);
      if (other !== undefined) this.compile(other, path);
    }
    if (this.#done.has(index)) return;
    this.#done.add(index);
    const compiled = compileExpression(text, this.scope, "value");
    if (compiled.kind === "unfit") {
      this.problems.push({ index, problem: compiled.problem, offset: compiled.offset });
      return;
    }
    this.expressions.set(index, compiled);
    if (compiled.type === "bool") this.scope.set(name, { input: output, type: "bool" });
  }
}

function numberAt(input: number): ScopeName {
  return { input, type: "double" };
}
