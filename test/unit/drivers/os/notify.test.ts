import { join } from "node:path";
import { createSocket } from "unix-dgram";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Notifier } from "../../../../agent/ports/notifier.ts";
import { createNotifier } from "../../../../drivers/os/notify.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

function receiver(): { readonly path: string; readonly messages: readonly string[] } {
  const path = join(temporaryFolder(), "notify");
  const messages: string[] = [];
  const socket = createSocket("unix_dgram", (message) => void messages.push(message.toString()));
  socket.bind(path);
  onTestFinished(() => socket.close());
  return { path, messages };
}

function tellAll(notifier: Notifier): void {
  notifier.ready();
  notifier.status("online\nREADY=0");
  notifier.watchdog();
  notifier.stopping();
}

describe("createNotifier", () => {
  it("sends each state as one datagram, and never a line of its text as a state", async () => {
    const { path, messages } = receiver();
    const log = new MemoryLog();
    tellAll(createNotifier({ environment: { NOTIFY_SOCKET: path }, log }));
    await expect.poll(() => messages.length).toBe(4);
    expect(messages).toEqual(["READY=1", "STATUS=online READY=0", "WATCHDOG=1", "STOPPING=1"]);
    expect(log.entries).toEqual([]);
  });

  it("does nothing outside systemd", () => {
    const log = new MemoryLog();
    const notifier = createNotifier({ environment: { WATCHDOG_USEC: "1000000" }, log });
    tellAll(notifier);
    expect(notifier.watchdogIntervalMs).toBeUndefined();
    expect(notifier.isHeard).toBe(false);
    expect(createNotifier({ environment: { NOTIFY_SOCKET: "/run/systemd/notify" }, log }).isHeard).toBe(true);
    expect(log.entries).toEqual([]);
  });

  it("says once that nobody listens", () => {
    const log = new MemoryLog();
    tellAll(createNotifier({ environment: { NOTIFY_SOCKET: join(temporaryFolder(), "notify") }, log }));
    expect(log.entries.map(({ event }) => event)).toEqual(["notify.failed"]);
  });

  it("says that it cannot reach an abstract address", () => {
    const log = new MemoryLog();
    tellAll(createNotifier({ environment: { NOTIFY_SOCKET: "@/org/freedesktop/systemd1/notify" }, log }));
    expect(log.entries.map(({ event }) => event)).toEqual(["notify.address-refused"]);
  });

  it("halves the watchdog's limit, for the process that is watched", () => {
    const log = new MemoryLog();
    const environment = { NOTIFY_SOCKET: "/run/systemd/notify", WATCHDOG_USEC: "30000000" };
    expect(createNotifier({ environment, log }).watchdogIntervalMs).toBe(15_000);
    const watched = { ...environment, WATCHDOG_PID: "77" };
    expect(createNotifier({ environment: watched, log, pid: 77 }).watchdogIntervalMs).toBe(15_000);
    expect(createNotifier({ environment: watched, log, pid: 78 }).watchdogIntervalMs).toBeUndefined();
    expect(
      createNotifier({ environment: { ...environment, WATCHDOG_USEC: "x" }, log }).watchdogIntervalMs,
    ).toBeUndefined();
  });
});
