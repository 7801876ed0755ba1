import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RecordBody } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { freePorts } from "../../bench/core/ports.ts";
import { until } from "../../bench/core/wait.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { daemonHome, runProgram, startDaemon } from "../../fakes/daemon/daemon.ts";

const [PROGRAM, MAIN] = ["scripts/causeway", "agent/main.ts"].map((path) =>
  join(import.meta.dirname, "../../..", path),
);
const PATIENCE = { timeoutMs: 15_000 };

describe("a mistake in the configuration ends the daemon with 78 and names its place", () => {
  it("for an unknown key", async () => {
    const { config } = await daemonHome((settings) => Object.assign(settings, { outbox: { maxByte: 5_000_000 } }));
    const { code, stderr } = await runProgram(["run", "--config", config]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/agent\.yaml:\d+:3 outbox\.maxByte: unknown key; did you mean maxBytes\?\n {2}remedy: /);
  });

  it("for a value of the wrong type", async () => {
    const { config } = await daemonHome((settings) => Object.assign(settings, { collect: { batchMs: "soon" } }));
    const { code, stderr } = await runProgram(["run", "--config", config]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/agent\.yaml:\d+:\d+ collect\.batchMs: .*expected number/);
  });

  it("for a DBC file that is not there", async () => {
    const home = await daemonHome();
    rmSync(home.dbc);
    const { code, stderr } = await runProgram(["run", "--config", home.config]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/agent\.yaml:\d+:\d+ dbc file cannot be read: .*car\.dbc/);
  });

  it("for a DBC line that is broken where the file is strict, with the place in it", async () => {
    const home = await daemonHome((settings) => Object.assign(settings, { dbc: [{ file: "car.dbc", strict: true }] }));
    appendFileSync(home.dbc, 'BO_ 257 Brake: 8 Vector__XXX\n SG_ Pressure : 0|x@1+ (1,0) [0|0] "" Vector__XXX\n');
    const { code, stderr } = await runProgram(["run", "--config", home.config]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/car\.dbc:7:\d+ /);
  });

  it("for a DBC file of a bus that is not configured", async () => {
    const { config } = await daemonHome((settings) =>
      Object.assign(settings, { dbc: [{ file: "car.dbc", buses: ["can9"] }] }),
    );
    const { code, stderr } = await runProgram(["config", "validate", "--config", config]);
    expect(code).toBe(78);
    expect(stderr).toContain("unknown bus can9; configured: can0");
  });

  it("for root certificates that are not there", async () => {
    const home = await daemonHome();
    rmSync(join(home.folder, "ca.pem"));
    const { code, stderr } = await runProgram(["run", "--config", home.config]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/agent\.yaml:\d+:\d+ broker\.caFile cannot be read/);
  });

  it("and leaves no state behind", async () => {
    const home = await daemonHome();
    rmSync(home.dbc);
    await runProgram(["run", "--config", home.config]);
    expect(existsSync(join(home.folder, "state"))).toBe(false);
  });
});

describe("a configuration that is damaged while the agent runs", () => {
  it("does not make the next start mute, and is told in status, records and log until it is mended", async () => {
    const home = await daemonHome();
    const kept = join(home.folder, "state", "last-good", "current");
    const first = await startDaemon(home);
    await until(async () => (existsSync(kept) ? true : undefined), { what: "the configuration is kept", ...PATIENCE });
    expect((await first.status()).configuration).toMatchObject({ source: "files", problems: [] });
    await first.child.stop(10_000);

    const whole = readFileSync(home.config);
    writeFileSync(home.config, whole.subarray(0, whole.length >> 1));
    expect((await runProgram(["run", "--strict", "--config", home.config])).code).toBe(78);
    const second = await startDaemon(home, { STATE_DIRECTORY: join(home.folder, "state") });
    const { configuration, signalTable, outbox } = await second.status();
    expect(configuration.source).toBe("last-good");
    expect(configuration.problems.map(({ what }) => what).join()).toMatch(/agent\.yaml:\d+/);
    expect(signalTable.signals).toBe(2);
    expect(outbox.streams.event.records).toBeGreaterThan(0);
    const logged = second.lines.filter((line) => line.includes('"config.unusable"'));
    expect(logged).toHaveLength(1);
    const { code, stdout, stderr } = await runProgram(["status", "--json", "--config", home.config], {
      STATE_DIRECTORY: join(home.folder, "state"),
    });
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ configuration: { source: "last-good" } });
    expect(stderr).toContain("the configuration cannot be used, and the one of");
    const page = await runProgram(["status", "--config", home.config], { STATE_DIRECTORY: join(home.folder, "state") });
    expect(page.stdout).toMatch(/^config {5}last known good$/m);
    await second.child.stop(10_000);
    expect(stored(join(home.folder, "state"), "notice")).toMatchObject([{ event: "config.unusable" }]);

    writeFileSync(home.config, whole);
    const third = await startDaemon(home);
    expect((await third.status()).configuration.source).toBe("files");
  });
});

