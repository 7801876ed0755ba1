import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { visibleWidth } from "../../../../agent/cli/text.ts";
import { AgentError, FAULTS } from "../../../../agent/core/errors.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { bytesOf, runCli } from "../../../fakes/daemon/cli-runner.ts";

// The example of cantools' documentation (motohawk.dbc).
const DBC = `BO_ 496 ExampleMessage: 8 PCM1
 SG_ Temperature : 0|12@0- (0.01,250) [229.53|270.47] "degK" X
 SG_ AverageRadius : 6|6@0+ (0.1,0) [0|5] "m" X
 SG_ Enable : 7|1@0+ (1,0) [0|0] "-" X
BO_ 257 Gearbox: 1 X
 SG_ Gear : 0|8@1+ (1,0) [0|3] "" X
BO_ 258 Wide: 8 X
 SG_ Double : 0|64@1- (1,0) [0|0] "" X
BO_ 259 Retarder: 2 X
 SG_ LevelWanted : 0|8@1+ (1,0) [0|0] "" X
 SG_ Level : 8|8@1+ (1,0) [0|0] "" X
BO_ 260 Brake: 1 X
 SG_ Wear : 0|8@1+ (1,0) [0|0] "" X
VAL_ 496 Enable 0 "Disabled" 1 "Enabled" ;
VAL_ 257 Gear 0 "Park" 1 "Reverse" 2 "Neutral" 3 "Drive" ;
SIG_VALTYPE_ 258 Double : 2;
`;

/** Data of the message, and what cantools 40 decodes from it. */
const ROWS = [
  { data: "0000000000000000", radius: 0, temperature: 250, enable: "Disabled" },
  { data: "ffffffffffffffff", radius: 6.300000000000001, temperature: 249.99, enable: "Enabled" },
  { data: "be5ac410e48db8fe", radius: 3.1, temperature: 257.26, enable: "Enabled" },
  { data: "717592cfd0e08e6e", radius: 5.6000000000000005, temperature: 238.92, enable: "Disabled" },
] as const;
const LOG = ROWS.map(({ data }, at) => `(1735270496.${at}00000) can0 1F0#${data.toUpperCase()}\n`).join("");

/** Runs `signals plot - ARGS` on a log, with the DBC file above. */
async function plot(log: string, args: readonly string[], columns?: number) {
  const dbc = join(temporaryFolder(), "vehicle.dbc");
  writeFileSync(dbc, DBC);
  const surroundings = columns === undefined ? {} : { columns };
  return await runCli(["signals", "plot", "-", "--dbc", dbc, ...args], { stdin: bytesOf(log), ...surroundings });
}

function close(value: number, digits: number): unknown {
  return expect.closeTo(value, digits);
}

async function faultOf(
  run: Promise<unknown>,
): Promise<{ readonly exit: number; readonly what: string; readonly remedy: string }> {
  const thrown = await run.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof AgentError)) throw new Error("no fault");
  return { exit: FAULTS[thrown.code].exit, what: thrown.message, remedy: thrown.remedy };
}

/** Each point of the curves of an SVG picture, in its coordinates. */
function curvesIn(svg: string) {
  const lines = [
    ...svg.matchAll(/<polyline points="([^"]*)" fill="none" stroke="(#[0-9a-f]+)" stroke-width="1.5"\/>/g),
  ];
  return lines.map(([, points = ""]) =>
    points.split(" ").map((pair) => {
      const [x = Number.NaN, y = Number.NaN] = pair.split(",").map(Number);
      return { x, y };
    }),
  );
}

