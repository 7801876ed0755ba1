import { describe, expect, it } from "vitest";
import { NewLines, type RecentLine } from "../../../agent/local-api/new-lines.ts";

const lineOf = (atMs: number, event: string): RecentLine => ({ atMs, level: "info", event, facts: {} });
const [a, b, c, d] = [lineOf(1, "a"), lineOf(2, "b"), lineOf(2, "c"), lineOf(3, "d")];

describe("NewLines", () => {
  it("gives each line once, one that came later in a millisecond that was asked for too", () => {
    const fresh = new NewLines(0);
    expect(fresh.take([a, b])).toEqual([a, b]);
    expect(fresh.sinceMs).toBe(2);
    expect(fresh.take([b, c])).toEqual([c]);
    expect(fresh.take([b, c, d])).toEqual([d]);
    expect(fresh.sinceMs).toBe(3);
  });

  it("leaves out what is known, and what is older than asked for", () => {
    expect(new NewLines(2, [a, b]).take([a, b, c])).toEqual([c]);
  });
});
