import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { takeDelayLock } from "../../../../drivers/dbus/delay-lock.ts";
import { Logind } from "../../../../drivers/dbus/logind.ts";
import { SystemBus } from "../../../../drivers/dbus/system-bus.ts";
import { systemClock } from "../../../../drivers/os/time-source.ts";
import { RecordingPowerSink } from "../../../contract/power-manager.suite.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { type LogindStub, startLogind } from "../../../fakes/ports/logind.ts";

const LOCK = "sleep:shutdown causeway delay";
const PATIENT = { timeout: 10_000 };
const never = new AbortController().signal;

let folder: string;
let stub: LogindStub;
let bus: SystemBus;
let manager: Logind;
let log: MemoryLog;
let sink: RecordingPowerSink;

beforeEach(async () => {
  folder = temporaryFolder();
  stub = await startLogind(join(folder, "d"), 5000);
  log = new MemoryLog();
  sink = new RecordingPowerSink();
  const clock = systemClock();
  bus = new SystemBus({ address: stub.address, clock, log, random: () => 0 });
  manager = new Logind({ bus, runtimeDir: folder, address: stub.address, clock, log });
});
afterEach(async () => {
  await manager.stop();
  await bus.close();
  await stub.stop();
});

/** Processes of ours that run this program. */
function childrenOf(name: string): readonly number[] {
  const { stdout } = spawnSync("pgrep", ["--parent", `${process.pid}`, "--exact", name], { encoding: "utf8" });
  return stdout.split("\n").filter(Boolean).map(Number);
}

/** What causeway-sleep-lock@.service does: says that it has the lock, and lets it go with the connection. */
async function lockHelper(answer: string): Promise<{ readonly server: Server; readonly held: Set<Socket> }> {
  const held = new Set<Socket>();
  const server = createServer((socket) => {
    held.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => held.delete(socket));
    socket.write(answer);
    if (answer === "") socket.end();
  });
  await new Promise<void>((resolve) => void server.listen(join(folder, "sleep-lock.sock"), resolve));
  return { server, held };
}

describe("systemd-logind", () => {
  it("leaves a fifth of what logind grants, two seconds at most", async () => {
    expect(manager.delayMs()).toBe(4000);
    await manager.start(sink);
    expect(manager.delayMs()).toBe(4000);
  });

  it("takes the lock again when whoever held it is gone, and says so", async () => {
    await manager.start(sink);
    const [child] = childrenOf("systemd-inhibit");
    expect(await stub.locks()).toEqual([LOCK]);
    process.kill(child, "SIGKILL");
    await expect.poll(() => log.of("power.lock-missing").length, PATIENT).toBe(1);
    await expect.poll(() => manager.fault(), PATIENT).toBeUndefined();
    await expect.poll(() => stub.locks(), PATIENT).toEqual([LOCK]);
    expect(log.of("power.lock-taken")).toHaveLength(1);
  });

  it("hears of a suspend that was over while logind was away", async () => {
    await manager.start(sink);
    await stub.prepare("suspend", true);
    await expect.poll(() => sink.told).toEqual(["suspend"]);
    await stub.restart();
    await expect.poll(() => sink.told, PATIENT).toEqual(["suspend", "wake"]);
  });

  it("hears of a shutdown that had begun before it was started", async () => {
    await stub.prepare("shutdown", true);
    await manager.start(sink);
    expect(sink.told).toEqual(["shutdown"]);
  });

  it("starts without logind, says what is missing, and has the lock when there is one", async () => {
    await stub.stopService();
    await expect(manager.start(sink)).rejects.toMatchObject({ code: "power.unavailable" });
    await stub.restart();
    await expect.poll(() => manager.fault(), PATIENT).toBeUndefined();
    expect(await stub.locks()).toEqual([LOCK]);
  });

  it("has the lock by the socket of the package where there is one", async () => {
    const { server, held } = await lockHelper("held\n");
    await manager.start(sink);
    expect(held.size).toBe(1);
    expect(await stub.locks()).toEqual([]);
    await stub.prepare("suspend", true);
    await expect.poll(() => sink.told).toEqual(["suspend"]);
    manager.release();
    await expect.poll(() => held.size).toBe(0);
    await stub.prepare("suspend", false);
    await expect.poll(() => held.size).toBe(1);
    await manager.stop();
    await expect.poll(() => held.size).toBe(0);
    server.close();
  });

  it("starts within seconds where nobody answers, says so, and has the lock when it is given", async () => {
    const { server, held } = await lockHelper("he");
    const clock = new ManualClock();
    const slow = new Logind({ bus, runtimeDir: folder, address: stub.address, clock, log });
    const starting = slow.start(sink).catch((thrown: unknown) => thrown);
    await expect.poll(() => held.size, PATIENT).toBe(1);
    clock.advance(5000);
    expect(await starting).toMatchObject({ code: "power.unavailable" });
    expect(slow.fault()).toMatchObject({ code: "power.unavailable" });
    const [socket] = held;
    socket.write("ld\n");
    await expect.poll(() => slow.fault(), PATIENT).toBeUndefined();
    await slow.stop();
    server.close();
  });

  it("asks for suspend by the socket of the package where there is one", async () => {
    let asked = 0;
    const server = createServer(() => void (asked += 1));
    await new Promise<void>((resolve) => void server.listen(join(folder, "suspend.sock"), resolve));
    await manager.suspend();
    await expect.poll(() => asked).toBe(1);
    server.close();
    rmSync(join(folder, "suspend.sock"), { force: true });
    await manager.suspend();
    expect(await stub.suspends()).toBe(1);
  });
});

describe("a delay lock", () => {
  const socket = (): string => join(folder, "sleep-lock.sock");

  it("says that nobody gives it, or that it is denied", async () => {
    const { server } = await lockHelper("");
    await expect(takeDelayLock({ socket: socket(), address: undefined }, never)).rejects.toMatchObject({
      code: "power.unavailable",
    });
    server.close();
    rmSync(socket(), { force: true });
    await stub.stopService();
    await expect(takeDelayLock({ socket: socket(), address: stub.address }, never)).rejects.toMatchObject({
      code: "power.unavailable",
    });
    await stub.deny();
    await expect(takeDelayLock({ socket: socket(), address: stub.address }, never)).rejects.toMatchObject({
      code: "power.denied",
    });
  });

  it("does not outlive a process that is killed", async () => {
    const source = `import { takeDelayLock } from ${JSON.stringify(join(import.meta.dirname, "../../../../drivers/dbus/delay-lock.ts"))};
await takeDelayLock(${JSON.stringify({ socket: socket(), address: stub.address })}, new AbortController().signal);
process.kill(process.pid, "SIGKILL");`;
    const { signal } = spawnSync(process.execPath, ["--input-type=module", "-e", source], { stdio: "pipe" });
    expect(signal).toBe("SIGKILL");
    await expect.poll(() => stub.locks()).toEqual([]);
  });
});
