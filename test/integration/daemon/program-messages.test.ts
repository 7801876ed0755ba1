import { execFile, spawnSync } from "node:child_process";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { composePrograms } from "../../../agent/daemon/compose-programs.ts";
import { MetricBook } from "../../../agent/daemon/metric-book.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { programsConfig } from "../../../config/programs.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { until } from "../../bench/core/wait.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { encoderOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../../..");
const PROTO = join(ROOT, "config/proto");
const hasProtoc = spawnSync("protoc", ["--version"]).status === 0;

/** What protoc makes of a message in its text form, or of its bytes. */
function protoc(direction: "--encode" | "--decode", message: string, input: string | Uint8Array): Buffer {
  const args = ["-I", PROTO, `${direction}=causeway.program.v1.${message}`, join(PROTO, "program.proto")];
  const { status, stdout, stderr } = spawnSync("protoc", args, { input });
  if (status !== 0) throw new Error(stderr.toString());
  return stdout;
}

/** Messages of up to 127 bytes, each with its length before it. */
function delimited(...texts: readonly string[]): Buffer {
  const messages = texts.map((text) => protoc("--encode", "FromProgram", text));
  return Buffer.concat([Uint8Array.of(0), ...messages.map((one) => Buffer.concat([Uint8Array.of(one.length), one]))]);
}

async function rig() {
  const [runtimeDir, clock, log] = [temporaryFolder(), new ManualClock(), new MemoryLog()];
  const { outbox } = openOutbox({ file: join(runtimeDir, "outbox.db"), maxBytes: 1_000_000, clock, log });
  onTestFinished(() => outbox.close());
  const appender = new Appender({ outbox, clock, log, holdBytes: 100_000, wake: () => undefined });
  const clients = [{ name: "door-watch", streams: ["event", "telemetry"], answers: ["lock"] }];
  const shared = { encoder: encoderOf(tableOf([])), appender };
  const line = composePrograms(
    { settings: programsConfig.parse({ clients, maxLineBytes: 1024 }), runtimeDir, line: { outbox }, shared },
    {
      version: "1",
      bootId: "b",
      startedAtMs: 0,
      environment: {},
      random: () => 0.5,
      metrics: new MetricBook(),
      clock,
      log,
    },
  );
  onTestFinished(() => line.service.stop());
  await line.service.start();
  const reader = createRecordReader(readDescriptor());
  const stored = (stream: "event" | "telemetry") =>
    outbox.read(stream, 0, outbox.lastRow(), 100, 1e9).map(({ payload }) => reader.decode(payload).body);
  return { line, path: join(runtimeDir, "publish.sock"), stored };
}

/** A connection; gives the answers, of up to 16383 bytes each, as protoc reads them. */
async function dial(path: string) {
  const socket = connect(path);
  onTestFinished(() => void socket.destroy());
  let bytes = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
  });
  const answers = (): readonly string[] => {
    const texts: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const [low = 0, high = 0] = bytes.subarray(at);
      const start = at + (low < 128 ? 1 : 2);
      const end = start + (low < 128 ? low : low - 128 + high * 128);
      if (end > bytes.length) break;
      texts.push(protoc("--decode", "ToProgram", bytes.subarray(start, end)).toString());
      at = end;
    }
    return texts.map((text) => text.replaceAll(/\s+/g, " ").trim());
  };
  const nth = (number: number) =>
    until(() => answers()[number], { what: `answer ${number}`, timeoutMs: 5000, everyMs: 100 });
  return { socket, answers, nth };
}

describe.skipIf(!hasProtoc)(`messages of programs${hasProtoc ? "" : " (protoc is not installed)"}`, () => {
  it("are those of config/proto/program.proto both ways, as protoc writes and reads them", async () => {
    const { line, path, stored } = await rig();
    const { socket, answers, nth } = await dial(path);
    socket.write(
      delimited(
        'name { program: "door-watch" answers: "lock" }',
        'values { stream: STREAM_EVENT values { name: "door.open" flag: false time_us: 1790000000000250 } }',
        'bytes { content_type: "image/png" content: "\\000\\377" }',
        "",
      ),
    );
    await nth(3);
    const replies = answers();
    expect(replies.slice(0, 3)).toEqual([
      'named { program: "door-watch" answers: "lock" }',
      expect.stringMatching(/^stored \{ epoch: \d+ stream: STREAM_EVENT seq: 1 \}$/),
      expect.stringMatching(/^stored \{ epoch: \d+ seq: 1 \}$/),
    ]);
    expect(replies[3]).toMatch(/^error \{ code: "input.malformed" .*remedy: "send a FromProgram of program.proto, /);
    expect(stored("event")).toMatchObject([
      { program: "door-watch", values: [{ name: "door.open", value: false, unit: "", timeUs: 1_790_000_000_000_250 }] },
    ]);
    expect(stored("telemetry")).toMatchObject([{ contentType: "image/png", content: Uint8Array.of(0, 255) }]);

    const given = { program: "door-watch", name: "lock", arguments: { doors: 2 }, deadlineMs: 1000, ledgerId: "c-1" };
    const asked = line.commands.ask({ ...given, problemWith: () => undefined }, new AbortController().signal);
    const command = await nth(4);
    const [, id = ""] =
      /^command \{ id: "([\w-]+)" name: "lock" arguments \{ name: "doors" number: 2 \} deadline_ms: 1000 ledger_id: "c-1" \}$/.exec(
        command,
      ) ?? [];
    socket.write(
      delimited(`answer { id: "${id}" status: STATUS_SUCCEEDED results { name: "locked" flag: true } }`).subarray(1),
    );
    expect(await asked).toEqual({
      kind: "answered",
      answer: { status: "succeeded", reason: "", results: { locked: true } },
    });
    socket.write(Uint8Array.of(0x81, 0x08));
    expect(await nth(6)).toContain('code: "program.too-long"');
  });

  it("are sent by the example in C, which no library helps", async () => {
    const { path, stored } = await rig();
    const program = join(temporaryFolder(), "publish");
    await run("gcc", ["-Wall", "-Wextra", "-Werror", "-o", program, join(ROOT, "docs/examples/publish-protobuf.c")]);
    await run(program, ["load", "0.25", path]);
    await expect(run(program, ["no name", "1", path])).rejects.toThrow("not stored");
    expect(stored("telemetry")).toMatchObject([{ program: "door-watch", values: [{ name: "load", value: 0.25 }] }]);
  });
});
