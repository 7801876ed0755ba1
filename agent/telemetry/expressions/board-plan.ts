import type { Expression } from "./compile.ts";
import type { OperandValues } from "./operand.ts";

/** Who wants the results of a condition. Called inside `note`, `settle` or `tick` of the board, which it must not call. */
export type ResultSink = {
  /** The result of an evaluation, often the same as before: 1 true, 0 false, NaN undefined; `values` are those that it was calculated of. */
  take(result: number, timeUs: number, values: OperandValues): void;
  /** When it wants `expire` to be called, µs; infinite: not at all. */
  readonly dueUs: number;
  expire(timeUs: number): void;
  /** The wall clock was set by so much: moves the times that it remembers. */
  shift(byUs: number): void;
};

/** An expression on a board, and who wants what it gives. */
export type BoardExpression = {
  readonly expression: Expression;
  /** An input that was noted longer ago is undefined. */
  readonly maxAgeMs: number;
  readonly use:
    | { readonly kind: "derived"; readonly output: number }
    | { readonly kind: "condition"; readonly sink: ResultSink };
};

/**
 * Who reads what: of each input the expressions from `starts[input]` to `starts[input + 1]`. Those before `changeStarts[input]` are
 * evaluated for each sample, the others for one that changes the value.
 */
export type Readers = {
  readonly starts: Int32Array;
  readonly changeStarts: Int32Array;
  readonly expressions: Int32Array;
};

/**
 * The expressions so that each stands behind all that give what it reads, and conditions behind derived signals; within that as they
 * came. A ring is a bug here, because `compileDerived` refuses it.
 */
export function evaluationOrder(expressions: readonly BoardExpression[]): readonly BoardExpression[] {
  const sources = new Map(expressions.flatMap((one) => (one.use.kind === "derived" ? [[one.use.output, one]] : [])));
  const ordered = new Set<BoardExpression>();
  const visit = (one: BoardExpression, above: ReadonlySet<BoardExpression>): void => {
    if (ordered.has(one)) return;
    if (above.has(one)) throw new Error(`an expression reads itself: ${one.expression.text}`);
    const path = new Set([...above, one]);
    for (const { input } of one.expression.operands) {
      const source = sources.get(input);
      if (source !== undefined) visit(source, path);
    }
    ordered.add(one);
  };
  const isDerived = ({ use }: BoardExpression): boolean => use.kind === "derived";
  for (const one of expressions.filter(isDerived)) visit(one, new Set());
  for (const one of expressions.filter((other) => !isDerived(other))) visit(one, new Set());
  return [...ordered];
}

/** Lists for each of `inputs` who reads it. */
export function readersOf(expressions: readonly BoardExpression[], inputs: number): Readers {
  const edges = expressions.flatMap(({ expression, use }, at) => {
    const read = new Set(expression.operands.map(({ input }) => input));
    return [...read].map((input) => {
      const own = expression.operands.filter((operand) => operand.input === input);
      // A derived signal is a sample for each sample of what it is made of, so that it is as fresh.
      const takesAll = use.kind === "derived" || own.some(({ kind }) => kind !== "value");
      return { input, at, group: takesAll ? 0 : 1 };
    });
  });
  edges.sort((left, right) => left.input - right.input || left.group - right.group || left.at - right.at);
  return {
    starts: startsOf(edges, inputs, () => true),
    changeStarts: startsOf(edges, inputs, ({ group }) => group === 1),
    expressions: Int32Array.from(edges, ({ at }) => at),
  };
}

type Edge = { readonly input: number; readonly at: number; readonly group: number };

/** By input: the position of its first edge in the sorted list that `counts`, or of the end of its edges. */
function startsOf(edges: readonly Edge[], inputs: number, counts: (edge: Edge) => boolean): Int32Array {
  const starts = new Int32Array(inputs + 1);
  let at = 0;
  for (let input = 0; input <= inputs; input++) {
    while (at < edges.length && (edges[at].input < input || (edges[at].input === input && !counts(edges[at])))) at += 1;
    starts[input] = at;
  }
  return starts;
}
