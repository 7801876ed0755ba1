import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { describe, expect, it } from "vitest";
import { SAMPLE_COLUMNS } from "../../../../agent/consumer/rows/column-names.ts";
import { EXIT } from "../../../../agent/core/errors.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { encoderOf, idOf, logOf } from "../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const T0 = 1_767_225_600_000_000;
const table = tableOf([
  { name: "Engine", signals: [{ name: "Speed", factor: 0.5, unit: "rpm" }] },
  { name: "Odo", signals: [{ name: "Total", bits: 64 }] },
]);
const encoder = encoderOf(table, { compression: "zstd" });
const tablePayload = encoder.table()[0].seal(idOf(1, "event"));
const lossPayload = encoder
  .loss({ epoch: 1, stream: "telemetry", first: 1, last: 2, reason: "evicted", detail: "full" })
  .seal(idOf(2, "event"));

function samplesPayload(seq: number): Uint8Array {
  const log = logOf(table, [
    { signal: 0, timeUs: T0 + seq, raw: seq },
    { signal: 1, timeUs: T0 + seq, raw: 2n ** 63n - BigInt(seq) },
  ]);
  return encoder.samples(log, [])[0].seal(idOf(seq));
}

const hex = (payload: Uint8Array): string => `${Buffer.from(payload).toString("hex")}\n`;

async function* piecesOf(text: string): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += 100) yield Buffer.from(text.slice(at, at + 100));
}

async function decode(args: readonly string[], stdin = "") {
  return runCli(["records", "decode", ...args], { stdin: piecesOf(stdin) });
}

/** Values of a column of CSV that holds no quotes. */
function columnOf(csv: string, name: (typeof SAMPLE_COLUMNS)[number]): string[] {
  const [header, ...lines] = csv.trimEnd().split("\n");
  expect(header).toBe(SAMPLE_COLUMNS.join(","));
  return lines.map((line) => line.split(",")[SAMPLE_COLUMNS.indexOf(name)]);
}

function receivedFolder(): string {
  const folder = join(temporaryFolder(), "received");
  mkdirSync(join(folder, "day-2", "deep"), { recursive: true });
  writeFileSync(join(folder, "day-1.bin"), samplesPayload(1));
  writeFileSync(join(folder, "day-2", "a.bin"), samplesPayload(2));
  writeFileSync(join(folder, "day-2", "deep", "lines.txt"), hex(samplesPayload(3)) + hex(lossPayload));
  writeFileSync(join(folder, "z-table.bin"), tablePayload);
  symlinkSync("/etc", join(folder, "elsewhere"));
  return folder;
}

const file = (path: string) => Uint8Array.from(readFileSync(path)).buffer;

describe("causeway records decode --format", () => {
  it("prints CSV of every file of a folder, in the order of names, with 64-bit integers exact", async () => {
    const { stdout, stderr, exitCode } = await decode(["--format", "csv", receivedFolder()]);
    expect(columnOf(stdout, "seq")).toEqual(["1", "1", "2", "2", "3", "3"]);
    expect(columnOf(stdout, "value_int").filter((one) => one !== "")).toEqual([
      "9223372036854775807",
      "9223372036854775806",
      "9223372036854775805",
    ]);
    expect(stderr).toBe("1 record holds no samples: show them with --records\n");
    expect(exitCode).toBe(EXIT.ok);
  });

  it("writes a Parquet file, or one of samples and one of events into a folder, whole or not at all", async () => {
    const [input, folder] = [receivedFolder(), temporaryFolder()];
    const target = join(folder, "drive.parquet");
    expect(await decode(["--format", "parquet", "-o", target, input])).toMatchObject({ stdout: "", exitCode: 0 });
    expect(await parquetReadObjects({ file: file(target), compressors })).toMatchObject([
      { seq: 1n, signal: "Speed", value: 0.5 },
      { seq: 2n, signal: "Speed", value: 1 },
      { seq: 3n, signal: "Speed", value: 1.5 },
      { seq: 1n, signal: "Total", value_int: 2n ** 63n - 1n },
      { seq: 2n, signal: "Total", value_int: 2n ** 63n - 2n },
      { seq: 3n, signal: "Total", value_int: 2n ** 63n - 3n },
    ]);
    const both = join(folder, "both");
    mkdirSync(both);
    await decode(["--format", "parquet", "-o", both, input]);
    expect(readdirSync(both)).toEqual(["events.parquet", "samples.parquet"]);
    const body = '{"epoch":1,"stream":"telemetry","first":1,"last":2,"reason":"evicted","detail":"full"}';
    expect(await parquetReadObjects({ file: file(join(both, "events.parquet")), compressors })).toMatchObject([
      { kind: "loss", seq: 2n, body },
      { kind: "table", seq: 1n, body: '{"id":"0123456789abcdef","total":2,"signals":2}' },
    ]);
    await expect(decode(["--format", "parquet", "-o", target, input])).rejects.toMatchObject({ code: "usage.invalid" });
    const nowhere = join(folder, "not", "there.parquet");
    await expect(decode(["--format", "parquet", "-o", nowhere, input])).rejects.toThrow(
      `${nowhere}: cannot be written`,
    );
  });

  it.each([
    ["hexadecimal lines", hex],
    ["base64 lines", (one: Uint8Array) => `${Buffer.from(one).toString("base64")}\n`],
  ])("reads a stream of %s from stdin, and holds records until their table comes", async (_, line) => {
    const stream = [samplesPayload(1), samplesPayload(2), tablePayload, samplesPayload(3)].map(line).join("");
    const { stdout, stderr } = await decode(["--format", "csv"], stream);
    expect(columnOf(stdout, "seq")).toEqual(["1", "1", "2", "2", "3", "3"]);
    expect(stderr).toBe("");
  });

  it("prints each record of a stream before the next one comes", async () => {
    const { promise: heard, resolve: hear } = Promise.withResolvers<void>();
    const written: string[] = [];
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(hex(tablePayload) + hex(samplesPayload(1)));
      await heard;
      yield Buffer.from(hex(samplesPayload(2)));
    }
    const run = runCli(["records", "decode", "--format", "csv"], {
      stdin: stream(),
      onStdout: (text) => {
        written.push(text);
        if (text.includes(",telemetry,1,")) hear();
      },
    });
    await run;
    expect(written.join("").match(/,telemetry,/g)).toHaveLength(4);
  });

  it("leaves out what has no table, and says so, in CSV; a bad line is told and the next ones are read", async () => {
    const stream = `${hex(samplesPayload(1))}no payload\n${hex(samplesPayload(2))}`;
    const { stdout, stderr, exitCode } = await decode(["--format", "csv"], stream);
    expect(stdout).toBe(`${SAMPLE_COLUMNS.join(",")}\n`);
    expect(stderr).toContain("causeway: stdin: line 2: is neither hexadecimal nor base64");
    expect(stderr).toContain("signal table 0123456789abcdef is missing or incomplete");
    expect(stderr).toContain("2 records are left out");
    expect(exitCode).toBe(EXIT.badInput);
  });

  it.each([
    [["--format", "parquet"], "Parquet is no text"],
    [["--format", "csv", "-o", "x"], "-o is for --format parquet"],
    [["--format", "csv", "--records"], "--records has no form in csv"],
  ])("refuses %j", async (args, what) => {
    await expect(decode(args)).rejects.toThrow(what);
  });
});
