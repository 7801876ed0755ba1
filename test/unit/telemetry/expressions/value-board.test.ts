import { describe, expect, it } from "vitest";
import { boardOf, conditionBoard, expressionOf, frame, RecordingSink, SCOPE, SECOND_US } from "./board.ts";

describe("ValueBoard", () => {
  it("evaluates a condition when what it reads changes, and never otherwise", () => {
    const { board, results } = conditionBoard("x > 3000");
    board.settle(0);
    const before = board.counters().evaluations;
    frame(board, 0, 4000, 1);
    frame(board, 0, 4000, 2);
    frame(board, 1, 1, 3);
    frame(board, 0, 2000, 4);
    expect(results).toEqual([
      { result: Number.NaN, timeUs: 0 },
      { result: 1, timeUs: 1 },
      { result: 0, timeUs: 4 },
    ]);
    expect(board.counters().evaluations - before).toBe(2);
  });

  it("has no result while anything it reads was never seen, is too old, or is no number", () => {
    const { board, results } = conditionBoard("x > 1 || y > 1", 1000);
    frame(board, 0, 5, 0);
    frame(board, 1, 0, 500_000);
    board.tick(1_000_000);
    board.tick(1_000_001);
    frame(board, 0, 5, 1_100_000);
    frame(board, 0, Number.NaN, 1_200_000);
    frame(board, 0, 5, 1_300_000);
    expect(results.map(({ result }) => result)).toEqual([Number.NaN, 1, Number.NaN, 1, Number.NaN, 1]);
    expect(results.map(({ timeUs }) => timeUs)).toEqual([0, 500_000, 1_000_001, 1_100_000, 1_200_000, 1_300_000]);
  });

  it("lets states hold, and compares texts by name", () => {
    const { board, results } = conditionBoard(
      'bus.can0.up && bus.can0.state in ["bus-off"] && "bus-off" == bus.can0.state',
      10,
    );
    board.note(4, 1, 0);
    board.note(5, 0, 0);
    board.settle(0);
    frame(board, 5, 1, 1_000);
    board.tick(3600 * SECOND_US);
    expect(results.map(({ result }) => result)).toEqual([0, 1]);
    board.forget(4);
    board.settle(3600 * SECOND_US);
    expect(results.at(-1)?.result).toBe(Number.NaN);
  });

  it("sees an age pass its limit at that moment, and is true from the start for what was never seen", () => {
    const { board, results } = conditionBoard("age(x) > 500");
    board.tick(10);
    frame(board, 0, 1, 1000);
    board.tick(2 * SECOND_US);
    expect(results).toEqual([
      { result: 1, timeUs: 10 },
      { result: 0, timeUs: 1000 },
      { result: 1, timeUs: 501_001 },
    ]);
  });

  it("takes the change between the last two samples as the rate", () => {
    const { board, results } = conditionBoard("rate(x) <= -20 && previous(x) == 50");
    frame(board, 0, 50, 0);
    frame(board, 0, 47, 100_000);
    frame(board, 0, 47, 100_000);
    expect(results.map(({ result }) => result)).toEqual([Number.NaN, 1, Number.NaN]);
  });

  it("calculates derived signals in order before what reads them, and gives their samples", () => {
    const { board, derived } = boardOf();
    const sink = new RecordingSink();
    const scope = new Map([
      ...SCOPE,
      ["power", { input: 8, type: "double" }],
      ["loss", { input: 9, type: "double" }],
    ] as const);
    const maxAgeMs = 1000;
    board.use([
      { expression: expressionOf("loss > 10", "condition", scope), maxAgeMs, use: { kind: "condition", sink } },
      { expression: expressionOf("power / 10", "value", scope), maxAgeMs, use: { kind: "derived", output: 9 } },
      { expression: expressionOf("x * y", "value", scope), maxAgeMs, use: { kind: "derived", output: 8 } },
    ]);
    board.note(0, 12, 5);
    board.note(1, 10, 5);
    board.settle(5);
    frame(board, 0, 12, 6);
    board.tick(2 * SECOND_US);
    expect(derived).toEqual([
      { output: 8, value: 120, timeUs: 5 },
      { output: 9, value: 12, timeUs: 5 },
      { output: 8, value: 120, timeUs: 6 },
      { output: 9, value: 12, timeUs: 6 },
    ]);
    expect(sink.results).toEqual([
      { result: 1, timeUs: 5 },
      { result: Number.NaN, timeUs: SECOND_US + 6 },
    ]);
  });

  it("counts an evaluation that gives nothing as an error, and gives no sample of it", () => {
    const { board, derived } = boardOf();
    board.use([{ expression: expressionOf("x / y", "value"), maxAgeMs: 1000, use: { kind: "derived", output: 8 } }]);
    board.note(0, 1, 0);
    frame(board, 1, 0, 0);
    frame(board, 1, 2, 1);
    expect(derived).toEqual([{ output: 8, value: 0.5, timeUs: 1 }]);
    expect(board.counters().errors).toBe(1);
  });

  it("keeps values and windows when other expressions are used, and forgets inputs that nobody read", () => {
    const { board } = boardOf();
    const use = { kind: "condition", sink: new RecordingSink() } as const;
    const held = { expression: expressionOf('count(x, duration("10s")) == 3'), maxAgeMs: 1000, use };
    board.use([held]);
    frame(board, 0, 1, 0);
    frame(board, 0, 2, 1);
    const other = new RecordingSink();
    frame(board, 1, 5, 1);
    board.use([{ expression: expressionOf("y > 1"), maxAgeMs: 1000, use: { kind: "condition", sink: other } }, held]);
    frame(board, 0, 3, 2);
    expect(use.sink.results.map(({ result }) => result)).toEqual([0, 1]);
    expect(other.results.map(({ result }) => result)).toEqual([Number.NaN]);
    expect([...board.isRead].flatMap((read, input) => (read === 1 ? [input] : []))).toEqual([0, 1]);
  });

  it("keeps ages over a step of the clock and begins windows and rates anew", () => {
    const { board, results } = conditionBoard('age(y) > 1500 || rate(x) > 5 || count(x, duration("1h")) == 2');
    frame(board, 1, 0, 100 * SECOND_US);
    frame(board, 0, 0, 100 * SECOND_US);
    frame(board, 0, 1, 101 * SECOND_US);
    frame(board, 0, 9, 10 * SECOND_US);
    frame(board, 0, 10, 11 * SECOND_US);
    expect(results.map(({ result }) => result)).toEqual([Number.NaN, 1, Number.NaN, 1]);
  });

  it("does what is due before a later frame is noted", () => {
    const { board, results } = conditionBoard("x == 1 && age(x) >= 1000");
    frame(board, 0, 1, 0);
    frame(board, 0, 2, 5 * SECOND_US);
    expect(results).toEqual(
      [
        { result: Number.NaN, timeUs: 0 },
        { result: 0, timeUs: 0 },
        { result: 1, timeUs: SECOND_US },
        { result: 0, timeUs: 5 * SECOND_US },
      ].slice(1),
    );
  });

  it("is not kept busy by a clock that is set forward by years", () => {
    const { board } = conditionBoard('age(x) > y && sum(x, duration("1h")) > 0');
    frame(board, 1, 1, 0);
    for (let at = 0; at < 1000; at++) frame(board, 0, 1, at * 1000);
    const before = board.counters().evaluations;
    board.tick(50 * 365 * 86_400 * SECOND_US);
    expect(board.counters().evaluations - before).toBeLessThan(2000);
  });

  it("takes two samples of an input in one frame for one change", () => {
    const { board, results } = conditionBoard("x > 1");
    frame(board, 0, 0, 0);
    board.note(0, 5, 1);
    board.note(0, 5, 1);
    board.settle(1);
    expect(results.map(({ result }) => result)).toEqual([0, 1]);
  });

  it("keeps the window over a derived signal of two buses that are not read in the order of their frames", () => {
    const { board } = boardOf();
    const sink = new RecordingSink();
    const scope = new Map([...SCOPE, ["sum", { input: 8, type: "double" }]] as const);
    const counted = expressionOf('count(sum, duration("10s")) == 3', "condition", scope);
    board.use([
      { expression: expressionOf("x + y", "value"), maxAgeMs: 1000, use: { kind: "derived", output: 8 } },
      { expression: counted, maxAgeMs: 1000, use: { kind: "condition", sink } },
    ]);
    frame(board, 0, 1, 10_000);
    frame(board, 1, 1, 9_000);
    frame(board, 0, 2, 11_000);
    frame(board, 1, 2, 10_500);
    expect(sink.results.map(({ result }) => result)).toEqual([Number.NaN, 0, 1]);
  });

  it("takes a tick that goes back for a step of the clock", () => {
    const { board, results } = conditionBoard("age(x) > 5000");
    frame(board, 0, 1, 100 * SECOND_US);
    board.tick(101 * SECOND_US);
    board.tick(10 * SECOND_US);
    board.tick(14 * SECOND_US);
    expect(results.map(({ result }) => result)).toEqual([0]);
    board.tick(15 * SECOND_US);
    expect(results.map(({ result }) => result)).toEqual([0, 1]);
  });
});
