import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../../../agent/core/errors.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { encoderOf, idOf, logOf } from "../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";
import { FIRED } from "../../../fakes/telemetry/trigger.ts";

const T0 = 1_767_225_600_000_000;

const table = tableOf([
  { name: "Engine", signals: [{ name: "Speed", factor: 0.5, offset: -10, unit: "rpm" }] },
  {
    name: "Odo",
    bus: "can1",
    signals: [
      { name: "Total", bits: 64 },
      { name: "Ratio", kind: "float", bits: 32 },
    ],
  },
]);
const encoder = encoderOf(table, { compression: "zstd" });

function samplesPayload(): Uint8Array {
  const [draft] = encoder.samples(
    logOf(table, [
      { signal: 0, timeUs: T0 + 5, raw: 21 },
      { signal: 1, timeUs: T0 + 6, raw: 2n ** 64n - 1n },
      { signal: 2, timeUs: T0 + 6, raw: Number.NaN },
      { signal: 2, timeUs: T0 + 7, raw: Number.NEGATIVE_INFINITY },
    ]),
    [],
  );
  return draft.seal(idOf(7));
}

const tablePayload = (): Uint8Array => encoder.table()[0].seal(idOf(1, "event"));
const lossPayload = (): Uint8Array => {
  const loss = { epoch: 1, stream: "telemetry", first: 1, last: 2, reason: "evicted", detail: "full" } as const;
  return encoder.loss(loss).seal(idOf(2, "event"));
};

type Outcome = { readonly lines: unknown[]; readonly stderr: string; readonly code: number };

async function* piecesOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

async function decode(args: readonly string[], stdin: readonly Uint8Array[] = []): Promise<Outcome> {
  const run = await runCli(["records", "decode", ...args], { stdin: piecesOf(stdin) });
  const lines = run.stdout.split("\n").slice(0, -1);
  return { lines: lines.map((line): unknown => JSON.parse(line)), stderr: run.stderr, code: run.exitCode };
}

async function files(contents: Readonly<Record<string, Uint8Array>>): Promise<Record<string, string>> {
  const folder = temporaryFolder();
  const paths: Record<string, string> = {};
  for (const [name, content] of Object.entries(contents)) {
    paths[name] = join(folder, name);
    await mkdir(dirname(paths[name]), { recursive: true });
    await writeFile(paths[name], content);
  }
  return paths;
}

const id = { schemaVersion: 1, thing: "truck-1", epoch: 0xa1b2_c3d4_e5f6, stream: "telemetry", seq: 7 };
const speed = { index: 0, bus: "can0", message: "Engine", name: "Speed", unit: "rpm" };
const total = { index: 1, bus: "can1", message: "Odo", name: "Total", unit: "" };
const ratio = { index: 2, bus: "can1", message: "Odo", name: "Ratio", unit: "" };
const expected = [
  { ...id, timeUs: T0 + 5, signal: speed, raw: 21, physical: 0.5 },
  {
    ...id,
    timeUs: T0 + 6,
    signal: total,
    raw: { int: "18446744073709551615" },
    physical: { int: "18446744073709551615" },
  },
  { ...id, timeUs: T0 + 6, signal: ratio, raw: "NaN", physical: "NaN" },
  { ...id, timeUs: T0 + 7, signal: ratio, raw: "-inf", physical: "-inf" },
];

