import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { AgentError } from "../../../../agent/core/errors.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { bytesOf, type CliRun, runCli } from "../../../fakes/daemon/cli-runner.ts";
import { configFile } from "../../../fakes/daemon/view-socket.ts";
import { tpFrames } from "../../../fakes/signals/tp-frames.ts";

// The example of cantools' documentation (motohawk.dbc); the decoded values are the ones printed there.
const DBC = `BO_ 496 ExampleMessage: 8 PCM1
 SG_ Temperature : 0|12@0- (0.01,250) [229.53|270.47] "degK" X
 SG_ AverageRadius : 6|6@0+ (0.1,0) [0|5] "m" X
 SG_ Enable : 7|1@0+ (1,0) [0|0] "-" X
BO_ 272 Wide: 64 X
 SG_ Unsigned : 0|64@1+ (1,0) [0|0] "" X
 SG_ __proto__ : 64|64@1- (2,0) [0|0] "" X
 SG_ Single : 128|32@1- (1,0) [0|0] "" X
 SG_ Count : 160|8@1- (2,-1) [0|0] "" X
VAL_ 496 Enable 0 "Disabled" 1 "Enabled" ;
SIG_VALTYPE_ 272 Single : 1;
`;

function file(text: string, name = "vehicle.dbc"): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  return path;
}

async function decode(log: string, args: readonly string[] = [], pieceBytes?: number): Promise<CliRun> {
  return runCli(["signals", "decode", "--dbc", file(DBC), ...args], { stdin: bytesOf(log, pieceBytes) });
}

function objects(stdout: string): unknown[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line));
}