describe("an agent that tells security events", () => {
  it("says after a kill that it did not end in order, and which file changed since; after a stop it says neither", async () => {
    const home = await daemonHome((settings) => Object.assign(settings, { security: {} }));
    const first = await startDaemon(home);
    first.child.signal("SIGKILL");
    await first.child.ended;
    appendFileSync(home.dbc, "\n");
    const second = await startDaemon(home);
    await until(async () => ((await second.status()).security?.told === 2 ? true : undefined), {
      what: "two events are told",
      ...PATIENCE,
    });
    await second.child.stop(10_000);
    const third = await startDaemon(home);
    await until(async () => ((await third.status()).dataPath.flushes > 0 ? true : undefined), {
      what: "it runs",
      ...PATIENCE,
    });
    expect((await third.status()).security).toEqual({ occurrences: [], told: 0, untold: 0 });
    await third.child.stop(10_000);
    const detail = `changed since the last start: ${home.dbc}`;
    expect(stored(join(home.folder, "state"), "security-event")).toMatchObject([
      { event: "unexpected-restart", count: 1 },
      { event: "config-changed", detail },
    ]);
  });
});

/** The records of one kind that are stored in this state directory. */
function stored(stateDir: string, kind: RecordBody["kind"]): readonly RecordBody[] {
  const { outbox } = openOutbox({
    file: join(stateDir, "outbox.db"),
    maxBytes: 5_000_000,
    clock: new ManualClock(),
    log: new MemoryLog(),
  });
  const reader = createRecordReader(readDescriptor());
  const rows = outbox.read("event", 0, outbox.lastRow(), 1000, 10_000_000);
  outbox.close();
  return rows.map(({ payload }) => reader.decode(payload).body).filter((body) => body.kind === kind);
}

