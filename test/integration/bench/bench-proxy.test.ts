import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { until } from "../../bench/core/wait.ts";

describe("the bench's TCP proxy", () => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  let proxy = new TcpProxy({ host: "127.0.0.1", port: 0 });
  let port = 0;

  beforeEach(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("no address");
    proxy = new TcpProxy({ host: "127.0.0.1", port: address.port });
    port = await proxy.start();
  });

  afterEach(async () => {
    await proxy.stop();
    server.close();
  });

  async function client(): Promise<{ socket: Socket; received: () => string; closed: () => boolean }> {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    let isClosed = false;
    socket.on("data", (part: Buffer) => (text += part.toString()));
    socket.on("close", () => (isClosed = true));
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return { socket, received: () => text, closed: () => isClosed };
  }

  const soon = { what: "the echo", timeoutMs: 20_000, everyMs: 5 };

  it("passes bytes both ways, and keeps their order when the delay changes", async () => {
    const { socket, received } = await client();
    proxy.latency(80);
    socket.write("slow ");
    await until(() => (received() === "" ? true : undefined), soon);
    proxy.latency(0);
    socket.write("fast");
    expect(await until(() => (received().length === 9 ? received() : undefined), soon)).toBe("slow fast");
    socket.destroy();
  });

  it("resets connections and refuses new ones while cut, then serves again on the same port", async () => {
    const { closed } = await client();
    await proxy.cut();
    await until(() => (closed() ? true : undefined), soon);
    await expect(client()).rejects.toThrow(/ECONNREFUSED/);
    await proxy.restore();
    const again = await client();
    again.socket.write("back");
    expect(await until(() => (received4(again.received()) ? again.received() : undefined), soon)).toBe("back");
    again.socket.destroy();
  });

  it("holds bytes back in a black hole and lets them through afterwards", async () => {
    const before = await client();
    before.socket.write("a");
    await until(() => (before.received() === "a" ? true : undefined), soon);
    proxy.blackhole();
    before.socket.write("b");
    const during = await client();
    during.socket.write("cccc");
    await until(() => (proxy.accepted === 2 ? true : undefined), soon);
    expect(before.received()).toBe("a");
    expect(during.received()).toBe("");
    await proxy.restore();
    await until(() => (before.received() === "ab" && received4(during.received()) ? true : undefined), soon);
    for (const { socket } of [before, during]) socket.destroy();
  });
});

function received4(text: string): boolean {
  return text.length === 4;
}
