import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JoinedBytes } from "../../../../../drivers/os/local-socket/joined-bytes.ts";

const SEED = 1853;

describe("JoinedBytes", () => {
  it("has what came and was not dropped, and changes nothing that it gave before", () => {
    const chunk = fc.uint8Array({ minLength: 1, maxLength: 40 });
    const steps = fc.array(fc.record({ chunk, dropped: fc.nat(60) }), { maxLength: 40 });
    const property = fc.property(steps, (all) => {
      const joined = new JoinedBytes();
      const given: { readonly bytes: Buffer; readonly was: readonly number[] }[] = [];
      let model: readonly number[] = [];
      for (const { chunk: piece, dropped } of all) {
        joined.push(Buffer.from(piece));
        model = [...model, ...piece];
        given.push({ bytes: joined.bytes, was: model });
        const count = Math.min(dropped, model.length);
        joined.drop(count);
        model = model.slice(count);
        expect([...joined.bytes]).toEqual(model);
      }
      for (const { bytes, was } of given) expect([...bytes]).toEqual(was);
    });
    fc.assert(property, { seed: SEED });
  });

  it("moves what it has a few times only, however small the pieces are", () => {
    const joined = new JoinedBytes();
    const rooms = new Set<ArrayBufferLike>();
    for (let byte = 0; byte < 65_536; byte++) {
      joined.push(Buffer.from([0x61]));
      rooms.add(joined.bytes.buffer);
    }
    expect(joined.bytes.length).toBe(65_536);
    // Each is twice as large as what was in the one before: 2^16 bytes, and the first piece.
    expect(rooms.size).toBeLessThan(20);
  });
});
