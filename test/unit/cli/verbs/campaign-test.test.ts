import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { bytesOf, type CliRun, runCli } from "../../../fakes/daemon/cli-runner.ts";

const DBC = `BO_ 256 Motion: 2 X
 SG_ Speed : 0|8@1+ (1,0) [0|0] "km/h" X
 SG_ Brake : 8|8@1+ (1,0) [0|0] "bar" X
BO_ 257 Other: 1 X
 SG_ Level : 0|8@1+ (1,0) [0|0] "%" X
`;
const T0 = 1_735_270_496;

const HARD_BRAKING = `schemaVersion: 1
id: braking
version: 3
start: 2036-01-01T00:00:00Z
inputs: {brake: Motion.Brake}
trigger: {condition: "brake > 80.0", beforeMs: 2000, afterMs: 1000, minIntervalMs: 0}
collect:
  - {signals: Motion.Speed, mode: every, ms: 0}
send: {stream: event}
`;

type Frame = { readonly ms: number; readonly speed: number; readonly brake: number };

/** Motion every 100 ms for 20 s; the brake is pressed from 10.0 s to 10.9 s. */
const DRIVE: readonly Frame[] = Array.from({ length: 200 }, (_, at) => ({
  ms: at * 100,
  speed: at,
  brake: at >= 100 && at < 110 ? 90 : 0,
}));

function logOf(frames: readonly Frame[], bus = "can0"): string {
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, "0");
  return frames
    .map(({ ms, speed, brake }) => `(${(T0 + ms / 1000).toFixed(6)}) ${bus} 100#${hex(speed)}${hex(brake)}\n`)
    .join("");
}

function file(text: string, name: string): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  return path;
}

async function test(log: string, document: string, args: readonly string[] = []): Promise<CliRun> {
  const dbc = file(DBC, "vehicle.dbc");
  const given = ["campaign", "test", "-", file(document, "campaign.yaml"), ...args];
  return runCli(args.includes("--dbc") ? given : [...given, "--dbc", dbc], { stdin: bytesOf(log) });
}

const line = z.looseObject({
  schemaVersion: z.literal(1),
  campaign: z.string().optional(),
  timeUs: z.number().optional(),
  physical: z.number().optional(),
  signal: z.looseObject({ name: z.string() }).optional(),
  body: z.looseObject({ kind: z.string() }).optional(),
  summary: z.looseObject({ campaigns: z.array(z.record(z.string(), z.unknown())) }).optional(),
});

function linesOf({ stdout }: CliRun): z.infer<typeof line>[] {
  return stdout
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => line.parse(JSON.parse(text)));
}

