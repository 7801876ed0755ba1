import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { until } from "../../bench/core/wait.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { frameOf } from "../../contract/can-bus.suite.ts";

const CASES = fileURLToPath(new URL("../../fixtures/cases/", import.meta.url));
const MAIN = fileURLToPath(new URL("../../../agent/main.ts", import.meta.url));

type Ended = { readonly code: number | undefined; readonly stdout: string; readonly stderr: string };
type Verb = { readonly ended: Promise<Ended>; readonly stdout: () => string; interrupt(): void };

let hub: Hub;
let folder: string;
let address: string;

beforeEach(async () => {
  hub = await startHub({ buses: ["can0", "can1"] });
  folder = mkdtempSync(join(tmpdir(), "causeway-can-"));
  address = `socketcand://127.0.0.1:${hub.port}/can0`;
});
afterEach(async () => {
  await hub.stop();
  rmSync(folder, { recursive: true });
});

/** The real program in its own process. */
function causeway(...args: readonly string[]): Verb {
  return causewayReading("", ...args);
}

function causewayReading(stdin: string, ...args: readonly string[]): Verb {
  const child = spawn(process.execPath, [MAIN, "--config", join(folder, "none.yaml"), ...args], { cwd: folder });
  child.stdin.end(stdin);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code) => resolve({ code: code ?? undefined, stdout, stderr }));
  });
  return { ended, stdout: () => stdout, interrupt: () => void child.kill("SIGINT") };
}

async function oneClient(): Promise<void> {
  await until(() => hub.clients() === 1 || undefined, { what: "the verb is on the bus", timeoutMs: 15_000 });
}

const { extended, fd, bitRateSwitch } = FRAME_FLAG;

describe("causeway can dump", () => {
  it("prints frames as candump does live and ends well on Ctrl-C", async () => {
    const verb = causeway("can", "dump", address);
    await oneClient();
    hub.inject("can0", frameOf(0x1f0, [0x80, 0x4a]));
    hub.inject("can0", frameOf(0x18fe_f100, [], extended));
    await until(() => verb.stdout().includes("18FEF100") || undefined, { what: "output", timeoutMs: 20_000 });
    verb.interrupt();
    // candump (can-utils 2020.11) prints these two lines for the same frames.
    expect(await verb.ended).toMatchObject({
      code: 0,
      stdout: "  can0  1F0   [2]  80 4A\n  can0  18FEF100   [0] \n",
      stderr: "2 frames shown\n",
    });
  });

  it("prints the log format, and ends after as many frames as asked for", async () => {
    const verb = causeway("can", "dump", "-L", "--count", "2", address);
    await oneClient();
    for (let id = 1; id <= 5; id += 1) hub.inject("can0", frameOf(id, [id], fd | bitRateSwitch));
    const { code, stdout } = await verb.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\(\d{10}\.\d{6}\) can0 001##501\n\(\d{10}\.\d{6}\) can0 002##502\n$/);
  });

  it("takes several buses, each with candump's filters, and the time of each frame", async () => {
    const other = `socketcand://127.0.0.1:${hub.port}/can1`;
    const verb = causeway("can", "dump", "-tz", "--count", "2", `${address},123:7FF`, `${other},500~7FF`);
    await until(() => hub.clients() === 2 || undefined, { what: "both buses are open", timeoutMs: 15_000 });
    for (const id of [0x500, 0x123]) for (const bus of ["can0", "can1"]) hub.inject(bus, frameOf(id, [1]));
    const { code, stdout } = await verb.ended;
    expect(code).toBe(0);
    expect(stdout.split("\n").slice(0, 2).sort()).toEqual([
      expect.stringMatching(/^ \(000\.\d{6}\)  can0  123   \[1\]  01$/),
      expect.stringMatching(/^ \(000\.\d{6}\)  can1  123   \[1\]  01$/),
    ]);
  });

  it.each([
    ["can0,12X:7FF", 64, "12X:7FF is no filter"],
    ["any", 69, "this host has no CAN interface"],
  ])("says what is wrong with %s", async (bus, code, reason) => {
    const ended = await causeway("can", "dump", bus).ended;
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(reason);
  });

  it("prints one JSON object a line, and ends after its time", async () => {
    const verb = causeway("can", "dump", "--json", "--seconds", "1", address);
    await oneClient();
    hub.inject("can0", frameOf(0x123, [0xde, 0xad]));
    const { code, stdout } = await verb.ended;
    expect(code).toBe(0);
    const line: unknown = JSON.parse(stdout);
    expect(line).toMatchObject({ schemaVersion: 1, bus: "can0", id: 0x123, ext: false, length: 2, data: "dead" });
  });

  it.each([
    ["socketcand://127.0.0.1:1/can0", 69, "ECONNREFUSED"],
    ["nosuchbus", 69, "there is no interface nosuchbus"],
    ["lo", 69, "lo is not a CAN interface"],
    ["http://127.0.0.1/can0", 64, "is no address of a bus"],
  ])("ends with the reason and a remedy for %s", async (bus, code, reason) => {
    const ended = await causeway("can", "dump", bus).ended;
    expect(ended).toMatchObject({ code, stdout: "" });
    expect(ended.stderr).toContain(reason);
    expect(ended.stderr).toContain("remedy: ");
  });
});

