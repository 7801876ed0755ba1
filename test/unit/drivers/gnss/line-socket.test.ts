import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { LineLink, LineSink } from "../../../../agent/ports/line-link.ts";
import { lineSocket, type SocketAddress } from "../../../../drivers/gnss/line-socket.ts";
import { systemClock } from "../../../../drivers/os/time-source.ts";
import { until } from "../../../bench/core/wait.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

class Heard implements LineSink {
  readonly said: string[] = [];
  onUp(): void {
    this.said.push("up");
  }
  onLine(line: string): void {
    this.said.push(line);
  }
  onDown(what: string): void {
    this.said.push(`down ${what}`);
  }
}

async function serve(onConnection: (socket: Socket) => void, path?: string): Promise<SocketAddress> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, "127.0.0.1", resolve) : server.listen(path, resolve),
  );
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (path !== undefined) return { path };
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return { host: "127.0.0.1", port: address.port };
}

function open(address: SocketAddress, clock = systemClock()): { readonly link: LineLink; readonly heard: Heard } {
  const link = lineSocket(address, { maxLineBytes: 20, clock, random: () => 0 });
  const heard = new Heard();
  link.start(heard);
  closers.push(() => link.stop());
  return { link, heard };
}

const said = (heard: Heard, text: string, times = 1): Promise<true> =>
  until(() => (heard.said.filter((one) => one === text).length >= times ? true : undefined), {
    what: text,
    timeoutMs: 20_000,
    everyMs: 5,
  });

describe("lineSocket", () => {
  it("gives lines and sends, and connects again when the other side ends or makes no sense", async () => {
    const asked: string[] = [];
    const address = await serve((socket) => {
      socket.write("hello\r\n");
      socket.on("data", (chunk) => {
        asked.push(chunk.toString());
        if (chunk.toString() === "end\n") socket.end();
      });
    });
    const { link, heard } = open(address);
    await said(heard, "hello");
    link.send("end\n");
    await said(heard, "hello", 2);
    expect(heard.said).toEqual(["up", "hello", "down the other side closed the connection", "up", "hello"]);
    link.reset("makes no sense");
    await said(heard, "hello", 3);
    expect(heard.said.slice(5)).toEqual(["down makes no sense", "up", "hello"]);
    expect(asked).toEqual(["end\n"]);
  });

  it("takes a Unix socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "line-socket-"));
    closers.push(() => rm(folder, { recursive: true }));
    const path = join(folder, "gpsd.sock");
    const { heard } = open(await serve((socket) => void socket.write("by path\n"), path));
    await said(heard, "by path");
  });

  it("says that nobody is there, and comes when somebody is", async () => {
    const folder = mkdtempSync(join(tmpdir(), "line-socket-"));
    closers.push(() => rm(folder, { recursive: true }));
    const path = join(folder, "late.sock");
    const { heard } = open({ path });
    await said(heard, "down ENOENT");
    await serve((socket) => void socket.write("late\n"), path);
    await said(heard, "late");
  });

  it("counts lines that are too long", async () => {
    const { link, heard } = open(await serve((socket) => void socket.write(`${"x".repeat(21)}\nfits\n`)));
    await said(heard, "fits");
    expect(link.tooLong()).toBe(1);
  });

  it("stops while it waits to connect again, and after a stop says nothing more", async () => {
    const { link, heard } = open({ path: "/nowhere/at/all" }, new ManualClock());
    await said(heard, "down ENOENT");
    await link.stop();
    await link.stop();
    expect(heard.said).toEqual(["down ENOENT"]);
  });
});