describe("causeway campaign test", () => {
  it("takes what J1939 has in the place of a number for none: in conditions, derived signals and aggregates", async () => {
    const dbc = file(
      'BO_ 2566844926 CCVS: 8 X\n SG_ Speed : 0|16@1+ (1,0) [0|64255] "km/h" X\nBA_ "ProtocolType" "J1939";\n',
      "ccvs.dbc",
    );
    const document = `schemaVersion: 1
id: speeding
version: 1
inputs: {speed: CCVS.Speed}
derived: [{name: Twice, expression: "speed * 2.0"}]
trigger: {condition: "speed > 100.0", minIntervalMs: 0}
collect:
  - {signals: [CCVS.Speed, Twice], mode: every, ms: 0}
`;
    const always = `schemaVersion: 1
id: means
version: 1
collect:
  - {signals: CCVS.Speed, mode: aggregate, of: [max, mean, count], over: {windowMs: 60000}}
`;
    const speeds = [50, 0xffff, 60, 0xfe00, 70, 0xfbff];
    const log = speeds.map((raw, at) => {
      const hex = Buffer.from(Uint16Array.of(raw).buffer).toString("hex");
      return `(${(T0 + at).toFixed(6)}) can0 18FEF100#${hex}FFFFFFFFFFFF\n`;
    });
    const run = async (text: string, frames: readonly string[]) =>
      linesOf(await test(frames.join(""), text, ["--json", "--dbc", dbc]));
    const still = await run(document, log.slice(0, 5));
    expect(still.filter(({ body }) => body?.kind === "trigger")).toEqual([]);
    expect((await run(document, log)).filter(({ body }) => body?.kind === "trigger")).not.toEqual([]);
    const means = await run(always, log.slice(0, 5));
    // Of two windows, the second of which begins with the fifth frame.
    expect(means.flatMap(({ physical }) => physical ?? [])).toEqual([60, 70, 55, 70, 2, 1]);
  });

  it("gives the samples around a trigger, the trigger itself, and what they cost", async () => {
    const run = await test(logOf(DRIVE), HARD_BRAKING, ["--json"]);
    const lines = linesOf(run);
    const samples = lines.filter(({ physical }) => physical !== undefined);
    const expected = DRIVE.filter(({ ms }) => ms >= 8000 && ms <= 11_000);
    expect(samples.map(({ timeUs, physical }) => [timeUs, physical])).toEqual(
      expected.map(({ ms, speed }) => [T0 * 1_000_000 + ms * 1000, speed]),
    );
    expect(samples[0]).toMatchObject({ campaign: "braking", trigger: 1, signal: { name: "Speed", unit: "km/h" } });
    const triggers = lines.flatMap(({ body }) => (body?.kind === "trigger" ? [body] : []));
    expect(triggers).toMatchObject([
      { phase: "begin", number: 1, timeUs: (T0 + 10) * 1_000_000, cause: { values: [{ name: "brake", value: 90 }] } },
      { phase: "end", capture: { beforeMs: 2000, historyMs: 2000, afterMs: 1000 } },
    ]);
    const summary = lines.at(-1)?.summary;
    expect(summary).toMatchObject({
      frames: 200,
      malformed: 0,
      campaigns: [{ id: "braking", version: 3, triggers: 1, suppressed: 0, records: 3, samples: 31 }],
    });
    const [{ bytes = 0, bytesPerDay = 0 } = {}] = summary?.campaigns ?? [];
    expect(bytesPerDay).toBe(Math.round((Number(bytes) / 19.9) * 86_400));
    expect(run.exitCode).toBe(0);
  });

  it("draws a timeline of at most 80 columns", async () => {
    const { stdout, stderr, exitCode } = await test(logOf(DRIVE), HARD_BRAKING);
    const text = stdout.split("\n");
    expect(text.filter((one) => one.length > 80)).toEqual([]);
    expect(text[0]).toBe("200 frames of can0 in 19.9 s, from 2024-12-27 03:34:56 UTC");
    expect(text[2]).toBe("braking v3: running, 1 trigger, 0 suppressed");
    // 74 columns for 19.9 s: 8.0 s is column 29, 10.0 s 37, 11.0 s 40.
    expect(text[3]).toBe(`  |${".".repeat(29)}========^===${".".repeat(33)}|`);
    expect(text[5]).toBe("   1  2024-12-27 03:35:06.0     2.0 s         -     1.0 s         31        31");
    expect(text[6]).toBe("     brake = 90");
    expect(stdout).toContain("samples (event)");
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  });

  it("runs on a gap of the log as on time that passes", async () => {
    const late = DRIVE.map((frame) => ({ ...frame, ms: frame.ms + 86_400_000 * 400 }));
    const lines = linesOf(await test(logOf([...DRIVE, ...late]), HARD_BRAKING, ["--json"]));
    expect(lines.at(-1)?.summary?.campaigns[0]).toMatchObject({ triggers: 2, samples: 62 });
  });

  it("measures a while trigger from its begin to its end", async () => {
    const document = HARD_BRAKING.replace("beforeMs: 2000, afterMs: 1000", "mode: while");
    const { stdout } = await test(logOf(DRIVE), document);
    expect(stdout).toContain("   1  2024-12-27 03:35:06.0         -     1.0 s         -         10         0\n");
  });

  it("says what is short, merged, or not over when the log ends", async () => {
    const brakes = [500, 19_000, 19_600];
    const frames = DRIVE.map(({ ms, speed }) => ({ ms, speed, brake: brakes.includes(ms) ? 85 : 0 }));
    const { stdout } = await test(logOf(frames), HARD_BRAKING);
    expect(stdout).toMatch(/^ {3}1 .* 0\.5 s\* .*\n.*\n {5}\* of 2\.0 s asked for$/m);
    expect(stdout).toMatch(/^ {3}2 .* 2\.0 s {5}0\.6 s {5}0\.3 s .*\n {5}brake = 85\n {5}2 triggers in one$/m);
  });

  it("takes the interfaces of the log as buses, each with its files, and says which frames it left out", async () => {
    const log = logOf(DRIVE) + logOf(DRIVE, "can1");
    await expect(test(log, HARD_BRAKING)).rejects.toThrow(/Motion\.Brake is 2 signals, write which: .*can1\/Motion/);
    const dbc = file(DBC, "vehicle.dbc");
    const { stdout, stderr, exitCode } = await test(log, HARD_BRAKING, ["--dbc", `can1=${dbc}`, "--bus", "can1"]);
    expect(stdout).toContain("200 frames of can1");
    expect(stderr).toBe("frames of interfaces that are no bus of the vehicle: 200 of can0; name them with --bus\n");
    expect(exitCode).toBe(0);
  });

  it("tells broken lines with their place, goes on, and ends with 65", async () => {
    const { stdout, stderr, exitCode } = await test(`nonsense\n${logOf(DRIVE)}`, HARD_BRAKING);
    expect(stderr).toMatch(/^stdin:1:9 error: .*\n1 place of the log could not be read\n$/);
    expect(stdout).toContain("1 trigger,");
    expect(exitCode).toBe(65);
  });

  it("refuses a document with the place of each problem", async () => {
    const wrong = HARD_BRAKING.replace("Motion.Brake", "Motion.Break").replace("mode: every", "mode: often");
    await expect(test("", wrong)).rejects.toThrow(/campaign\.yaml:8:\d+ collect\[0\]\.mode: /);
    const unknown = HARD_BRAKING.replace("Motion.Brake", "Motion.Break");
    const place = /campaign\.yaml:5:\d+ inputs\.brake: there is no signal Motion\.Break$/;
    await expect(test("", unknown)).rejects.toThrow(place);
    await expect(test("", unknown)).rejects.toMatchObject({ code: "input.malformed" });
    await expect(runCli(["campaign", "test", "-", "/nowhere.yaml", "--dbc", "/nowhere"])).rejects.toMatchObject({
      code: "input.missing",
    });
  });

  it("says that an empty log shows nothing", async () => {
    const { stdout, stderr, exitCode } = await test("", HARD_BRAKING);
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: "",
      stderr: "the log has no frame that can be taken\n",
      exitCode: 65,
    });
  });

  it("names the signals that never came, so that silence is no riddle", async () => {
    const document = HARD_BRAKING.replace("{brake: Motion.Brake}", "{brake: Motion.Brake, level: Other.Level}").replace(
      "brake > 80.0",
      "brake > 80.0 && level > 1.0",
    );
    const { stdout } = await test(logOf(DRIVE), document);
    expect(stdout).toMatch(
      /braking v3: running, 0 triggers, .*\n {2}sends nothing\n {2}never seen in the log:\n {4}Other\.Level\n$/,
    );
    const lines = linesOf(await test(logOf(DRIVE), HARD_BRAKING, ["--json"]));
    expect(lines.at(-1)?.summary?.campaigns[0]).toMatchObject({ unseen: [] });
  });

  it("gives what is counted in cells when the log ends", async () => {
    const document = `schemaVersion: 1
id: speeds
version: 1
collect:
  - {signals: Motion.Speed, mode: histogram, edges: [50, 100], by: count}
`;
    const lines = linesOf(await test(logOf(DRIVE), document, ["--json"]));
    const records = lines.flatMap(({ body }) => (body?.kind === "histograms" ? [body] : []));
    expect(records).toMatchObject([{ campaign: { id: "speeds" }, histograms: [{ cells: [50, 50, 100] }] }]);
    expect(lines.at(-1)?.summary?.campaigns[0]).toMatchObject({ records: 1, kinds: [{ kind: "histograms" }] });
  });

  it("finds the same in the log as ASC and as BLF", async () => {
    const candump = file(logOf(DRIVE), "drive.log");
    const document = file(HARD_BRAKING, "campaign.yaml");
    const runs = ["drive.log", "drive.asc", "drive.blf"].map(async (name) => {
      const log = name === "drive.log" ? candump : join(temporaryFolder(), name);
      if (log !== candump) await runCli(["can", "convert", candump, log]);
      return runCli(["campaign", "test", log, document, "--dbc", file(DBC, "vehicle.dbc")]);
    });
    const [first, ...others] = await Promise.all(runs);
    expect(first.stdout).toContain("1 trigger, 0 suppressed");
    expect(others).toEqual([first, first]);
  });

  it("counts what JSON and rows campaigns send as well", async () => {
    for (const form of ["json", "rows"]) {
      const document = HARD_BRAKING.replace("{stream: event}", `{stream: event, form: ${form}}`);
      const lines = linesOf(await test(logOf(DRIVE), document, ["--json"]));
      expect(lines.at(-1)?.summary?.campaigns[0]).toMatchObject({ records: 3, samples: 31 });
      expect(lines.filter(({ physical }) => physical !== undefined)).toHaveLength(31);
    }
  });
});
