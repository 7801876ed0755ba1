import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { tunnelLines } from "../../../../agent/cli/status-lines/tunnels.ts";
import { noTunnelHandlers, tunnelHandlers } from "../../../../agent/local-api/tunnels-handlers.ts";
import type { TunnelsStatus } from "../../../../agent/local-api/tunnels-status.ts";
import { servedOn } from "../../../../agent/local-api/verb.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { serveView } from "../../../fakes/daemon/view-socket.ts";

const NONE: TunnelsStatus = {
  open: [],
  opened: 0,
  refused: 0,
  untold: 0,
  connections: 4,
  connects: 2,
  bytesIn: 1500,
  bytesOut: 2000,
};
const OPEN: TunnelsStatus = {
  open: [
    {
      id: 3,
      services: ["SSH", "V\u001bNC"],
      state: "open",
      openedMs: 65_000,
      leftMs: 3_500_000,
      connections: 1,
      opened: 4,
      connects: 2,
      bytesIn: 1500,
      bytesOut: 2_000_000,
    },
  ],
  opened: 3,
  refused: 1,
  untold: 0,
  connections: 4,
  connects: 2,
  bytesIn: 1500,
  bytesOut: 2000,
};

async function daemon(status: TunnelsStatus, needsConsent = true) {
  const asked: unknown[] = [];
  const log = new MemoryLog();
  const tunnels = {
    close: (id: number | undefined) => {
      asked.push(["close", id]);
      return id === undefined ? status.open.length : status.open.filter((one) => one.id === id).length;
    },
    allow: (forMs: number) => void asked.push(["allow", forMs]),
  };
  const handlers = tunnelHandlers({ tunnels, needsConsent, status: () => status, log });
  const view = await serveView(servedOn("admin", handlers), "view");
  const admin = await serveView(servedOn("admin", handlers), "admin");
  const run =
    (config: string) =>
    (verb: string, ...args: readonly string[]) =>
      runCli(["--config", config, ...args, "tunnel", ...verb.split(" ")]);
  return { view: run(view), admin: run(admin), asked, log };
}

describe("causeway tunnel", () => {
  it("lists what is open, and nothing that could steer a terminal", async () => {
    const { view } = await daemon(OPEN);
    const { stdout, exitCode } = await view("list");
    expect(exitCode).toBe(0);
    expect(stdout.split("\n")[1]?.split(/ {2,}/)).toEqual([
      "3",
      "SSH,V?NC",
      "open",
      "1 min 5 s",
      "58 min 20 s",
      "1",
      "1.5 kB",
      "2.0 MB",
    ]);
    expect(JSON.parse((await view("list", "--json")).stdout)).toMatchObject({ schemaVersion: 1, id: 3, connects: 2 });
    expect(await (await daemon(NONE)).view("list")).toMatchObject({ exitCode: 2, stderr: "no tunnel is open\n" });
  });

  it("ends one, or all", async () => {
    const { admin, asked, log } = await daemon(OPEN);
    expect((await admin("close")).stdout).toBe("1 tunnel ended\n");
    expect(await admin("close 4")).toMatchObject({ exitCode: 2, stderr: "no such tunnel is open\n" });
    expect(asked).toEqual([
      ["close", undefined],
      ["close", 4],
    ]);
    expect(log.entries.map(({ event }) => event)).toEqual(["admin.tunnel-closed", "admin.tunnel-closed"]);
    await expect(admin("close one")).rejects.toThrow("whole number");
  });

  it("gives the consent of a person, and takes it back", async () => {
    const { admin, asked } = await daemon(NONE);
    expect((await admin("allow")).stdout).toBe("tunnels may be opened for 30 min\n");
    expect((await admin("allow --minutes 0")).stdout).toBe("tunnels are not allowed any more\n");
    expect(asked).toEqual([
      ["allow", 1_800_000],
      ["allow", 0],
    ]);
    const unneeded = await daemon(NONE, false);
    expect((await unneeded.admin("allow")).stderr).toBe("the configuration asks for no consent (tunnels.consent)\n");
  });

  it("says where the configuration has none", async () => {
    const config = await serveView(servedOn("admin", noTunnelHandlers()), "admin");
    const ask = (...verb: readonly string[]) => runCli(["--config", config, "tunnel", ...verb]);
    const close = await ask("close");
    expect(close).toMatchObject({ exitCode: 2, stderr: "no such tunnel is open\n" });
    expect((await ask("allow")).stderr).toBe("the configuration asks for no consent (tunnels.consent)\n");
    const view = await serveView(servedOn("view", noTunnelHandlers()), "view");
    expect(await runCli(["--config", view, "tunnel", "list"])).toMatchObject({
      exitCode: 2,
      stderr: "the configuration has no tunnels (tunnels.services)\n",
    });
  });

  it("tells why one has no WebSocket", () => {
    const colors = pico.createColors(false);
    const open = OPEN.open.map((one) => ({ ...one, state: "connecting" as const, problem: "no\u001b route" }));
    expect(tunnelLines({ tunnels: { ...OPEN, open } }, colors)).toEqual([
      "tunnel     connecting (no? route) for SSH,V?NC, 1 connection, 1.5 kB in, 2.0 MB out, 58 min 20 s left",
    ]);
  });

  it("is a line of the status while one is open", () => {
    const colors = pico.createColors(false);
    expect(tunnelLines({ tunnels: OPEN }, colors)).toEqual([
      "tunnel     open for SSH,V?NC, 1 connection, 1.5 kB in, 2.0 MB out, 58 min 20 s left",
    ]);
    expect(tunnelLines({ tunnels: NONE }, colors)).toEqual([]);
    expect(tunnelLines({}, colors)).toEqual([]);
  });
});
