import { describe, expect, it } from "vitest";
import { decodeBody, encodeBody } from "../../../agent/control/wire-format.ts";
import { seededRandom } from "../../bench/seeded-random.ts";
import { CommandBench, textOf } from "../../fakes/commands.ts";

/** CAUSEWAY_FUZZ_INPUTS=1000000 is what the product promises; a part of it runs with every test. */
const INPUTS = Number(process.env.CAUSEWAY_FUZZ_INPUTS ?? 20_000);
const PIECES = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ":",
  ",",
  "null",
  "1e999",
  "-0",
  "__proto__",
  "constructor",
  "\\u0000",
  "\ud800",
  "9007199254740993",
  "true",
];

describe("dispatch of hostile payloads", () => {
  it(`refuses ${INPUTS} altered, cut, spliced and random inputs in JSON and CBOR, and throws for none`, async () => {
    const random = seededRandom(20_261_124);
    const pick = (below: number): number => Math.floor(random() * below);
    const bench = new CommandBench({ actions: { "doors.lock": { commandClass: "R3" } } });
    const body = bench.signed("doors.lock", { arguments: { door: 1, text: "a" } });
    const originals = { json: encodeBody("json", body), cbor: encodeBody("cbor", body) };
    const outcomes = new Map<string, number>();
    for (let at = 0; at < INPUTS; at += 1) {
      const format = at % 2 === 0 ? "json" : "cbor";
      const payload = altered(originals[format], pick);
      if (Buffer.compare(payload, originals[format]) === 0) continue;
      const outcome = textOf(
        await bench.send(payload, { id: `e-${at}`, format, reply: { door: "aws", execution: `e-${at}`, format } }),
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      // A white space more, or a member twice, is the same request in another spelling.
      if (outcome === "SUCCEEDED") expect(decodeBody(format, payload)).toEqual(body);
      else expect(outcome).toMatch(/^(REJECTED|TIMED_OUT) [A-Z_]+$/);
    }
    expect(bench.acts.length).toBeLessThanOrEqual(1);
    // The signature is reached: the inputs are not all refused at the door.
    expect(outcomes.get("REJECTED SIGNATURE_INVALID") ?? 0).toBeGreaterThan(INPUTS / 1000);
  }, 600_000);
});

function altered(original: Uint8Array, pick: (below: number) => number): Uint8Array {
  switch (pick(5)) {
    case 0: {
      const bytes = Uint8Array.from(original);
      for (let flips = 1 + pick(3); flips > 0; flips -= 1) bytes[pick(bytes.length)] ^= 1 << pick(8);
      return bytes;
    }
    case 1:
      return original.slice(0, pick(original.length));
    case 2: {
      const at = pick(original.length);
      return Buffer.concat([
        original.subarray(0, at),
        Buffer.from(PIECES[pick(PIECES.length)] ?? ""),
        original.subarray(at + pick(8)),
      ]);
    }
    case 3: {
      const from = pick(original.length);
      return Buffer.concat([
        original.subarray(0, pick(original.length)),
        original.subarray(from, from + pick(40)),
        original.subarray(pick(original.length)),
      ]);
    }
    default:
      return Uint8Array.from({ length: pick(200) }, () => pick(256));
  }
}
