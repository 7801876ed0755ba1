import { describe, expect, it } from "vitest";
import { type CompiledFrame, compileFrame } from "../../../../agent/commands/actions/command-frame.ts";
import { parseDbc } from "../../../../agent/signals/dbc/parse.ts";
import type { ActuateConfig } from "../../../../config/catalogue.ts";

const DBC = `VERSION ""
BU_: Vector__XXX
BO_ 2147484160 Command: 9 Vector__XXX
 SG_ Mode : 0|8@1+ (1,0) [0|0] "" Vector__XXX
 SG_ Level : 8|8@1+ (0.5,-10) [0|0] "" Vector__XXX
 SG_ Alive : 16|2@1+ (1,0) [0|0] "" Vector__XXX
 SG_ Half : 20|4@1+ (1,0) [0|0] "" Vector__XXX
 SG_ Check : 24|8@1+ (1,0) [0|0] "" Vector__XXX
BO_ 513 Twice: 2 Vector__XXX
 SG_ Page M : 0|8@1+ (1,0) [0|0] "" Vector__XXX
 SG_ A m0 : 8|8@1+ (1,0) [0|0] "" Vector__XXX
 SG_ A m1 : 8|8@1+ (1,0) [0|0] "" Vector__XXX
`;
const { database } = parseDbc(DBC.replace("Command: 9", "Command: 4"));
const [command, twice] = database.messages;
const [tooLong] = parseDbc(DBC).database.messages;
const LEVEL = { argument: "level", minimum: -10, maximum: 50 };

function frameOf(signals: ActuateConfig["signals"]) {
  const compiled = compileFrame(signals, command);
  if (compiled.kind === "unfit") throw new Error(problemsOf(compiled));
  return compiled.frame;
}

function problemsOf(compiled: CompiledFrame): string {
  const problems = compiled.kind === "unfit" ? compiled.problems : [];
  return problems.map(({ path, problem }) => `${path.join(".")}: ${problem}`).join("\n");
}

const WHOLE = { Mode: 2, Level: LEVEL, Alive: { counter: true }, Half: 0, Check: { checksum: "sum8" } } as const;

describe("compileFrame", () => {
  it("fills each frame with what stands in the catalogue, what the command gives, a count and a checksum", () => {
    const frame = frameOf(WHOLE);
    const given = new Map([["level", 0]]);
    const frames = [1, 2, 3, 4, 5].map(() => frame.next(given));
    // Level 0 is raw 20; the count wraps at what two bits hold; the last byte is the sum of the others.
    expect(frames.map(({ data }) => Buffer.from(data).toString("hex"))).toEqual([
      "02140016",
      "02140117",
      "02140218",
      "02140319",
      "02140016",
    ]);
    expect(frames[0]).toMatchObject({ id: 0x200, flags: 1 });
  });

  it("says what a command must give, in the bounds of the catalogue", () => {
    expect(frameOf(WHOLE).arguments).toEqual([{ name: "level", minimum: -10, maximum: 50 }]);
  });

  it("counts for each entry by itself", () => {
    const [one, other] = [frameOf(WHOLE), frameOf(WHOLE)];
    one.next(new Map([["level", 0]]));
    expect(other.next(new Map([["level", 0]])).data[2]).toBe(0);
  });

  it.each([
    [{ ...WHOLE, Level: { ...LEVEL, maximum: 200 } }, "signals.Level: 200 does not fit 8 bits"],
    [{ ...WHOLE, Half: { checksum: "xor8" as const } }, "signals.Half: a checksum must be a whole byte"],
    [{ ...WHOLE, Speed: 1 }, "signals.Speed: is not a signal of Command"],
    [{ ...WHOLE, Speed: { counter: true as const } }, "signals.Speed: is not a signal of Command"],
  ])("does not make one from %j", (signals, problem) => {
    expect(problemsOf(compileFrame(signals, command))).toBe(problem);
  });

  it("neither counts nor sums up in a name that several branches have", () => {
    const compiled = compileFrame({ Page: 0, A: { counter: true } }, twice);
    expect(problemsOf(compiled)).toBe("signals.A: is in several branches: neither counter nor checksum");
  });

  it("does not make one that no bus carries", () => {
    expect(problemsOf(compileFrame(WHOLE, tooLong))).toBe("message: Command has 9 bytes, as no CAN FD frame has");
  });
});
