import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";

const BEFORE = `VERSION ""
BO_ 496 EngineStatus: 8 ECM
 SG_ Speed : 0|16@1+ (0.125,0) [0|8000] "rpm" X
 SG_ Gear : 16|4@1+ (1,0) [0|0] "" X
 SG_ Old : 24|8@1+ (1,0) [0|0] "" X
BO_ 257 Gone: 8 X
 SG_ A : 0|8@1+ (1,0) [0|0] "" X
BO_ 258 Moved: 8 X
 SG_ B : 0|8@1+ (1,0) [0|0] "" X
VAL_ 496 Gear 0 "Park" 3 "Drive" ;
CM_ BO_ 496 "how fast";
`;

async function diff(before: string, after: string, args: readonly string[] = [], columns?: number) {
  const folder = temporaryFolder();
  const paths = [join(folder, "a.dbc"), join(folder, "b.dbc")] as const;
  writeFileSync(paths[0], before);
  writeFileSync(paths[1], after);
  return await runCli(["dbc", "diff", ...paths, ...args], columns === undefined ? {} : { columns });
}

describe("causeway dbc diff", () => {
  it("ends with 0 where only order and layout of the files differ", async () => {
    const messages = BEFORE.split(/(?=^BO_|^VAL_)/m);
    const [head = "", engine = "", gone = "", moved = "", values = ""] = messages;
    const reordered = [head, moved, gone, engine.replaceAll("\n SG_", "\n   SG_"), values].join("");
    expect(await diff(BEFORE, reordered)).toEqual({ stdout: "no difference\n", stderr: "", exitCode: 0 });
  });

  it("tells what was added, removed and changed, by id", async () => {
    const after = BEFORE.replace("(0.125,0) [0|8000]", "(0.25,-10) [0|16000]")
      .replace("SG_ Old : 24|8", "SG_ Renamed : 24|8")
      .replace('3 "Drive"', '3 "D" 4 "Low"')
      .replace(/BO_ 257[^]*?(?=BO_ 258)/, "")
      .replace("BO_ 258 Moved", "BO_ 259 Moved")
      .replace("VAL_", 'BO_ 2566834944 New: 3 X\n SG_ C : 7|16@0- (1,0) [0|0] "km" X\nVAL_');
    const { stdout, exitCode } = await diff(BEFORE, after);
    expect(stdout.split("\n")).toEqual([
      "- 0x101 Gone: 8 bytes, 1 signal",
      "~ 0x103 Moved",
      "    id: 0x102 -> 0x103",
      "~ 0x1F0 EngineStatus",
      "  ~ Speed",
      "      scale: * 0.125 + 0 -> * 0.25 - 10",
      "      range: 0..8000 -> 0..16000",
      "  ~ Gear",
      '      text of 3: "Drive" -> "D"',
      '      text of 4: + "Low"',
      "  ~ Old",
      "      name: Old -> Renamed",
      "+ 0x18FECB00 New: 3 bytes, 1 signal",
      "1 message added, 1 removed, 2 changed",
      "",
    ]);
    expect(exitCode).toBe(1);
  });

  it("tells of layout, multiplexing, cycle and CAN FD", async () => {
    const plain = `BO_ 1 M: 8 X
 SG_ S M : 0|8@1+ (1,0) [0|0] "" X
 SG_ A m0 : 8|8@1+ (1,0) [0|0] "" X
 SG_ L : 32|16@1+ (1,0) [0|0] "" X
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;
BA_ "GenMsgCycleTime" BO_ 1 100;
`;
    const after = plain
      .replace("A m0", "A m1")
      .replace("32|16@1+", "39|16@0-")
      .replace("BO_ 1 100", "BO_ 1 20")
      .replace("M: 8", "M: 12");
    const { stdout } = await diff(plain, after);
    for (const line of [
      "    length: 8 bytes -> 12 bytes",
      "    format: CAN -> CAN FD",
      "    cycle: 100 ms -> 20 ms",
      "      present: S = 0 -> S = 1",
      "      layout: 32|16 unsigned little -> 39|16 signed big",
    ]) {
      expect(stdout.split("\n")).toContain(line);
    }
  });

  it("tells comments apart from what matters to frames", async () => {
    const after = BEFORE.replace("how fast", "in revolutions").replaceAll("ECM", "TCM");
    expect(await diff(BEFORE, after)).toMatchObject({ exitCode: 1 });
    expect((await diff(BEFORE, after)).stdout).toContain("    comment: how fast -> in revolutions\n");
    expect(await diff(BEFORE, after, ["--no-comments"])).toEqual({
      stdout: "no difference\n",
      stderr: "",
      exitCode: 0,
    });
  });

  it("gives one object with --json", async () => {
    const after = BEFORE.replace(" SG_ Old : 24|8@1+", " SG_ Fresh : 32|8@1+");
    const { stdout } = await diff(BEFORE, after, ["--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      same: false,
      added: [],
      removed: [],
      changed: [
        {
          id: 496,
          ext: false,
          changes: [],
          signals: { added: [{ name: "Fresh", startBit: 32 }], removed: [{ name: "Old", startBit: 24 }], changed: [] },
        },
      ],
    });
  });

  it("ends with 65 where a file cannot be read whole, and compares the rest", async () => {
    const { stdout, stderr, exitCode } = await diff(BEFORE, BEFORE.replace("SG_ Gear : 16|4@1+", "SG_ Gear : 16|x@1+"));
    expect(stdout).toContain("  - Gear: 16|4, unsigned little");
    expect(stderr).toMatch(/b\.dbc:4:\d+ error: /);
    expect(exitCode).toBe(65);
  });

  it.each([40, 80])("fits %i columns", async (columns) => {
    const after = BEFORE.replace(
      "how fast",
      "how many revolutions the engine makes in a minute, counted at its flywheel",
    );
    const { stdout } = await diff(BEFORE, after.replace(" SG_ Old : 24|8@1+", " SG_ Fresh : 32|8@1+"), [], columns);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain(
      "how many revolutions the engine makes in a minute, counted at its flywheel",
    );
  });
});
