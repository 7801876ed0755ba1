import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KeeperReading } from "../../../agent/ports/clock-keepers.ts";
import type { RunProgram } from "../../../agent/ports/update.ts";
import { kernelClock } from "../../../drivers/can/kernel-clock.ts";
import { clockKeepers } from "../../../drivers/os/clock-keepers.ts";
import { runProgram } from "../../../drivers/os/run-program.ts";
import { type Child, startChild } from "../../bench/core/child.ts";
import { freePorts } from "../../bench/core/ports.ts";
import { until } from "../../bench/core/wait.ts";

/** Unpacked by scripts/setup, since an installed one would take the clock of this machine over. */
const CHRONY = join(import.meta.dirname, "../../../.cache/chrony/usr");
const hasChrony = existsSync(join(CHRONY, "sbin/chronyd"));
/** One sample of a receiver each 20 ms for `refclock SOCK` (chrony.conf(5)): the clock is 0.5 ms behind it. */
const RECEIVER = `
import socket, struct, sys, time
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
while True:
    second, part = divmod(time.time(), 1)
    try: out.sendto(struct.pack("qqdiiii", int(second), int(part * 1e6), 0.0005, 0, 0, 0, 0x534f434b), sys.argv[1])
    except OSError: pass
    time.sleep(0.02)
`;
const OPEN_MS = 60_000;

describe.skipIf(!hasChrony)(`chronyd${hasChrony ? "" : " (not unpacked: scripts/setup integration)"}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-chrony-"));
  const children: Child[] = [];
  let port = 0;
  let errorUsBefore: number | undefined;

  beforeAll(async () => {
    errorUsBefore = kernelClock().errorUs();
    port = await freePorts(4);
    chmodSync(folder, 0o700);
    mkdirSync(join(folder, "chrony"));
    await chronyd("server", port, ["local stratum 5", "allow 127.0.0.1", `port ${port + 1}`, "bindaddress 127.0.0.1"]);
  });
  afterAll(async () => {
    for (const child of children) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts one that leaves the clock alone (-x), to be asked at UDP port `commands`. */
  async function chronyd(name: string, commands: number, lines: readonly string[]): Promise<Child> {
    const own = [
      `cmdport ${commands}`,
      "bindcmdaddress 127.0.0.1",
      "bindcmdaddress /",
      `pidfile ${folder}/${name}.pid`,
    ];
    const file = join(folder, `${name}.conf`);
    writeFileSync(file, `${[...own, ...lines].join("\n")}\n`);
    const user = process.getuid?.() === 0 ? ["-u", "root"] : ["-U"];
    const args = ["-x", "-d", ...user, "-f", file];
    const child = await startChild({
      command: join(CHRONY, "sbin/chronyd"),
      args,
      logFile: join(folder, `${name}.log`),
    });
    children.push(child);
    return child;
  }

  /** What is said of the one that is asked at `commands`. */
  async function readingAt(commands: number): Promise<KeeperReading | undefined> {
    const run: RunProgram = (program, args, timeoutMs, signal) =>
      runProgram(join(CHRONY, "bin", program), ["-h", "127.0.0.1", "-p", String(commands), ...args], timeoutMs, signal);
    const [reading] = await clockKeepers({ keepers: ["chrony"], driftPpm: 50, runFolder: folder, run }).ask(
      AbortSignal.timeout(10_000),
    );
    return reading;
  }

  const reached = (state: KeeperReading["state"], commands: number) =>
    until(
      async () => {
        const reading = await readingAt(commands);
        return reading?.state === state ? reading : undefined;
      },
      { what: `chronyd is ${state}`, timeoutMs: OPEN_MS, everyMs: 100 },
    );

  it("has no time of its own, and one from a server, with the error that chronyc shows to people", async () => {
    expect(await reached("searching", port)).toMatchObject({ reference: "unknown", errorMs: undefined });
    const settings = [`server 127.0.0.1 port ${port + 1} minpoll -4 maxpoll -4 iburst`, "port 0"];
    const client = await chronyd("client", port + 2, settings);
    const reading = await reached("synchronised", port + 2);
    expect(reading).toMatchObject({ reference: "server", detail: "server 127.0.0.1, stratum 6" });
    const end = await runProgram(
      join(CHRONY, "bin/chronyc"),
      ["-h", "127.0.0.1", "-p", String(port + 2), "tracking"],
      5000,
      AbortSignal.timeout(10_000),
    );
    const shown = end.kind === "exited" ? end.stdout : "";
    const [offset, delay, dispersion] = ["System time", "Root delay", "Root dispersion"].map((name) =>
      Number(new RegExp(`^${name} +: ([\\d.]+) seconds`, "m").exec(shown)?.[1]),
    );
    const expectedMs = (offset + dispersion + delay / 2) * 1000;
    // Both are measured anew sixteen times a second: on loopback some µs, and never a whole ms apart.
    expect(Math.abs((reading.errorMs ?? Number.NaN) - expectedMs)).toBeLessThan(1);
    await client.stop();
    expect(await readingAt(port + 2)).toMatchObject({ state: "silent", detail: "chronyc: chronyd does not answer" });
  });

  it("knows a receiver, and how far the clock is from it", async () => {
    const socket = join(folder, "gps.sock");
    await chronyd("receiver", port + 3, [
      `refclock SOCK ${socket} refid GPS poll -3 dpoll -5 filter 4 precision 1e-4`,
      "port 0",
    ]);
    await reached("searching", port + 3);
    const feed = { command: "python3", args: ["-c", RECEIVER, socket], logFile: join(folder, "feed.log") };
    children.push(await startChild(feed));
    const reading = await reached("synchronised", port + 3);
    expect(reading).toMatchObject({ reference: "gps", detail: "reference clock GPS" });
    // 0.5 ms and a precision of 0.1 ms.
    expect(reading.errorMs).toBeGreaterThan(0.4);
    expect(reading.errorMs).toBeLessThan(5);
  });

  it("was asked without the clock of this machine being touched", () => {
    const errorUs = kernelClock().errorUs();
    if (errorUsBefore === 16_000_000) expect(errorUs).toBe(16_000_000);
    else expect(errorUs === undefined).toBe(errorUsBefore === undefined);
  });
});