describe("causeway records decode", () => {
  it("prints one sample a line, with names from a table that comes after it", async () => {
    const paths = await files({ a: samplesPayload(), b: tablePayload() });
    expect(await decode([paths.a, paths.b])).toEqual({ lines: expected, stderr: "", code: EXIT.ok });
  });

  it("takes the table from --table, and the payload from stdin in pieces", async () => {
    const paths = await files({ table: tablePayload() });
    const payload = samplesPayload();
    const pieces = [payload.subarray(0, 10), payload.subarray(10)];
    expect(await decode(["--table", paths.table], pieces)).toEqual({ lines: expected, stderr: "", code: EXIT.ok });
  });

  it("shows index and raw value without a table, and says what is missing", async () => {
    const { lines, stderr, code } = await decode([], [samplesPayload()]);
    expect(lines[0]).toEqual({ ...id, timeUs: T0 + 5, signal: { index: 0 }, raw: 21 });
    expect(lines).toHaveLength(4);
    expect(stderr).toMatch(/signal table 0123456789abcdef is missing .* --table/);
    expect(code).toBe(EXIT.ok);
  });

  it("bears the line feed that mosquitto_sub puts behind a payload", async () => {
    const plain = encoderOf(table)
      .samples(logOf(table, [{ signal: 0, timeUs: T0, raw: 1 }]), [])[0]
      .seal(idOf(7));
    for (const payload of [samplesPayload(), plain]) {
      const { lines, code } = await decode([], [Uint8Array.of(...payload, 0x0a)]);
      expect(lines[0]).toMatchObject(id);
      expect(code).toBe(EXIT.ok);
    }
  });

  it("prints one record a line with --records", async () => {
    const paths = await files({ loss: lossPayload(), table: tablePayload(), samples: samplesPayload() });
    const { lines, code } = await decode(["--records", paths.loss, paths.table, paths.samples]);
    expect(lines).toMatchObject([
      { schemaVersion: 1, seq: 2, body: { kind: "loss", first: 1, last: 2, reason: "evicted" } },
      { schemaVersion: 1, seq: 1, body: { kind: "table", id: table.id, total: 3 } },
      { ...id, anchor: { quality: "ntp" }, body: { kind: "samples", columns: [{ signal: 0, raws: [21] }, {}, {}] } },
    ]);
    expect(code).toBe(EXIT.ok);
  });

  it.each(["rows", "json"] as const)("prints samples that came as %s, one a line, without a table", async (form) => {
    const campaign = { id: "slow", version: 2, digest: "0123456789abcdef" };
    const lane = encoder.lane({ schema: table, campaign, stream: "event", form });
    const log = logOf(table, [
      { signal: 0, timeUs: T0 + 5, raw: 21 },
      { signal: 1, timeUs: T0 + 6, raw: 2n ** 64n - 1n },
      { signal: 2, timeUs: T0 + 6, raw: Number.NaN },
    ]);
    const payload = lane.encode(log, [], 3)[0].seal(idOf(7, "event"));
    const of = { ...id, stream: "event", campaign: "slow", trigger: 3 };
    const { index: _, ...named } = speed;
    const physical = { int: "18446744073709551615" };
    expect(await decode([], [payload])).toEqual({
      lines: [
        { ...of, timeUs: T0 + 5, signal: named, physical: 0.5 },
        { ...of, timeUs: T0 + 6, signal: { bus: "can1", message: "Odo", name: "Total", unit: "" }, physical },
        { ...of, timeUs: T0 + 6, signal: { bus: "can1", message: "Odo", name: "Ratio", unit: "" }, physical: "NaN" },
      ],
      stderr: "",
      code: EXIT.ok,
    });
  });

  it("shows a trigger with --records, and counts it among those without samples", async () => {
    const payload = encoder.trigger(FIRED, "json").seal(idOf(8, "event"));
    const { lines } = await decode(["--records"], [payload]);
    expect(lines).toMatchObject([
      { seq: 8, body: { kind: "trigger", number: 12, capture: { historyMs: 9871 }, counts: { framesLost: 3 } } },
    ]);
    expect((await decode([], [payload])).stderr).toMatch(/1 record holds no samples/);
  });

  it("counts the records that hold no samples", async () => {
    const { lines, stderr } = await decode([], [lossPayload()]);
    expect(lines).toEqual([]);
    expect(stderr).toMatch(/1 record holds no samples/);
  });

  it("names a bad file, goes on with the next and ends with 65", async () => {
    const broken = samplesPayload();
    broken[40] ^= 0xff;
    const paths = await files({ broken: broken.slice(0, 50), empty: new Uint8Array(0), good: samplesPayload() });
    const missing = `${paths.good}-not`;
    const { lines, stderr, code } = await decode([paths.broken, paths.empty, missing, paths.good]);
    expect(lines).toHaveLength(4);
    expect(stderr).toContain(`causeway: ${paths.broken}: the zstd payload of 50 bytes cannot be unpacked`);
    expect(stderr).toContain(`causeway: ${paths.empty}: the payload is protobuf, but not a record`);
    expect(stderr).toContain(`causeway: ${missing}: no such file`);
    expect(stderr.match(/remedy: /g)).toHaveLength(3);
    expect(code).toBe(EXIT.badInput);
  });

  it("refuses a --table file that holds something else, and two forms at once", async () => {
    const paths = await files({ samples: samplesPayload() });
    await expect(decode(["--table", paths.samples, paths.samples])).rejects.toMatchObject({
      code: "input.malformed",
      message: `${paths.samples}: holds samples, not a signal table`,
    });
    await expect(decode(["--samples", "--records", paths.samples])).rejects.toMatchObject({ code: "usage.invalid" });
  });
});