describe("causeway signals decode", () => {
  it("takes the DBC files of the configuration without --dbc", async () => {
    const { config } = configFile();
    writeFileSync(config, `${readFileSync(config, "utf8")}dbc: [{ file: ${file(DBC)} }]\n`);
    const log = { stdin: bytesOf("(1.0) can0 1F0#C0B1000000000000\n") };
    const { stdout } = await runCli(["signals", "decode", "--config", config], log);
    expect(stdout).toContain(":: ExampleMessage(Enable: Enabled");
  });

  it("says where DBC files may be named where there are none", async () => {
    const decode = runCli(["signals", "decode", "--config", configFile().config], { stdin: bytesOf("") });
    await expect(decode).rejects.toMatchObject({
      code: "usage.invalid",
      remedy: "name the file that describes the log: --dbc vehicle.dbc",
    });
  });

  it("writes behind each line what cantools writes", async () => {
    const { stdout, stderr, exitCode } = await decode(
      "(1735270496.916858) can0 1F0#80004A0000000000\r\n  vcan0  1F0   [8]  80 4A 00 00 00 00 00 00\n(1.5) can0 123#00\n",
    );
    expect(stdout.split("\n")).toEqual([
      "(1735270496.916858) can0 1F0#80004A0000000000 :: ExampleMessage(Enable: Enabled, AverageRadius: 0.0 m, Temperature: 250.02 degK)",
      "  vcan0  1F0   [8]  80 4A 00 00 00 00 00 00 :: ExampleMessage(Enable: Enabled, AverageRadius: 0.0 m, Temperature: 255.92 degK)",
      "(1.5) can0 123#00 :: Unknown frame id 291 (0x123)",
      "",
    ]);
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  });

  it("shows a message that comes in several frames with the last of them, each bus by itself", async () => {
    const trip = file(
      'BO_ 2566828286 Trip: 20 X\n SG_ Late : 152|8@1+ (2,0) [0|0] "km" X\nBA_ "ProtocolType" "J1939";\n',
      "truck.dbc",
    );
    const frames = tpFrames(
      Array.from({ length: 20 }, (_, at) => at),
      { from: 3 },
    );
    const lines = frames.flatMap(({ id, data, atMs }, at) =>
      ["can0", "can1"].map((bus) => {
        const hex = Buffer.from(at === 2 && bus === "can1" ? data.map(() => 9) : data).toString("hex");
        return `(${(1 + atMs / 1000).toFixed(6)}) ${bus} ${id.toString(16)}#${hex}\n`;
      }),
    );
    const { stdout } = await runCli(["signals", "decode", "--dbc", trip], { stdin: bytesOf(lines.join("")) });
    const shown = stdout.split("\n").map((line) => line.slice(line.indexOf("::")));
    expect(shown.slice(0, 2)).toEqual([
      ":: Part of a message of several frames",
      ":: Part of a message of several frames",
    ]);
    expect(shown.slice(6)).toEqual([":: Trip(Late: 38 km)", ":: Part of a message of several frames", ""]);
    const json = await runCli(["signals", "decode", "--dbc", trip, "--json"], { stdin: bytesOf(lines.join("")) });
    expect(objects(json.stdout)[6]).toMatchObject({
      t: 1.15,
      bus: "can0",
      id: 0x18eb_ff03,
      msg: "Trip",
      phys: { Late: 38 },
    });
    expect(objects(json.stdout)[7]).toMatchObject({ bus: "can1", msg: null });
  });

  it("shows what J1939 has in the place of a number by its name, or as the file calls it", async () => {
    const dbc = file(
      'BO_ 2364540158 EEC1: 8 X\n SG_ Mode : 0|4@1+ (1,0) [0|15] "" X\n SG_ Torque : 8|8@1+ (1,-125) [-125|125] "%" X\n SG_ Speed : 24|16@1+ (0.125,0) [0|8031.875] "rpm" X\nVAL_ 2364540158 Mode 14 "Other" 15 "Not here: not available" ;\nBA_ "ProtocolType" "J1939";\n',
      "eec1.dbc",
    );
    const log = "(1.0) can0 0CF00400#FFFEFF00FEFFFFFF\n(1.1) can0 0CF00400#FE7DFF803EFFFFFF\n";
    const text = await runCli(["signals", "decode", "--dbc", dbc], { stdin: bytesOf(log) });
    expect(text.stdout.split("\n").map((line) => line.slice(line.indexOf("::")))).toEqual([
      ":: EEC1(Mode: Not here: not available, Torque: error, Speed: error)",
      ":: EEC1(Mode: Other, Torque: 0 %, Speed: 2000.0 rpm)",
      "",
    ]);
    const json = await runCli(["signals", "decode", "--dbc", dbc, "--json"], { stdin: bytesOf(log) });
    expect(objects(json.stdout)).toMatchObject([
      { raw: { Mode: 15, Torque: 254, Speed: 0xfe00 }, phys: {}, text: { Torque: "error", Speed: "error" } },
      { raw: { Mode: 14 }, phys: { Mode: 14, Torque: 0, Speed: 2000 }, text: { Mode: "Other" } },
    ]);
  });

  it("decodes the frames of each interface with its own file, before the one for all", async () => {
    const body = file('BO_ 496 Doors: 8 BCM\n SG_ Open : 0|8@1+ (1,0) [0|0] "" X\n', "body.dbc");
    const log = "(1.0) can0 1F0#8000000000000000\n(1.1) can1 1F0#0300000000000000\n";
    const { stdout } = await decode(log, ["--dbc", `can1=${body}`, "--json"]);
    expect(objects(stdout)).toMatchObject([
      { bus: "can0", msg: "ExampleMessage", raw: { Enable: 1 } },
      { bus: "can1", msg: "Doors", raw: { Open: 3 } },
    ]);
  });

  it("takes a file that is there by its name, whatever that is", async () => {
    const path = file('BO_ 1 M: 8 X\n SG_ S : 0|8@1+ (1,0) [0|0] "" X\n', "can0=body.dbc");
    const { stdout } = await runCli(["signals", "decode", "--dbc", path], { stdin: bytesOf("(1.0) can7 001#05\n") });
    expect(stdout).toBe("(1.0) can7 001#05 :: M(S: 5)\n");
  });

  it.each([
    ["f19_candump_tA.log", [1_697_715_104.123_456, 1_697_715_104.123_456]],
    ["f20_fd_with_dots.log", [1_735_270_496.916_858]],
    ["f21_padded_time.log", [0.191_254, 0.450_024]],
    ["f22_bom.log", [1_735_270_496.916_858, 1_735_270_496.916_858]],
  ])("reads each frame of %s", async (name, times) => {
    const log = fileURLToPath(new URL(`../../../fixtures/cases/${name}`, import.meta.url));
    const { stdout, exitCode } = await runCli(["signals", "decode", "--json", "--dbc", file(DBC), log]);
    expect(exitCode).toBe(0);
    expect(objects(stdout)).toMatchObject(times.map((t) => ({ t })));
  });

  it("knows frames by their parameter group where that is asked for", async () => {
    // A frame of canboat's analyzer test mixed-format, and the position that it prints (rounded to -122.4152372).
    const dbc = file(
      'BO_ 2583167486 Position: 8 X\n SG_ Latitude : 0|32@1- (1E-7,0) [0|0] "deg" X\n SG_ Longitude : 32|32@1- (1E-7,0) [0|0] "deg" X\n',
    );
    const log = "(1.0) can0 09F80140#3B349816CCEA08B7\n";
    const read = async (...args: readonly string[]): Promise<string> =>
      (await runCli(["signals", "decode", "--dbc", dbc, ...args], { stdin: bytesOf(log) })).stdout;
    expect(await read()).toContain(":: Unknown frame id");
    expect(await read("--match", "pgn")).toContain(":: Position(Latitude: 37.9073595 deg, Longitude: -122.4152371");
  });

  it("prints one JSON object a frame, exact where JSON numbers are not", async () => {
    const wide = `${"FF".repeat(8)}FEFFFFFFFFFFFFBF0000C07F80${"00".repeat(43)}`;
    const log = `(1735270496.916858) can0 110##5${wide}\n(1.000001) can1 00000110#00\n  can0  1F0   [3]  80 4A 00\n`;
    const { stdout } = await decode(log, ["--json"]);
    expect(stdout.split("\n")[0]).toBe(
      '{"schemaVersion":1,"t":1735270496.916858,"bus":"can0","id":272,"ext":false,"msg":"Wide",' +
        '"raw":{"Unsigned":{"int":"18446744073709551615"},"__proto__":{"int":"-4611686018427387906"},"Single":"NaN","Count":-128},' +
        '"phys":{"Unsigned":{"int":"18446744073709551615"},"__proto__":{"int":"-9223372036854775812"},"Single":"NaN","Count":-257}}',
    );
    expect(objects(stdout).slice(1)).toEqual([
      { schemaVersion: 1, t: 1.000001, bus: "can1", id: 272, ext: true, msg: null, raw: {}, phys: {} },
      {
        schemaVersion: 1,
        t: null,
        bus: "can0",
        id: 496,
        ext: false,
        msg: "ExampleMessage",
        raw: { Temperature: 592, AverageRadius: 0, Enable: 1 },
        phys: { Temperature: 255.92, AverageRadius: 0, Enable: 1 },
        text: { Enable: "Enabled" },
      },
    ]);
  });

  it.each([
    ["0000807F", "inf"],
    ["000080FF", "-inf"],
    ["0000803F", 1],
  ])("writes the IEEE single %s as %s", async (bytes, value) => {
    const { stdout } = await decode(`(1.0) c 110##0${"00".repeat(16)}${bytes}\n`, ["--json"]);
    expect(objects(stdout)[0]).toMatchObject({ raw: { Single: value }, phys: { Single: value } });
  });

  it("leaves out the signals that a short, remote or error frame does not hold", async () => {
    const { stdout } = await decode("(1.0) c 1F0#80\n(1.0) c 1F0#R8\n(1.0) c 20000004#0000000000000000\n", ["--json"]);
    expect(objects(stdout)).toMatchObject([
      { msg: "ExampleMessage", raw: { AverageRadius: 0, Enable: 1 } },
      { msg: "ExampleMessage", raw: {}, remote: true },
      { msg: null, id: 4, error: true },
    ]);
    expect(stdout.split("\n")[0]).not.toContain("Temperature");
  });

  it("tells a bad line with its number, goes on, and ends with 65", async () => {
    const log = "(1.0) can0 1F0#00\n\n(1.0) can0 1F0#0\nnonsense\u001b[2J\n(2.0) can0 1F0#00";
    const { stdout, stderr, exitCode } = await decode(log, ["--json"], 7);
    expect(objects(stdout)).toMatchObject([{ t: 1 }, { t: 2 }]);
    expect(stderr).toBe(
      "stdin:3:16 error: a byte has two hexadecimal digits, found one\n" +
        "stdin:4:13 error: expected a frame after the bus name\n" +
        "2 of 5 lines could not be read\n",
    );
    expect(exitCode).toBe(65);
  });

  it("reads a log file with the messages of several DBC files", async () => {
    const log = file("(1.0) can0 1F0#00\n(1.0) can0 001#07\n", "drive.log");
    const second = file('BO_ 1 Second: 1 X\n SG_ A : 0|8@1+ (1,0) [0|0] "" X\n');
    const { stdout } = await decode("", ["--dbc", second, log, "--json"]);
    expect(objects(stdout)).toMatchObject([{ msg: "ExampleMessage" }, { msg: "Second", raw: { A: 7 } }]);
    expect((await decode("(1.0) c 1F0#00\n", ["-"])).stdout).toContain("ExampleMessage");
  });

  it("names what is missing with the command that shows why, and the name that may have been meant", async () => {
    const folder = dirname(file("", "drive.log"));
    const remedyOf = (path: string) =>
      decode("", [path]).then(
        () => "",
        ({ remedy }: AgentError) => remedy,
      );
    expect(await remedyOf(join(folder, "drvie.log"))).toBe(
      `did you mean ${folder}/drive.log? check the path: ls ${folder}`,
    );
    expect(await remedyOf(join(folder, "away/x/drive.log"))).toBe(
      `there is no folder ${folder}/away/x; check the path: ls ${folder}`,
    );
    expect(await remedyOf(folder)).toBe("give a file");
  });

  it("decodes with what can be read of a broken DBC file, tells its errors and ends with 65", async () => {
    const broken = file('BO_ 1 M: 8 X\n SG_ A : 0|x@1+ (1,0) [0|0] "" X\n SG_ B : 0|8@1+ (1,0) [0|0] "" X\n');
    const { stdout, stderr, exitCode } = await decode("(1.0) c 001#09\n", ["--dbc", broken]);
    expect(stdout).toBe("(1.0) c 001#09 :: M(B: 9)\n");
    expect(stderr).toBe(`${broken}:2:12 error: expected the signal size, found x; the signal is left out\n`);
    expect(exitCode).toBe(65);
  });

  it("refuses a missing log, a missing DBC file, and two files that declare one id", async () => {
    await expect(decode("", ["/nowhere/drive.log"])).rejects.toMatchObject({ code: "input.missing" });
    await expect(decode("", ["--dbc", "/nowhere/x.dbc"])).rejects.toMatchObject({ code: "input.missing" });
    const second = file("BO_ 496 Other: 8 X\n");
    const refused = decode("", ["--dbc", second]);
    await expect(refused).rejects.toMatchObject({ code: "dbc.invalid" });
    await expect(refused).rejects.toThrow(`Other (${second}:1) have the same 11-bit id 0x1f0`);
  });

  it("stops at once when interrupted while its input is silent", async () => {
    const stop = new AbortController();
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield* bytesOf("(1.0) c 1F0#00\n");
      stop.abort();
      await new Promise(() => undefined);
    }
    const run = await runCli(["signals", "decode", "--dbc", file(DBC)], { stdin: silent(), signal: stop.signal });
    expect(run.stdout).toContain("ExampleMessage");
    expect(run.exitCode).toBe(130);
  });
});