describe("causeway can record", () => {
  it("writes a BLF log where the name says so, which is read back frame by frame", async () => {
    const [file, back] = ["drive.blf", "back.log"].map((name) => join(folder, name));
    const recording = causeway("can", "record", "--count", "2", "-o", file, address);
    await oneClient();
    hub.inject("can0", frameOf(0x100, [1]));
    hub.inject("can0", frameOf(0x1abc_def0, new Uint8Array(64), extended | fd));
    expect(await recording.ended).toMatchObject({ code: 0, stderr: `2 frames recorded in ${file}\n` });
    expect(await causeway("can", "convert", file, back).ended).toMatchObject({ code: 0 });
    const frames = readFileSync(back, "utf8").trimEnd().split("\n");
    expect(frames.map((line) => line.split(" ").slice(1).join(" "))).toEqual([
      "can0 100#01",
      `can0 1ABCDEF0##4${"00".repeat(64)}`,
    ]);
  });

  it("writes a log that can replay sends again, frame by frame", async () => {
    const file = join(folder, "drive.log");
    const recording = causeway("can", "record", "--count", "3", "-o", file, address);
    await oneClient();
    const frames = [
      frameOf(0x100, [1]),
      frameOf(0x1abc_def0, [2, 3], extended),
      frameOf(0x101, new Uint8Array(64), fd),
    ];
    for (const frame of frames) hub.inject("can0", frame);
    expect(await recording.ended).toMatchObject({ code: 0, stdout: "", stderr: `3 frames recorded in ${file}\n` });
    expect(readFileSync(file, "utf8").split("\n")).toHaveLength(4);

    const listening = causeway("can", "dump", "-L", "--count", "3", address);
    await oneClient();
    expect(await causeway("can", "replay", file, address, "--speed", "0").ended).toMatchObject({
      code: 0,
      stderr: "3 frames sent, 0 lines malformed\n",
    });
    const withoutTime = (text: string): string => text.replace(/^\([\d.]+\) /gm, "");
    expect(withoutTime((await listening.ended).stdout)).toBe(withoutTime(readFileSync(file, "utf8")));
  });

  it("does not write over a file that is there", async () => {
    const file = join(folder, "drive.log");
    writeFileSync(file, "precious");
    expect(await causeway("can", "record", "-o", file, address).ended).toMatchObject({ code: 64 });
    expect(readFileSync(file, "utf8")).toBe("precious");
  });
});

describe("causeway can send", () => {
  it("sends frames in cansend's notation, in order", async () => {
    const listening = causeway("can", "dump", "--count", "3", address);
    await oneClient();
    expect(await causeway("can", "send", address, "123#DEADBEEF", "18FEF100#11.22", "7FF#").ended).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "",
    });
    const { stdout } = await listening.ended;
    expect(stdout).toBe("  can0  123   [4]  DE AD BE EF\n  can0  18FEF100   [2]  11 22\n  can0  7FF   [0] \n");
  });

  it.each([
    ["12#00", 65, "an id has 3 hexadecimal digits"],
    ["123#0", 65, "two hexadecimal digits"],
    ["123#R", 69, "no remote frames"],
  ])("refuses %s", async (frame, code, reason) => {
    const ended = await causeway("can", "send", address, frame).ended;
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(reason);
  });
});

