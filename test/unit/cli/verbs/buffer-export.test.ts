import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import { bufferHandlers } from "../../../../agent/local-api/buffer-handlers.ts";
import { statusVerb } from "../../../../agent/local-api/status-schema.ts";
import { servedOn } from "../../../../agent/local-api/verb.ts";
import type { Outbox } from "../../../../agent/ports/outbox.ts";
import { serveLocalSocket } from "../../../../drivers/os/local-socket/local-server.ts";
import { systemClock } from "../../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../../drivers/sqlite/outbox/outbox.ts";
import { RestCipher } from "../../../../drivers/sqlite/outbox/rest-cipher.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { type CliRun, runCli } from "../../../fakes/daemon/cli-runner.ts";
import { socketBounds } from "../../../fakes/daemon/socket-bounds.ts";
import { statusWith } from "../../../fakes/daemon/status.ts";
import { configFile } from "../../../fakes/daemon/view-socket.ts";
import { encoderOf, logOf } from "../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const T0 = 1_767_225_600_000_000;
const table = tableOf([{ name: "Engine", signals: [{ name: "Speed", factor: 0.5, unit: "rpm" }] }]);
const encoder = encoderOf(table, { compression: "zstd" });

const samples = (raw: number) => encoder.samples(logOf(table, [{ signal: 0, timeUs: T0 + raw, raw }]), []);

/** An outbox with the signal table and three records. */
function outboxIn(folder: string, cipher?: RestCipher): Outbox {
  mkdirSync(folder, { recursive: true });
  const settings = {
    file: join(folder, "outbox.db"),
    maxBytes: 1_000_000,
    clock: new ManualClock(),
    log: new MemoryLog(),
  };
  const { outbox } = openOutbox(settings, undefined, { cipher });
  onTestFinished(() => outbox.close());
  return outbox;
}

function fill(outbox: Outbox): void {
  outbox.append([...encoder.table(), ...samples(11), ...samples(22), ...samples(33)]);
}

/** A configuration whose state is what a process left that was killed. */
function killed(fillIt: (folder: string) => void): { readonly config: string; readonly state: string } {
  const { config } = configFile();
  const state = join(dirname(config), "state");
  const alive = temporaryFolder();
  fillIt(alive);
  mkdirSync(state);
  for (const name of readdirSync(alive)) cpSync(join(alive, name), join(state, name));
  return { config, state };
}

const run = (config: string, ...args: readonly string[]): Promise<CliRun> =>
  runCli(["buffer", "export", ...args, "--config", config], { clock: systemClock() });

function digests(folder: string): readonly string[] {
  return readdirSync(folder)
    .sort()
    .map(
      (name) =>
        `${name} ${createHash("sha256")
          .update(readFileSync(join(folder, name)))
          .digest("hex")}`,
    );
}

function linesOf({ stdout }: CliRun): readonly unknown[] {
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((line): unknown => JSON.parse(line));
}

function seqOf(record: unknown): unknown {
  return typeof record === "object" && record !== null && "seq" in record ? record.seq : undefined;
}