describe("causeway signals plot", () => {
  it("draws numbers between their least and greatest value, and texts as bars", async () => {
    const { stdout, stderr, exitCode } = await plot(
      LOG,
      ["Temperature", "ExampleMessage.Enable", "--height", "3", "--no-color"],
      40,
    );
    expect(stdout.split("\n")).toEqual([
      "ExampleMessage.Temperature [degK]  min",
      "  238.92, max 257.26, last 238.92, 4",
      "  samples",
      "  257.26 ┤           ⢀⣀⣀⠤⠤⠒⠒⠊⠉⠒⠤⣀",
      "         │⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠁           ⠉⠢⢄⡀",
      "  238.92 ┤                          ⠈⠑⠢⢄",
      "ExampleMessage.Enable  last Disabled, 4",
      "  samples",
      " Enabled ┤          ━━━━━━━━━━━━━━━━━━━━",
      "Disabled ┤━━━━━━━━━━━                  ━",
      "         └┬──────────────────┬──────────",
      "          0.0 s            0.2 s",
      "stdin: 0 s is 2024-12-27T03:34:56.000Z",
      "",
    ]);
    expect([stderr, exitCode]).toEqual(["", 0]);
  });

  it("has the values of cantools, at their times", async () => {
    const { stdout } = await plot(LOG, ["AverageRadius", "Temperature", "Enable", "--json"]);
    const [radius, temperature, enable] = stdout
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(radius).toMatchObject({
      points: ROWS.map((row, at) => [close(at / 10, 9), close(row.radius, 9)]),
      unit: "m",
    });
    expect(temperature).toMatchObject({ minimum: 238.92, maximum: 257.26, samples: 4, start: 1735270496 });
    expect(enable).toMatchObject({
      texts: ["Disabled", "Enabled"],
      points: [
        [0, 0],
        [0.1, 1],
        [0.2, 1],
        [0.3, 0],
      ],
    });
  });

  it("writes an SVG picture whose points are those values", async () => {
    const path = join(temporaryFolder(), "drive.svg");
    await plot(LOG, ["Temperature", "-o", path]);
    const svg = readFileSync(path, "utf8");
    const [curve = []] = curvesIn(svg);
    // From the box back to values: least and greatest are at its edges.
    const [top, bottom] = [Math.min(...curve.map(({ y }) => y)), Math.max(...curve.map(({ y }) => y))];
    const values = curve.map(({ y }) => 238.92 + ((bottom - y) / (bottom - top)) * (257.26 - 238.92));
    expect(values).toEqual(ROWS.map(({ temperature }) => close(temperature, 2)));
    const [first, ...others] = curve.map(({ x }) => x);
    const width = (others.at(-1) ?? 0) - (first ?? 0);
    expect(others.map((x) => (x - (first ?? 0)) / width)).toEqual([1 / 3, 2 / 3, 1].map((at) => close(at, 3)));
    expect(svg).toContain(">ExampleMessage.Temperature [degK]  min 238.92, max 257.26, last 238.92, 4 samples</text>");
  });

  it("writes a PNG picture with the curve in its colour", async () => {
    const path = join(temporaryFolder(), "drive.png");
    const { stderr } = await plot(LOG, ["Temperature", "-o", path]);
    expect(stderr).toBe(`${path} written\n`);
    const { width, height, data, channels } = decode(readFileSync(path));
    expect([width, channels]).toEqual([1920, 3]);
    let blue = 0;
    for (let at = 0; at < width * height * 3; at += 3) {
      if (data[at] === 0x00 && data[at + 1] === 0x72 && data[at + 2] === 0xb2) blue += 1;
    }
    expect(blue).toBeGreaterThan(1500);
  });

  it.each([8, 20, 40, 80, 200])(
    "never writes over %i columns of a terminal, and takes no colour without leave",
    async (columns) => {
      const { stdout } = await plot(LOG, ["*"], columns);
      const coloured = stdout.split("\n").filter((line) => line.includes("\u001b"));
      expect(coloured.length).toBeGreaterThan(0);
      expect(Math.max(...stdout.split("\n").map(visibleWidth))).toBeLessThanOrEqual(columns);
      expect((await plot(LOG, ["*", "--no-color"], columns)).stdout).not.toContain("\u001b");
    },
  );

  it("keeps a spike of one sample in a long log, in the terminal and in pictures", async () => {
    const frames = Array.from({ length: 70_000 }, (_, at) => {
      const gear = at === 43_457 ? "FF" : "0A";
      return `(${(1735270496 + at / 1000).toFixed(6)}) can0 101#${gear}\n`;
    });
    const path = join(temporaryFolder(), "long.svg");
    const log = frames.join("");
    const { stdout } = await plot(log, ["Gear", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ samples: 70_000, minimum: 10, maximum: 255 });
    await plot(log, ["Gear", "-o", path]);
    const [curve = []] = curvesIn(readFileSync(path, "utf8"));
    const top = Math.min(...curve.map(({ y }) => y));
    expect(curve.filter(({ y }) => y === top)).toHaveLength(1);
    expect(curve.length).toBeLessThan(5000);
    const { stdout: text } = await plot(log, ["Gear", "--no-color"], 40);
    expect(text).toMatch(/^255 ┤ +[⡇⢸] *$/m);
  });

  it("writes ASCII where asked, or where the locale has no more", async () => {
    const ascii = /^[\n -~]*$/;
    expect((await plot(LOG, ["*", "--ascii"])).stdout).toMatch(ascii);
    const locale = { stdin: bytesOf(LOG), environment: { LANG: "C", LC_ALL: "" } };
    const dbc = join(temporaryFolder(), "vehicle.dbc");
    writeFileSync(dbc, DBC);
    expect((await runCli(["signals", "plot", "-", "*", "--dbc", dbc], locale)).stdout).toMatch(ascii);
  });

  it("counts frames where a log has no times", async () => {
    const { stdout } = await plot("can0  101   [1]  03\ncan0  101   [1]  00\n", ["Gear", "--no-color"], 60);
    expect(stdout).toContain("stdin: no times in it; frames are counted");
    expect(stdout).toMatch(/^Drive ┤━/m);
  });

  it("gives a frame without a time among others that of the one before", async () => {
    const log = "(10.000000) can0 101#03\ncan0  101   [1]  00\n(12.000000) can0 101#01\n";
    const { stdout } = await plot(log, ["Gear", "--json"]);
    const shown: unknown = JSON.parse(stdout);
    expect(shown).toMatchObject({
      points: [
        [0, 2],
        [0, 0],
        [2, 1],
      ],
    });
  });

  it("draws the least and the greatest double, whose distance is none", async () => {
    const log = "(1.000000) can0 102#FFFFFFFFFFFFEF7F\n(2.000000) can0 102#FFFFFFFFFFFFEFFF\n";
    const { stdout } = await plot(log, ["Double", "--no-color"], 120);
    expect(stdout).toContain("min -1.7976931348623157e+308, max 1.7976931348623157e+308");
    const svg = join(temporaryFolder(), "wide.svg");
    await plot(log, ["Double", "-o", svg]);
    expect(readFileSync(svg, "utf8")).not.toContain("NaN");
    expect(curvesIn(readFileSync(svg, "utf8"))).toHaveLength(1);
  });

  it("goes on after a bad line, tells it, and ends with 65", async () => {
    const { stdout, stderr, exitCode } = await plot(`${LOG}nonsense\n`, ["Enable"]);
    expect(stdout).toContain("4 samples");
    expect(stderr).toContain("stdin:5:9 error:");
    expect(exitCode).toBe(65);
  });

  it("takes candump's filters", async () => {
    const { stdout } = await plot(`${LOG}(1735270497.0) can0 101#03\n`, ["*", "--filter", "101:7FF"]);
    expect(stdout).not.toContain("ExampleMessage");
    expect(stdout).toContain("Gearbox.Gear  last Drive, 1 sample\n");
  });

  it("names a signal that the log has no value of, though one with a longer name has some", async () => {
    const log = "(1735270496.000000) can0 103#05\n";
    const { stdout, stderr, exitCode } = await plot(log, ["Retarder.*", "Brake.*"]);
    expect(stdout).toContain("Retarder.LevelWanted  min 5");
    // Of two bytes the frame has but the first.
    expect([stderr, exitCode]).toEqual(["no value of Retarder.Level, Brake.Wear\n", 0]);
  });

  it("ends with 2 where the log has none of them, and names what is no signal with 65", async () => {
    const { stderr, exitCode } = await plot(LOG, ["Gear"]);
    expect([stderr.split("\n")[0], exitCode]).toEqual(["causeway: the log has no value of Gearbox.Gear", 2]);
    expect(await faultOf(plot(LOG, ["Temprature"]))).toEqual({
      exit: 65,
      what: "no signal matches Temprature",
      remedy: "did you mean ExampleMessage.Temperature? Upper and lower case differ",
    });
  });

  it("names the DBC file as what is missing where neither option nor configuration has one", async () => {
    const config = join(temporaryFolder(), "agent.yaml");
    const fault = await faultOf(runCli(["signals", "plot", "-", "X.Y", "--config", config], { stdin: bytesOf(LOG) }));
    expect(fault).toMatchObject({ exit: 64, what: `no DBC file: --dbc is absent, and ${config} names none` });
    const absent = await faultOf(
      runCli(["signals", "plot", "-", "X.Y", "--dbc", "/nowhere/x.dbc"], { stdin: bytesOf(LOG) }),
    );
    expect(absent).toMatchObject({ exit: 65, what: "/nowhere/x.dbc: no such file" });
  });
});