describe("causeway can replay", () => {
  it("passes over malformed lines, says where they are and ends with 65", async () => {
    const file = join(folder, "broken.log");
    writeFileSync(file, "(1.000000) can0 123#01\nrubbish\n(1.010000) can0 124#02\n");
    const ended = await causeway("can", "replay", file, address).ended;
    expect(ended.code).toBe(65);
    expect(ended.stderr).toContain(`${file}:2:8 `);
    expect(ended.stderr).toContain("2 frames sent, 1 line malformed");
    expect(hub.counters().sent).toBe(2);
  });

  it.each([
    // candump's log of an error frame, an FD frame of 9 bytes, a remote frame (socketcand has none), a clock set back.
    ["f07_replay_error_frame.log", { sent: 2, errorFrames: 1 }],
    ["f08_replay_fd_9_bytes.log", { sent: 3, padded: 1 }],
    ["f09_replay_remote_socketcand.log", { sent: 2, remoteFrames: 1 }],
    ["f10_replay_time_back.log", { sent: 4, stepsBack: 1 }],
    ["f21_padded_time.log", { sent: 2 }],
    ["f22_bom.log", { sent: 2 }],
  ])("sends what can be sent of %s, and counts the rest", async (name, wanted) => {
    const none = { malformedLines: 0, errorFrames: 0, remoteFrames: 0, padded: 0, stepsBack: 0, gapsSkipped: 0 };
    const ended = await causeway("can", "replay", "--json", "--speed", "100", join(CASES, name), address).ended;
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toEqual({ schemaVersion: 1, bus: "can0", ...none, ...wanted });
    expect(hub.counters().sent).toBe(wanted.sent);
  });

  it("goes on at once where the log's clock jumps, when asked to", async () => {
    const file = join(CASES, "f11_replay_time_jump.log");
    const ended = await causeway("can", "replay", "--skip-gaps", "10", file, address).ended;
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stderr).toBe(
      `${file}:3 a gap of 1735270487 s is skipped\n4 frames sent, 0 lines malformed, 1 gaps skipped\n`,
    );
  });

  it("refuses a log of two interfaces before it sends a frame, and takes the one that is chosen", async () => {
    const file = join(CASES, "f30_two_interfaces.log");
    const refused = await causeway("can", "replay", file, address).ended;
    expect(refused).toMatchObject({ code: 64 });
    expect(refused.stderr).toContain("vcan0, vcan1");
    expect(refused.stderr).toContain("--from vcan0");
    expect(hub.counters().sent).toBe(0);
    const chosen = await causeway("can", "replay", "--from", "vcan1", file, address).ended;
    expect(chosen).toMatchObject({ code: 0, stderr: "1 frame sent, 0 lines malformed\n" });
    const wrong = await causeway("can", "replay", "--from", "vcan7", file, address).ended;
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("has no frame of vcan7, only of vcan0, vcan1");
  });

  it("sends those frames alone that candump's filters let through, and says when there is none", async () => {
    const file = join(folder, "drive.log");
    writeFileSync(file, "(1.000000) can0 123#01\n(1.000000) can0 124#02\n(1.010000) can0 18FEF100#03\n");
    const ended = await causeway("can", "replay", "--filter", "123:7FF,18FEF100:DFFFFFFF", file, address).ended;
    expect(ended).toMatchObject({ code: 0, stderr: "2 frames sent, 0 lines malformed\n" });
    const none = await causeway("can", "replay", "--filter", "7DF:7FF", file, address).ended;
    expect(none).toMatchObject({ code: 2 });
    expect(none.stderr).toContain("no frame of");
    expect(hub.counters().sent).toBe(2);
  });

  it("reads standard input, where a second interface ends it", async () => {
    const log = readFileSync(join(CASES, "f30_two_interfaces.log"), "utf8");
    const ended = await causewayReading(log, "can", "replay", "-", address).ended;
    expect(ended).toMatchObject({ code: 64 });
    expect(hub.counters().sent).toBe(1);
    const one = await causewayReading(log, "can", "replay", "--from", "vcan1", "-", address).ended;
    expect(one).toMatchObject({ code: 0, stderr: "1 frame sent, 0 lines malformed\n" });
    expect(await causeway("can", "replay", "--loop", "-", address).ended).toMatchObject({ code: 64 });
  });

  it("plays a log of Vector's, channel 1 as can0", async () => {
    const file = join(folder, "drive.asc");
    writeFileSync(
      file,
      "date Fri Nov 27 10:20:30 am 2026\nbase hex  timestamps absolute\n0.0 1 123 Rx d 2 01 02\n0.01 2 124 Rx d 0\n",
    );
    const ended = await causeway("can", "replay", "--from", "can0", file, address).ended;
    expect(ended).toMatchObject({ code: 0, stderr: "1 frame sent, 0 lines malformed\n" });
  });

  it("names a file that is no log of frames", async () => {
    const file = join(folder, "drive.mf4");
    writeFileSync(file, "MDF     4.10    ");
    const ended = await causeway("can", "replay", file, address).ended;
    expect(ended.code).toBe(65);
    expect(ended.stderr).toContain("is an ASAM MDF file, which is no log of frames that is read here");
  });

  it("names a log that is not there", async () => {
    const ended = await causeway("can", "replay", join(folder, "none.log"), address).ended;
    expect(ended).toMatchObject({ code: 65 });
    expect(ended.stderr).toContain("none.log: no such file");
  });
});

describe("causeway bus list", () => {
  it("lists the buses of the configuration with their drivers", async () => {
    const config = join(folder, "agent.yaml");
    writeFileSync(
      config,
      `thingName: t
bench: true
buses:
  - { name: powertrain, driver: socketcand, host: 127.0.0.1, port: ${hub.port}, interface: can0 }
  - { name: body, driver: native, interface: nocan7 }
broker: { host: localhost, caFile: ca.pem }
identity: { mode: file, certificateFile: c.pem, keyFile: k.pem }
`,
    );
    const ended = await causeway("bus", "list", "--json", "--config", config).ended;
    expect(ended.code).toBe(0);
    const list: unknown = JSON.parse(ended.stdout);
    expect(list).toMatchObject({
      schemaVersion: 1,
      buses: [
        { name: "powertrain", driver: "socketcand", where: `127.0.0.1:${hub.port}/can0` },
        { name: "body", driver: "native", where: "nocan7", state: "absent" },
      ],
    });
    const dump = causeway("--config", config, "can", "dump", "--count", "1", "powertrain");
    await oneClient();
    hub.inject("can0", frameOf(0x123, [1]));
    expect(await dump.ended).toMatchObject({ code: 0, stdout: "  powertrain  123   [1]  01\n" });
  });
});
