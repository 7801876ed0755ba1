import { once } from "node:events";
import { existsSync, linkSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import type { LocalHttpPlace } from "../../../../../agent/ports/local-http.ts";
import { LocalHttpServer } from "../../../../../drivers/os/local-socket/http-server.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";

type Answer = { readonly status: number | undefined; readonly type: string | undefined; readonly text: string };
type Asked = { readonly path?: string; readonly method?: string; readonly headers?: Record<string, string> };

/** Answers with what it was asked, and `fill` bytes. */
async function serve(place: LocalHttpPlace, { fill = 0, patienceMs = 5000 } = {}) {
  let refused = 0;
  const server = new LocalHttpServer({
    place,
    maxClients: 2,
    patienceMs,
    answer: async ({ method, path, host, accept }) => {
      const status = path === "/metrics" ? 200 : 404;
      return { status, contentType: "text/plain", body: `${method} ${path} ${host} ${accept}${"x".repeat(fill)}` };
    },
    onRefused: () => {
      refused += 1;
    },
  });
  const port = await server.start();
  onTestFinished(() => server.stop());
  return { server, port, refused: () => refused };
}

function ask(place: LocalHttpPlace, { path = "/metrics", method = "GET", headers = {} }: Asked = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const target = "port" in place ? { host: "127.0.0.1", port: place.port } : { socketPath: place.socketFile };
  const sent = request({ ...target, path, method, headers, agent: false }, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      text += part;
    });
    response.on("end", () => resolve({ status: response.statusCode, type: response.headers["content-type"], text }));
  });
  sent.on("error", reject);
  sent.end();
  return promise;
}

describe("LocalHttpServer", () => {
  it("answers on a port of 127.0.0.1, with the header fields that were sent", async () => {
    const { port, refused } = await serve({ port: 0 });
    const headers = { host: "evil.example.com", accept: "text/plain" };
    const text = "GET /metrics evil.example.com text/plain";
    expect(await ask({ port }, { path: "/metrics?x=1", headers })).toEqual({ status: 200, type: "text/plain", text });
    expect((await ask({ port }, { method: "HEAD" })).text).toBe("");
    expect((await ask({ port }, { path: "/" })).status).toBe(404);
    expect(refused()).toBe(0);
  });

  it("answers on a socket that its group may write to, and replaces one that a dead process left", async () => {
    const socketFile = join(temporaryFolder(), "metrics.sock");
    const first = await serve({ socketFile });
    expect(statSync(socketFile).mode & 0o777).toBe(0o660);
    expect((await ask({ socketFile })).status).toBe(200);
    await expect(serve({ socketFile })).rejects.toMatchObject({ code: "config.invalid" });
    await first.server.stop();
    // A process that was killed leaves its socket behind.
    const dead = createServer().listen(socketFile);
    await once(dead, "listening");
    const left = `${socketFile}.left`;
    linkSync(socketFile, left);
    dead.close();
    await once(dead, "close");
    expect(existsSync(left)).toBe(true);
    await serve({ socketFile: left });
    expect((await ask({ socketFile: left })).status).toBe(200);
  });

  it("does not replace a file that is no socket, and says why a place cannot be had", async () => {
    const socketFile = join(temporaryFolder(), "metrics.sock");
    writeFileSync(socketFile, "kept");
    await expect(serve({ socketFile })).rejects.toMatchObject({ code: "config.invalid" });
    expect(statSync(socketFile).size).toBe(4);
    const below = join(socketFile, "metrics.sock");
    await expect(serve({ socketFile: below })).rejects.toMatchObject({ code: "config.invalid" });
  });

  it.each(["port", "socket"])("can be started again after a %s that another program had", async (kind) => {
    const other = createServer();
    const socketFile = join(temporaryFolder(), "metrics.sock");
    other.listen(kind === "port" ? { port: 0, host: "127.0.0.1" } : { path: socketFile });
    await once(other, "listening");
    const { port } = z.object({ port: z.number() }).catch({ port: 0 }).parse(other.address());
    const place = kind === "port" ? { port } : { socketFile };
    const answer = async () => ({ status: 200, contentType: "text/plain", body: "here\n" });
    const server = new LocalHttpServer({ place, maxClients: 2, patienceMs: 5000, answer, onRefused: () => undefined });
    onTestFinished(() => server.stop());
    await expect(server.start()).rejects.toMatchObject({ code: "config.invalid" });
    other.close();
    await once(other, "close");
    await server.start();
    expect((await ask(place)).text).toBe("here\n");
  });

  it("ends a request with too long headers, and goes on", async () => {
    const { port, refused } = await serve({ port: 0 });
    await expect(ask({ port }, { headers: { accept: "x".repeat(20_000) } })).rejects.toThrow(
      /hang up|ECONNRESET|EPIPE/,
    );
    expect((await ask({ port })).status).toBe(200);
    expect(refused()).toBe(1);
  });

  it("closes clients beyond its bound while others are idle", async () => {
    const { port, refused } = await serve({ port: 0 });
    const idle = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
    await Promise.all(idle.map((socket) => once(socket, "connect")));
    const third = connect(port, "127.0.0.1");
    await once(third, "close");
    for (const socket of idle) socket.destroy();
    expect(refused()).toBe(1);
  });

  it("ends clients that ask and read nothing, so that others are answered", async () => {
    const { port } = await serve({ port: 0 }, { fill: 1_000_000, patienceMs: 400 });
    const deaf = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
    for (const socket of deaf) {
      socket.on("error", () => undefined);
      socket.pause();
      socket.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(10));
    }
    await Promise.all(deaf.map((socket) => once(socket, "connect")));
    let turnedAway = 0;
    const answered = async (): Promise<Answer> =>
      ask({ port }).catch(() => {
        turnedAway += 1;
        return answered();
      });
    expect((await answered()).status).toBe(200);
    expect(turnedAway).toBeGreaterThan(0);
    for (const socket of deaf) socket.destroy();
  });
});