describe("causeway buffer export, without a running agent", () => {
  it("reads what a killed process left in its log, and changes nothing", async () => {
    const { config, state } = killed((folder) => fill(outboxIn(folder)));
    expect(statSync(join(state, "outbox.db-wal")).size).toBeGreaterThan(0);
    const before = digests(state);
    const found = linesOf(await run(config));
    expect(found).toHaveLength(4);
    expect(found[1]).toMatchObject({
      schemaVersion: 1,
      stream: "telemetry",
      seq: 1,
      body: { kind: "samples" },
    });
    expect(digests(state)).toEqual(before);
    expect(outboxIn(state).stats().records).toBe(4);
  });

  it("gives payloads that records decode reads, with the signals by name", async () => {
    const { config } = killed((folder) => fill(outboxIn(folder)));
    const file = join(temporaryFolder(), "payloads.hex");
    writeFileSync(file, "of an earlier time, and for all to read", { mode: 0o644 });
    const { stderr } = await run(config, "--raw", "-o", file);
    expect(stderr).toContain("4 records in");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { stdout } = await runCli(["records", "decode", file]);
    const decoded = linesOf({ stdout, stderr: "", exitCode: 0 });
    expect(decoded).toMatchObject([
      { signal: { name: "Speed" }, physical: 5.5 },
      { signal: { name: "Speed" }, physical: 11 },
      { signal: { name: "Speed" }, physical: 16.5 },
    ]);
  });

  it("takes one stream, and so many", async () => {
    const { config } = killed((folder) => fill(outboxIn(folder)));
    expect(linesOf(await run(config, "--stream", "telemetry", "--limit", "2"))).toHaveLength(2);
    const file = join(temporaryFolder(), "earlier.ndjson");
    writeFileSync(file, "of an earlier time");
    const none = await run(config, "--stream", "capture", "-o", file);
    expect([none.exitCode, none.stderr]).toEqual([2, "nothing is stored\n"]);
    expect(readFileSync(file, "utf8")).toBe("of an earlier time");
  });

  it("does not call whole what an interrupt has ended", async () => {
    const { config } = killed((folder) => fill(outboxIn(folder)));
    const args = ["buffer", "export", "--config", config];
    const ended = await runCli(args, { clock: systemClock(), signal: AbortSignal.abort() });
    expect([ended.exitCode, ended.stderr]).toEqual([130, ""]);
  });

  it("gives what the broker refused for good where that is asked for, and only then", async () => {
    const { config } = killed((folder) => {
      const outbox = outboxIn(folder);
      fill(outbox);
      outbox.lose([2], "rejected", "0x99 payload format invalid");
    });
    expect(linesOf(await run(config)).map(seqOf)).toEqual([1, 2, 3]);
    expect(linesOf(await run(config, "--refused")).map(seqOf)).toEqual([1]);
    const none = await run(config, "--refused", "--stream", "event");
    expect([none.exitCode, none.stderr]).toEqual([2, "no refused record is stored\n"]);
  });

  it("goes on from page to page", async () => {
    const { config } = killed((folder) => {
      const outbox = outboxIn(folder);
      for (let at = 0; at < 200; at++) outbox.append(samples(at));
    });
    const found = linesOf(await run(config));
    expect(found.map(seqOf)).toEqual(Array.from({ length: 200 }, (_, at) => at + 1));
  });

  it("says why what is encrypted cannot be read, and gives the rest", async () => {
    const { config } = killed((folder) => {
      const clear = outboxIn(folder);
      clear.append(samples(11));
      clear.close();
      outboxIn(folder, new RestCipher(Buffer.alloc(32, 7), true)).append([...samples(22), ...samples(33)]);
    });
    const out: string[] = [];
    const surroundings = { clock: systemClock(), onStdout: (text: string) => void out.push(text) };
    const thrown: unknown = await runCli(["buffer", "export", "--config", config], surroundings).catch(
      (error: unknown) => error,
    );
    if (!(thrown instanceof AgentError)) throw new Error("it did not fail");
    expect(thrown.code).toBe("outbox.key-unavailable");
    expect(thrown.message).toContain("2 records in");
    expect(out).toHaveLength(1);
  });

  it("says that there is no file, that it is damaged, and that it is held", async () => {
    const { config } = configFile();
    const state = join(dirname(config), "state");
    await expect(run(config)).rejects.toMatchObject({ code: "input.missing" });
    mkdirSync(state);
    writeFileSync(join(state, "outbox.db"), "no database at all, but long enough to look into".repeat(30));
    await expect(run(config)).rejects.toMatchObject({ code: "outbox.unavailable" });
    const held = killed(() => undefined);
    fill(outboxIn(held.state));
    await expect(run(held.config)).rejects.toMatchObject({ code: "agent.already-running" });
    expect(existsSync(join(held.state, "outbox.db-shm"))).toBe(false);
  });
});

describe("causeway buffer export, of a running agent", () => {
  async function daemon(cipher?: RestCipher): Promise<{ readonly config: string; readonly outbox: Outbox }> {
    const { config, runtimeDir } = configFile();
    const outbox = outboxIn(temporaryFolder(), cipher);
    const log = new MemoryLog();
    const nothing = (): void => undefined;
    const parts = { outbox, clock: new ManualClock(), log, retryNow: nothing, forgetDelivered: nothing };
    const verbs = [statusVerb.answeredBy(() => statusWith()), ...bufferHandlers(parts)];
    for (const name of ["view", "admin"] as const) {
      const place = { path: join(runtimeDir, `${name}.sock`), mode: 0o660 };
      const socket = await serveLocalSocket({ place, handlers: servedOn(name, verbs), log, ...socketBounds() });
      onTestFinished(() => socket.stop());
    }
    return { config, outbox };
  }

  it("gives what it stores, encrypted there or not, and takes nothing away", async () => {
    const { config, outbox } = await daemon(new RestCipher(Buffer.alloc(32, 7), true));
    fill(outbox);
    const found = linesOf(await run(config));
    expect(found).toHaveLength(4);
    expect(found[3]).toMatchObject({ stream: "telemetry", seq: 3, body: { kind: "samples" } });
    expect(outbox.stats().records).toBe(4);
  });

  it("gives more than one page, and no more than asked for", async () => {
    const { config, outbox } = await daemon();
    for (let at = 0; at < 50; at++) outbox.append(samples(at));
    expect(linesOf(await run(config))).toHaveLength(50);
    expect(linesOf(await run(config, "--limit", "17"))).toHaveLength(17);
    outbox.lose([3, 40], "rejected", "0x99 payload format invalid");
    expect(linesOf(await run(config, "--refused")).map(seqOf)).toEqual([3, 40]);
    expect(linesOf(await run(config))).toHaveLength(48);
  });
});
