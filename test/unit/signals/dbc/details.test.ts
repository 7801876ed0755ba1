import { describe, expect, it } from "vitest";
import { parseDbc } from "../../../../agent/signals/dbc/parse.ts";

function message(length: number, ...signals: string[]): string {
  return `BO_ 1 M: ${length} X\n${signals.map((signal) => ` SG_ ${signal} (1,0) [0|0] "" X\n`).join("")}`;
}

describe("what a DBC file says of its signals", () => {
  it("reads suspect parameter numbers, and tells one that is none", () => {
    const { database, errors, warnings } = parseDbc(
      [
        message(8, "A : 0|8@1+", "B : 8|8@1+", "C : 16|8@1+", "D : 24|8@1+"),
        'BA_DEF_ SG_ "SPN" INT 0 524287;\nBA_DEF_DEF_ "SPN" 0;',
        'BA_ "SPN" SG_ 1 A 190;\nBA_ "SPN" SG_ 1 B 0;\nBA_ "SPN" SG_ 1 C 524288;\nBA_ "SPN" SG_ 1 D 524287;',
      ].join("\n"),
    );
    expect(database.messages[0].signals.map(({ spn }) => spn)).toEqual([190, undefined, undefined, 524_287]);
    expect(errors).toEqual([]);
    expect(warnings.map(({ text }) => text)).toEqual(["SPN 524288 is none (0 to 524287); it is left out"]);
  });

  it("reads cycle times, of which 0 and what is no number are none", () => {
    const { database, errors, warnings } = parseDbc(
      [
        ...[1, 2, 3, 4].map((id) => `BO_ ${id} M${id}: 8 X\n`),
        'BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;\nBA_DEF_DEF_ "GenMsgCycleTime" 250;',
        'BA_ "GenMsgCycleTime" BO_ 1 20;\nBA_ "GenMsgCycleTime" BO_ 2 0;\nBA_ "GenMsgCycleTime" BO_ 4 "never";',
      ].join("\n"),
    );
    expect(database.messages.map(({ cycleMs }) => cycleMs)).toEqual([20, undefined, 250, 250]);
    expect([...errors, ...warnings]).toEqual([]);
  });

  it("shares equal value texts, cuts a long one and leaves out what no signal can hold", () => {
    const long = "x".repeat(257);
    const { database, errors, warnings } = parseDbc(
      [
        message(8, "A : 0|8@1+", "B : 8|8@1+", "C : 16|8@1+"),
        'VAL_ 1 A 1 "on" 0 "off" 1 "ON" ;\nVAL_ 1 B 0 "off" 1 "ON" ;',
        `VAL_ 1 C 18446744073709551615 "${long}" 18446744073709551616 "beyond" -9223372036854775808 "least" ;`,
      ].join("\n"),
    );
    const [a, b, c] = database.messages[0].signals.map(({ choices }) => choices);
    expect(a).toEqual({ raws: [0, 1], texts: ["off", "ON"] });
    expect(b).toBe(a);
    expect(c).toEqual({ raws: [-(2n ** 63n), 2n ** 64n - 1n], texts: ["least", long.slice(1)] });
    expect(errors).toEqual([]);
    expect(warnings.map(({ text }) => text)).toEqual([
      "the text has 257 characters; it is cut after 256",
      "value 18446744073709551616 is beyond 64 bits; its text is left out",
    ]);
  });
});
