import fc from "fast-check";

type Kind = "integer" | "float" | "double";
type Candidate = {
  readonly startBit: number;
  readonly bits: number;
  readonly little: boolean;
  readonly signed: boolean;
  readonly kind: Kind;
  readonly branch: number | undefined;
};

const candidate: fc.Arbitrary<Candidate> = fc.record({
  startBit: fc.nat(511),
  bits: fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 12 })),
  little: fc.boolean(),
  signed: fc.boolean(),
  kind: fc.oneof(
    { weight: 8, arbitrary: fc.constant("integer" as const) },
    fc.constantFrom("float" as const, "double" as const),
  ),
  branch: fc.option(fc.nat(3), { nil: undefined }),
});

/** A DBC text and what it should be read as. */
export type RandomDbc = { readonly text: string; readonly signals: number; readonly length: number };

/** DBC files of one message: signals of all kinds that do not overlap; half of them with a multiplexer of two bits in front. */
export const randomDbc: fc.Arbitrary<RandomDbc> = fc
  .record({
    length: fc.constantFrom(1, 2, 5, 8, 8, 8, 12, 64),
    multiplexed: fc.boolean(),
    candidates: fc.array(candidate, { minLength: 1, maxLength: 40 }),
  })
  .map(({ length, multiplexed, candidates }) => {
    const free = new Set(Array.from({ length: length * 8 }, (_, bit) => bit));
    const lines: string[] = [];
    const types: string[] = [];
    if (multiplexed) {
      lines.push(' SG_ Switch M : 0|2@1+ (1,0) [0|0] "" X');
      free.delete(0);
      free.delete(1);
    }
    for (const drawn of candidates) {
      const bits = drawn.kind === "integer" ? drawn.bits : { float: 32, double: 64 }[drawn.kind];
      const taken = bitsOf(drawn.startBit % (length * 8), bits, drawn.little);
      if (!taken.every((bit) => free.has(bit))) continue;
      for (const bit of taken) free.delete(bit);
      const name = `S${lines.length}`;
      const branch = multiplexed && drawn.branch !== undefined ? `m${drawn.branch} ` : "";
      const format = `${drawn.startBit % (length * 8)}|${bits}@${drawn.little ? 1 : 0}${drawn.signed ? "-" : "+"}`;
      lines.push(` SG_ ${name} ${branch}: ${format} (0.5,-3) [0|0] "u" X`);
      if (drawn.kind !== "integer") types.push(`SIG_VALTYPE_ 256 ${name} : ${drawn.kind === "float" ? 1 : 2};`);
    }
    const text = ['VERSION ""', "BU_: X", `BO_ 256 M: ${length} X`, ...lines, "", ...types, ""].join("\n");
    return { text, signals: lines.length, length };
  });

function bitsOf(startBit: number, bits: number, little: boolean): number[] {
  const taken: number[] = [];
  for (let bit = startBit; taken.length < bits; bit = little || bit % 8 > 0 ? bit + (little ? 1 : -1) : bit + 15) {
    taken.push(bit);
  }
  return taken;
}
