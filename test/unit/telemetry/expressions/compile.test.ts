import { describe, expect, it } from "vitest";
import { windowBytes } from "../../../../agent/telemetry/expressions/compile.ts";
import { maxWindowBytes } from "../../../../agent/telemetry/expressions/sample-window.ts";
import { expressionOf, problemOf } from "./board.ts";

describe("compileExpression", () => {
  it("names the operands as they are written, each once", () => {
    const { operands, type } = expressionOf(
      'x > 3 && rate(x) < 2.0 && rate( x ) > -5 && max(y, duration( "10s" )) > x',
    );
    expect(type).toBe("bool");
    expect(operands.map(({ name }) => name)).toEqual(["x", "rate(x)", 'max(y, duration( "10s" ))']);
  });

  it("says what an age is compared with, and whether with anything else", () => {
    const limitsOf = (text: string) => expressionOf(text).operands.map(({ ageLimitsMs }) => ageLimitsMs);
    expect(limitsOf("age(x) > 500 || 1000.5 < age(x)")).toEqual([[500, 1000.5]]);
    expect(limitsOf("age(x) > 500 && age(x) < y")).toEqual([undefined, undefined]);
    expect(limitsOf("age(x) / 2 > 500")).toEqual([undefined]);
  });

  it("counts each window once in what it costs", () => {
    const text = 'max(x, duration("1s")) - min(x, duration("1000ms")) > 2 && mean(x, duration("2s")) > x';
    expect(windowBytes(expressionOf(text))).toBe(2 * maxWindowBytes());
    expect(windowBytes(expressionOf("x > 1"))).toBe(0);
  });

  it.each([
    ["x", "is a number, where true or false is wanted @ x"],
    ["x > ", "Unexpected token: EOF @ "],
    [
      "x > 1 && speeed > 2",
      'unknown name speeed; give it to a signal under "inputs", or to a derived signal @ speeed > 2',
    ],
    ["x > 1 && bus.can0.upp", "unknown name bus.can0.upp; did you mean bus.can0.up? @ bus.can0.upp"],
    [
      "position.latitude > 5",
      'position.latitude: positions are not known to expressions yet; use a signal that a receiver on the bus sends, under "inputs" @ position.latitude > 5',
    ],
    ["flag > 1", "is true or false, where a number is wanted @ flag > 1"],
    ["flag == 1", "compares true or false with a number @ 1"],
    ["x && flag", "is a number, where true or false is wanted @ x && flag"],
    ["!x", "is a number, where true or false is wanted @ x"],
    ["x % 2 == 0", "% takes whole numbers: write int(x) % 2 @ x % 2 == 0"],
    [
      "int(x) * y > 2",
      "an int and a double do not calculate together: write double(...) around the int @ int(x) * y > 2",
    ],
    ["flag ? 1 : flag", "is true or false, where a number is wanted @ flag"],
    ['bus.can0.state == "busoff"', 'is never "busoff", but one of error-active, bus-off @ "busoff"'],
    ["bus.can0.state == x", "a text is compared with a literal alone @ x"],
    ['"a" == "a"', 'compares a text with a text @ "a" == "a"'],
    ["rate(x + 1) > 2", "rate() takes one name @ x + 1) > 2"],
    ["rate(flag) > 2", "rate() takes a number @ flag) > 2"],
    ["rate() > 2", "rate() takes one name @ rate() > 2"],
    ["mean(x, 10) > 2", 'mean() takes a name and a duration: mean(x, duration("10s")) @ x, 10) > 2'],
    ['mean(x, duration("0s")) > 2', 'a window is at least 1 ms and at most 1 h long @ duration("0s")) > 2'],
    ['mean(x, duration("61m")) > 2', 'a window is at least 1 ms and at most 1 h long @ duration("61m")) > 2'],
    ['mean(x, duration("-1s")) > 2', 'takes a text as "10s", "1h30m" or "500ms" @ "-1s")) > 2'],
    ['mean(x, duration("10")) > 2', 'takes a text as "10s", "1h30m" or "500ms" @ "10")) > 2'],
    ['mean(flag, duration("1s")) > 2', 'mean() takes a number @ flag, duration("1s")) > 2'],
    ['increase(x, duration("1s"), 0) > 2', "the third argument is where the counter wraps, a literal above 0 @ 0) > 2"],
    ['duration("1s") == duration("1s")', 'is a duration, where a number is wanted @ duration("1s") == duration("1s")'],
    ["99999999999999999 < x", "99999999999999999 is beyond 2^53: write it with a point @ 99999999999999999 < x"],
    ["5u < x", "null, bytes and unsigned literals have no place here @ 5u < x"],
    ["x in 5", "`in` takes a list: x in [1, 2, 3] @ 5"],
    ["pow(x) > 2", "pow() takes two numbers @ pow(x) > 2"],
  ])("refuses %s with its place", (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  it.each([
    "x.exists(i, i > 1)",
    "[1, 2, 3].all(i, [4, 5].exists(j, j > i))",
    '"a".matches("(a+)+$")',
    'flag ? "a" : "b"',
    "size([1, 2]) > 1",
    "has(x.y)",
    "cel.bind(a, x, a > 1)",
    '"a" + "b" == "ab"',
    "{1: 2}[1] > 1",
    "[1, 2][0] > 1",
    "type(x) == double",
    "string(x) == 'x'",
    "dyn(x) > 1",
    "timestamp(0) > x",
    "x.?y > 1",
    "null == null",
    "b'a' == b'a'",
    `${"!".repeat(1990)}flag`,
    `${"(".repeat(900)}x${")".repeat(900)} > 1`,
    `x in [${"1,".repeat(900)}1]`,
    `${"x+".repeat(900)}x > 1`,
    `x ${"? x ".repeat(400)}`,
    `x > 1 ${"|| x > 1 ".repeat(10_000)}`,
    "\u0000",
    "\ud800",
    "'\\U00110000' == bus.can0.state",
  ])("refuses what could take long, or is no function of ours: %s", (text) => {
    const began = performance.now();
    expect(problemOf(text)).not.toBe("fit");
    expect(performance.now() - began).toBeLessThan(500);
  });

  it("refuses a value that reads nothing, and takes a condition that does", () => {
    expect(problemOf("1 + 2", "value")).toBe("reads nothing @ 1 + 2");
    expect(problemOf("true")).toBe("fit");
  });

  it("takes a text of 2,000 characters, and none longer", () => {
    expect(problemOf("x > 1".padEnd(2000))).toBe("fit");
    expect(problemOf("x > 1".padEnd(2001))).toBe("is longer than 2000 characters @  ");
  });
});
