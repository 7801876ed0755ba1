import { describe, expect, it } from "vitest";
import { compileExpression } from "../../../../agent/telemetry/expressions/compile.ts";
import { compileDerived } from "../../../../agent/telemetry/expressions/derived.ts";
import { SCOPE } from "./board.ts";

const define = (texts: Readonly<Record<string, string>>) =>
  Object.entries(texts).map(([name, text], at) => ({ name, text, output: 8 + at }));

describe("compileDerived", () => {
  it("takes definitions in any order, and knows which give true or false", () => {
    const compiled = compileDerived(define({ b: "a ? 1.0 : x", a: "x > 3", c: "b + y" }), SCOPE);
    if (compiled.kind === "unfit") throw new Error(compiled.problems[0].problem);
    expect(compiled.expressions.map(({ text, type }) => [text, type])).toEqual([
      ["a ? 1.0 : x", "double"],
      ["x > 3", "bool"],
      ["b + y", "double"],
    ]);
    expect(compiled.scope.get("a")).toEqual({ input: 9, type: "bool" });
    expect(compileExpression("a && b > 1", compiled.scope, "condition").kind).toBe("expression");
  });

  it("names the ring in which a signal reads itself", () => {
    expect(compileDerived(define({ a: "b + 1.0", b: "x + rate(c)", c: "a * 2.0", d: "d" }), SCOPE)).toEqual({
      kind: "unfit",
      problems: [
        { index: 0, problem: "reads itself: a -> b -> c -> a", offset: 0 },
        { index: 3, problem: "reads itself: d -> d", offset: 0 },
      ],
    });
  });

  it("says which definition is wrong, and where", () => {
    expect(compileDerived(define({ a: "x + yy", b: "x" }), SCOPE)).toEqual({
      kind: "unfit",
      problems: [{ index: 0, problem: "unknown name yy; did you mean y?", offset: 4 }],
    });
  });
});
