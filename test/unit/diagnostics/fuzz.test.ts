import { describe, expect, it } from "vitest";
import { FUZZ_TARGETS, fuzzDiagnostics, fuzzOne } from "../../bench/benchmarks/diagnostic-fuzz/fuzz.ts";

const SEED = 16;
const COUNT = 20_000;

describe("the parsers of diagnostics and positions, offered anything", () => {
  it(`read or refuse ${COUNT} inputs each, soon, and keep no more than they may (seed ${SEED})`, async () => {
    const parsers = await fuzzDiagnostics({ count: COUNT, seed: SEED });
    console.info(parsers.map(({ name, counts }) => `${name}: ${JSON.stringify(counts)}`).join("\n"));
    expect(parsers.flatMap(({ name, failures }) => failures.map((failure) => `${name}: ${failure}`))).toEqual([]);
    expect(parsers).toHaveLength(FUZZ_TARGETS.length);
  });

  it("sees a parser that throws, is slow, or keeps too much", async () => {
    let offered = 0;
    const start = () => ({
      offer: () => {
        offered += 1;
        if (offered === 7) throw new Error("seven");
      },
      overfull: () => "1 GB",
      counts: () => ({ offered }),
    });
    const { failures } = await fuzzOne({ name: "bad", start }, 1000, SEED);
    expect(failures).toHaveLength(2);
    expect(failures[0]).toMatch(/input 6: Error: seven/);
    expect(failures[1]).toBe("input 1000: it keeps 1 GB");
  });
});