describe("the command line", () => {
  it("ends with 64 for a verb or an option that it does not know", async () => {
    expect((await runProgram(["statsu"])).code).toBe(64);
    expect((await runProgram(["version", "--wat"])).code).toBe(64);
  });

  it("ends with 0 for --help and lists every verb group", async () => {
    const { code, stdout } = await runProgram(["--help"]);
    expect(code).toBe(0);
    for (const verb of [
      "run",
      "status",
      "connect",
      "config",
      "bus",
      "can",
      "dbc",
      "signals",
      "buffer",
      "commands",
      "audit",
      "records",
      "version",
    ]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${verb}\\b`, "m"));
    }
  });

  it("gives an error as one JSON object with --json", async () => {
    const { code, stderr } = await runProgram(["config", "show", "--json", "--config", "/nowhere/agent.yaml"]);
    expect(code).toBe(78);
    expect(JSON.parse(stderr)).toMatchObject({ schemaVersion: 1, error: { code: "config.missing" } });
  });

  it("ends with 3 when the daemon is asked for and does not run", async () => {
    const { config } = await daemonHome();
    const { code, stderr } = await runProgram(["status", "--config", config]);
    expect(code).toBe(3);
    expect(stderr).toContain("remedy:");
  });

  it("goes on after a malformed candump line, names it and ends with 65", async () => {
    const { dbc, folder } = await daemonHome();
    const log = join(folder, "bad.log");
    writeFileSync(
      log,
      "(1700000000.000000) can0 100#0A00010000000000\n(17) can0 nonsense\n(1700000001.000000) can0 100#1400020000000000\n",
    );
    const { code, stdout, stderr } = await runProgram(["signals", "decode", "--json", "--dbc", dbc, log]);
    expect(code).toBe(65);
    expect(stdout.split("\n").map((line): unknown => JSON.parse(line))).toMatchObject([
      { phys: { Speed: 1, Counter: 1 } },
      { phys: { Speed: 2, Counter: 2 } },
    ]);
    expect(stderr).toMatch(/bad\.log:2/);
  });
});

describe("SIGUSR1", () => {
  it.each([
    ["the launcher", [PROGRAM]],
    ["a launcher that gives no options", [process.execPath, MAIN]],
  ])("opens no debugger in a daemon started by %s, and does not end it", async (_, program) => {
    const daemon = await startDaemon(await daemonHome(), {}, program);
    const { pid } = await daemon.status();
    for (let n = 0; n < 3; n++) {
      process.kill(pid, "SIGUSR1");
      expect((await daemon.status()).pid).toBe(pid);
    }
    expect((await daemon.child.stop(10_000)).code).toBe(0);
    expect(readFileSync(daemon.errors, "utf8")).not.toContain("Debugger");
  });
});

describe("the daemon without a broker", () => {
  it("keeps every record, says why it is offline, ends with 0 on SIGTERM, and has the records after the next start", async () => {
    const home = await daemonHome();
    const first = await startDaemon(home);
    const stored = await until(
      async () => {
        const status = await first.status();
        return status.collected.samples === 400 && status.link.fault !== undefined ? status : undefined;
      },
      { what: "all samples are stored and the fault is known", ...PATIENCE },
    );
    expect(stored.link.fault?.code).toBe("broker.unreachable");
    expect(stored.outbox.streams.telemetry.records).toBeGreaterThan(0);
    expect(await first.child.stop(10_000)).toEqual({ code: 0, signal: undefined });

    const second = await startDaemon(home);
    const { outbox } = await second.status();
    expect(outbox.epoch).toBe(stored.outbox.epoch);
    expect(outbox.streams.telemetry.records).toBeGreaterThanOrEqual(stored.outbox.streams.telemetry.records);
  });

  it("gives up a stream when it is told to, asks before that, and says what is left to flush", async () => {
    const home = await daemonHome();
    const daemon = await startDaemon(home);
    const collected = async () => {
      const status = await daemon.status();
      return status.collected.samples === 400 ? status : undefined;
    };
    await until(collected, { what: "all samples are stored", ...PATIENCE });
    const flushed = await runProgram(["buffer", "flush", "--timeout", "2", "--config", home.config]);
    expect(flushed.code).toBe(75);
    expect(flushed.stdout).toMatch(/^\d+ records are still waiting$/);

    const drop = ["buffer", "drop", "telemetry", "--config", home.config];
    const refused = await runProgram([...drop, "--no-input"]);
    expect(refused.code).toBe(64);
    expect(refused.stderr).toContain("give --yes");
    const { streams } = (await daemon.status()).outbox;
    const dropped = await runProgram([...drop, "--yes", "--json"]);
    expect(JSON.parse(dropped.stdout)).toEqual({
      schemaVersion: 1,
      stream: "telemetry",
      dropped: streams.telemetry.records,
      isWhole: true,
    });
    expect((await daemon.status()).outbox.streams.telemetry).toMatchObject({
      records: 0,
      lost: streams.telemetry.records,
    });
    expect((await runProgram([...drop, "--yes"])).code).toBe(2);
  });

  it("refuses a second daemon on the same state, which ends with 69 and says nothing to the broker", async () => {
    let connections = 0;
    const broker = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    const port = await freePorts(1);
    await once(broker.listen(port, "127.0.0.1"), "listening");
    const home = await daemonHome((settings) =>
      Object.assign(settings, { broker: { host: "127.0.0.1", port, caFile: "ca.pem" } }),
    );
    const file = join(home.folder, "state", "outbox.db");
    mkdirSync(dirname(file), { mode: 0o700 });
    const settings = { file, maxBytes: 1_000_000, clock: new ManualClock(), log: new MemoryLog() };
    const { outbox } = openOutbox(settings);
    const { code, stderr } = await runProgram(["run", "--config", home.config]);
    outbox.close();
    broker.close();
    expect([code, connections]).toEqual([69, 0]);
    expect(stderr).toContain("remedy:");
  });

  it("goes on with a bus that cannot be opened, and says which and why", async () => {
    const home = await daemonHome((settings) =>
      Object.assign(settings, {
        buses: [
          { name: "can0", driver: "replay", file: "drive.log" },
          { name: "can1", driver: "socketcand", host: "127.0.0.1", port: 1, interface: "can1" },
        ],
        dbc: [{ file: "car.dbc", buses: ["can0"] }],
      }),
    );
    const daemon = await startDaemon(home);
    const seen = await until(
      async () => {
        const current = await daemon.status();
        return current.buses[0].received === 200 ? current : undefined;
      },
      { what: "the other bus is received", ...PATIENCE },
    );
    expect(seen.buses[1]).toMatchObject({ name: "can1", state: "absent" });
    expect(seen.buses[1].detail).toContain("127.0.0.1:1");
  });

  it("logs the raw frames of a bus to files where the configuration asks for it, shows them, and ends them in order", async () => {
    const home = await daemonHome((settings) =>
      Object.assign(settings, { frameLog: { folder: "frames", format: "blf", keepFreeBytes: 0 } }),
    );
    const daemon = await startDaemon(home);
    const seen = await until(
      async () => {
        const { frameLog } = await daemon.status();
        return frameLog?.written === 200 ? frameLog : undefined;
      },
      { what: "the frames are durable", ...PATIENCE },
    );
    expect(seen).toMatchObject({ state: "writing", session: 1, files: 1, dropped: 0 });
    expect(await daemon.child.stop(10_000)).toEqual({ code: 0, signal: undefined });
    const [listed] = (await runProgram(["can", "logs", "--json", "--config", home.config])).stdout
      .trimEnd()
      .split("\n");
    expect(JSON.parse(listed ?? "")).toMatchObject({ session: 1, split: 1 });
    const file = join(home.folder, "frames", seen.file ?? "");
    const back = join(home.folder, "back.log");
    expect(await runProgram(["can", "convert", file, back])).toMatchObject({ code: 0 });
    const framesOf = (log: string): readonly string[] =>
      readFileSync(log, "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => line.split(" ").slice(1).join(" "));
    expect(framesOf(back)).toEqual(framesOf(join(home.folder, "drive.log")));
  });
});
