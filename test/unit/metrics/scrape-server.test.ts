import { once } from "node:events";
import { existsSync, linkSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type ScrapePlace, ScrapeServer } from "../../../agent/metrics/scrape-server.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

type Answer = { readonly status: number | undefined; readonly type: string | undefined; readonly text: string };
type Asked = { readonly path?: string; readonly method?: string; readonly headers?: Record<string, string> };

async function serve(place: ScrapePlace, text = async (format: string): Promise<string> => `in ${format}\n`) {
  const server = new ScrapeServer({ place, maxClients: 2, text });
  const port = await server.start();
  onTestFinished(() => server.stop());
  return { server, port };
}

function ask(place: ScrapePlace, { path = "/metrics", method = "GET", headers = {} }: Asked = {}): Promise<Answer> {
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

describe("ScrapeServer", () => {
  it("answers on a port of 127.0.0.1 in the format that is asked for", async () => {
    const { port, server } = await serve({ port: 0 });
    expect(await ask({ port })).toEqual({
      status: 200,
      type: "text/plain; version=0.0.4; charset=utf-8",
      text: "in prometheus\n",
    });
    const headers = { accept: "application/openmetrics-text; version=1.0.0" };
    expect(await ask({ port }, { headers })).toEqual({
      status: 200,
      type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
      text: "in openmetrics\n",
    });
    expect(server.counters()).toEqual({ answered: 2, refused: 0, failed: 0 });
  });

  it("answers on a socket that its group may write to, and replaces one that a dead process left", async () => {
    const socketFile = join(temporaryFolder(), "metrics.sock");
    const first = await serve({ socketFile });
    expect(statSync(socketFile).mode & 0o777).toBe(0o660);
    expect((await ask({ socketFile })).text).toBe("in prometheus\n");
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

  it("does not replace a file that is no socket", async () => {
    const socketFile = join(temporaryFolder(), "metrics.sock");
    writeFileSync(socketFile, "kept");
    await expect(serve({ socketFile })).rejects.toMatchObject({ code: "config.invalid" });
    expect(statSync(socketFile).size).toBe(4);
  });

  it("refuses other names of this machine, methods and paths, and counts it", async () => {
    const { port, server } = await serve({ port: 0 });
    expect((await ask({ port }, { headers: { host: "evil.example.com" } })).status).toBe(403);
    expect((await ask({ port }, { headers: { host: `localhost:${port}` } })).status).toBe(200);
    expect((await ask({ port }, { method: "POST" })).status).toBe(405);
    expect((await ask({ port }, { path: "/" })).status).toBe(404);
    expect(server.counters()).toEqual({ answered: 1, refused: 3, failed: 0 });
  });

  it("ends a request with too long headers, and goes on", async () => {
    const { port, server } = await serve({ port: 0 });
    await expect(ask({ port }, { headers: { accept: "x".repeat(20_000) } })).rejects.toThrow(
      /hang up|ECONNRESET|EPIPE/,
    );
    expect((await ask({ port })).status).toBe(200);
    expect(server.counters()).toEqual({ answered: 1, refused: 1, failed: 0 });
  });

  it("closes clients beyond its bound while others are idle", async () => {
    const { port, server } = await serve({ port: 0 });
    const idle = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
    await Promise.all(idle.map((socket) => once(socket, "connect")));
    const third = connect(port, "127.0.0.1");
    await once(third, "close");
    for (const socket of idle) socket.destroy();
    expect(server.counters().refused).toBe(1);
  });

  it("says no more than that the metrics cannot be read", async () => {
    const { port, server } = await serve({ port: 0 }, async () => {
      throw new Error("secret");
    });
    expect(await ask({ port })).toEqual({ status: 500, type: "text/plain", text: "the metrics cannot be read\n" });
    expect(server.counters().failed).toBe(1);
  });
});
