import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeChunk,
  decodeHead,
  encodeChunk,
  encodeHead,
} from "../../../../../agent/telemetry/collect/cells/cell-codec.ts";
import { CellState } from "../../../../../agent/telemetry/collect/cells/cell-state.ts";

const SEED = 1411;
const SHAPE = { cells: 100, carried: 2, listed: 3 };

describe("the codec of cells", () => {
  it(`gives back every count (seed ${SEED})`, () => {
    const count = fc.oneof(fc.constant(0), fc.nat(200), fc.maxSafeNat());
    const run = fc.property(fc.array(count, { minLength: 1, maxLength: 100 }), (counts) => {
      const cells = Float64Array.from(counts);
      const back = new Float64Array(counts.length);
      for (let chunk = 0; chunk * 64 < counts.length; chunk++) {
        expect(decodeChunk(encodeChunk(cells, chunk), back, chunk)).toBe(true);
      }
      expect(back).toEqual(cells);
    });
    fc.assert(run, { seed: SEED, numRuns: 1000 });
  });

  it("gives back the rest of a state, without what it does not remember", () => {
    const state = new CellState(SHAPE);
    state.note(5);
    state.note(3);
    state.leaveOut();
    state.period = 17;
    state.skipped = 2;
    state.memory[2] = -0.5;
    const bytes = encodeHead(state);
    expect(bytes.length).toBe(50 + 3 * 8);
    const back = new CellState(SHAPE);
    expect(decodeHead(bytes, back)).toBe(true);
    expect(back).toMatchObject({ fromUs: 3, toUs: 5, lastUs: 3, period: 17, leftOut: 1, skipped: 2 });
    expect(back.memory).toEqual(state.memory);
  });

  it(`refuses other bytes, and never reads beyond them (seed ${SEED})`, () => {
    const run = fc.property(fc.uint8Array({ maxLength: 90 }), (bytes) => {
      const state = new CellState(SHAPE);
      if (decodeHead(bytes, state)) expect((bytes.length - 50) / 8).toBeLessThanOrEqual(5);
      const cells = new Float64Array(100);
      decodeChunk(bytes, cells, 1);
      expect(cells.subarray(0, 64).every((count) => count === 0)).toBe(true);
      expect(cells.every((count) => Number.isSafeInteger(count) && count >= 0)).toBe(true);
    });
    fc.assert(run, { seed: SEED, numRuns: 2000 });
    expect(decodeChunk(Uint8Array.of(0x80), new Float64Array(4), 0)).toBe(false);
    expect(decodeChunk(Uint8Array.of(4, 1), new Float64Array(4), 0)).toBe(false);
    expect(decodeChunk(Uint8Array.of(3, 1), new Float64Array(4), 0)).toBe(true);
  });
});
