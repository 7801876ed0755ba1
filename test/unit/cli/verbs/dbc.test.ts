import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";

const GOOD = `BU_: Engine
BO_ 496 ExampleMessage: 8 Engine
 SG_ Page M : 0|8@1+ (1,0) [0|0] "" X
 SG_ Speed m1 : 8|16@1- (0.5,-10) [-100|1e3] "km/h" X
BO_ 2147484144 Extended: 64 Engine
 SG_ Ratio : 0|32@1- (1,0) [0|0] "" X
CM_ BO_ 496 "what it says";
VAL_ 496 Page 0 "idle" 255 "\u001b[2Jsna" ;
SIG_VALTYPE_ 2147484144 Ratio : 1;
`;
const BROKEN = 'BO_ 1 M: 8 X\n SG_ A : 0|x@1+ (1,0) [0|0] "" X\n SG_ B : 0|8@1+ (1,0) [0|0] "" X\nVAL_ 2 A 0 "a";\n';

function file(text: string, name = "vehicle.dbc"): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  return path;
}

describe("causeway dbc check", () => {
  it("prints one JSON object a file, unreadable files included, and ends with 65", async () => {
    const [good, broken] = [file(GOOD), file(BROKEN)];
    const { stdout, exitCode } = await runCli(["dbc", "check", "--json", good, "/nowhere/x.dbc", broken]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      { schemaVersion: 1, file: good, messages: 2, signals: 3, errors: [], warnings: [] },
      {
        schemaVersion: 1,
        file: "/nowhere/x.dbc",
        messages: 0,
        signals: 0,
        errors: [{ line: 1, column: 1, error: "/nowhere/x.dbc: no such file" }],
        warnings: [],
      },
      {
        schemaVersion: 1,
        file: broken,
        messages: 1,
        signals: 1,
        errors: [{ line: 2, column: 12, error: "expected the signal size, found x; the signal is left out" }],
        warnings: [{ line: 4, column: 6, warning: "VAL_ names the unknown message 2" }],
      },
    ]);
    expect(exitCode).toBe(65);
  });

  it("prints file:line:column for people, and ends with 0 when there is no error", async () => {
    const broken = file(BROKEN);
    expect((await runCli(["dbc", "check", broken])).stdout).toBe(
      `${broken}:2:12 error: expected the signal size, found x; the signal is left out\n` +
        `${broken}:4:6 warning: VAL_ names the unknown message 2\n` +
        `${broken}: 1 message, 1 signal, 1 error, 1 warning\n`,
    );
    const good = file(GOOD);
    expect(await runCli(["dbc", "check", good])).toEqual({
      stdout: `${good}: 2 messages, 3 signals, 0 errors, 0 warnings\n`,
      stderr: "",
      exitCode: 0,
    });
  });
});

describe("causeway dbc list", () => {
  it("lists messages of every file named, in columns or as JSON", async () => {
    const good = file(GOOD);
    expect((await runCli(["dbc", "list", good])).stdout).toBe(
      "0x1F0       ExampleMessage  8 bytes      2 signals  Engine\n" +
        "0x000001F0  Extended        64 bytes FD  1 signal   Engine\n",
    );
    const { stdout } = await runCli(["dbc", "list", "--json", "--dbc", good]);
    expect(JSON.parse(stdout.split("\n")[1])).toEqual({
      schemaVersion: 1,
      file: good,
      name: "Extended",
      id: 496,
      ext: true,
      pgn: null,
      fd: true,
      length: 64,
      sender: "Engine",
      signals: 1,
    });
  });

  it("lists what can be read of a broken file, tells its errors and ends with 65", async () => {
    const broken = file(BROKEN);
    const { stdout, stderr, exitCode } = await runCli(["dbc", "list", broken]);
    expect(stdout).toBe("0x001  M  8 bytes  1 signal  X\n");
    expect(stderr).toBe(`${broken}:2:12 error: expected the signal size, found x; the signal is left out\n`);
    expect(exitCode).toBe(65);
  });

  it("refuses a missing file", async () => {
    await expect(runCli(["dbc", "list", "/nowhere/x.dbc"])).rejects.toMatchObject({ code: "input.missing" });
  });
});

describe("causeway dbc show", () => {
  it("shows one message by name, or by id in either notation", async () => {
    const good = file(GOOD);
    const { stdout } = await runCli(["dbc", "show", good, "ExampleMessage"]);
    expect(stdout).toBe(
      [
        "ExampleMessage: id 0x1F0, 8 bytes, sent by Engine",
        "  what it says",
        "  signal  bits  type             scale       range            present",
        "  Page    0|8   unsigned little  * 1 + 0     -                always (multiplexer)",
        "  Speed   8|16  signed little    * 0.5 - 10  -100..1000 km/h  Page = 1",
        "  Page 0: idle",
        "  Page 255: ?[2Jsna",
        "",
      ].join("\n"),
    );
    for (const id of ["496", "0x1F0"]) expect((await runCli(["dbc", "show", good, id])).stdout).toBe(stdout);
  });

  it("shows it as JSON", async () => {
    const { stdout } = await runCli(["dbc", "show", file(GOOD), "ExampleMessage", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      name: "ExampleMessage",
      signals: [
        { name: "Page", multiplexer: true, multiplexing: null, choices: [{ raw: 0 }, { raw: 255 }] },
        { name: "Speed", multiplexing: { by: "Page", ranges: [[1, 1]] }, factor: 0.5, offset: -10, signed: true },
      ],
    });
  });

  it("refuses a message that is not there", async () => {
    const refused = runCli(["dbc", "show", file(GOOD), "Nothing"]);
    await expect(refused).rejects.toMatchObject({ code: "input.missing" });
    await expect(refused).rejects.toThrow("no message Nothing");
  });
});

describe("causeway dbc on a terminal", () => {
  const long = `BO_ 496 EngineStatusOfTheVehicle: 8 EngineControlModule
 SG_ EngineCoolantTemperature : 0|12@0- (0.01,250) [229.53|270.47] "degK" X
 SG_ Gear : 16|4@1+ (1,0) [0|0] "" X
VAL_ 496 Gear 3 "Drive with all of the wheels, as far as the differential lets them" ;
CM_ BO_ 496 "What the engine says of itself, ten times in a second, whether it is asked or not";
`;

  it.each([
    ["list", 40],
    ["list", 80],
    ["show", 40],
    ["show", 80],
    ["check", 40],
  ])("%s fits %i columns, and cuts no word", async (verb, columns) => {
    const path = join(temporaryFolder(), "a.dbc");
    writeFileSync(path, `${long}SG_ lost`);
    const args = verb === "show" ? [path, "496"] : [path];
    const { stdout } = await runCli(["dbc", verb, ...args], { columns });
    const whole = (await runCli(["dbc", verb, ...args])).stdout;
    const lines = stdout.split("\n");
    const wide = lines.filter((line) => line.length > columns && !line.trim().startsWith(path));
    expect(wide).toEqual([]);
    const words = (text: string) =>
      text
        .split(/[\s,:]+/)
        .filter((word) => /^[A-Za-z]{2,}$/.test(word))
        .sort();
    // The heading of the names is not there where each row is a sentence.
    const shown = new Set([...words(stdout), "signal"]);
    expect(words(whole).filter((word) => !shown.has(word))).toEqual([]);
  });
});
