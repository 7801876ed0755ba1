import { once } from "node:events";
import { existsSync, linkSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { AgentError, type FaultCode } from "../../../../../agent/core/errors.ts";
import type { LocalHandler } from "../../../../../agent/ports/local-socket.ts";
import { requestLocal, streamLocal } from "../../../../../drivers/os/local-socket/local-client.ts";
import { type LocalSocketSettings, serveLocalSocket } from "../../../../../drivers/os/local-socket/local-server.ts";
import { ReplyBacklog } from "../../../../../drivers/os/local-socket/reply-backlog.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";
import { socketBounds } from "../../../../fakes/daemon/socket-bounds.ts";

const log = new MemoryLog();

/** Bounds of the tests here: short lines. */
function small() {
  const made = socketBounds();
  return { ...made, bounds: { ...made.bounds, maxLineBytes: 1000 } };
}

async function serve(
  handlers: Readonly<Record<string, LocalHandler>>,
  change: Partial<LocalSocketSettings> = {},
): Promise<string> {
  const path = join(temporaryFolder(), "run", "view.sock");
  const settings = { place: { path, mode: 0o660 }, handlers, log: new MemoryLog(), ...small(), ...change };
  const socket = await serveLocalSocket(settings);
  onTestFinished(() => socket.stop());
  return path;
}

async function faultOf(promise: Promise<unknown>): Promise<{ code: FaultCode; what: string } | undefined> {
  try {
    await promise;
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return { code: thrown.code, what: thrown.message };
  }
}

async function dial(path: string): Promise<Socket> {
  const socket = connect(path);
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** All text until the server ends the connection. */
async function textOf(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    text += chunk;
  });
  socket.on("error", () => undefined);
  if (!socket.destroyed) await once(socket, "close");
  return text;
}

describe("serveLocalSocket and requestLocal", () => {
  it("answers a request with the handler's value, waited for where it is a promise", async () => {
    const path = await serve({ now: () => ({ n: 1 }), later: async () => [2] });
    expect(await requestLocal(path, { verb: "now" })).toEqual({ n: 1 });
    expect(await requestLocal(path, { verb: "later" })).toEqual([2]);
  });

  it("makes the folder 0750 and the socket with the mode asked for", async () => {
    const path = await serve({});
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o750);
  });

  it("hands every field to the handler and a fault of it to the client", async () => {
    const path = await serve({
      echo: (request) => request,
      fail: () => {
        throw new AgentError("bus.unknown", { what: "no bus can7", remedy: "name one of can0, can1" });
      },
      parse: (request) => z.object({ limit: z.int() }).parse(request),
    });
    expect(await requestLocal(path, { verb: "echo", limit: 3 })).toEqual({ verb: "echo", limit: 3 });
    expect(await faultOf(requestLocal(path, { verb: "fail" }))).toEqual({ code: "bus.unknown", what: "no bus can7" });
    expect((await faultOf(requestLocal(path, { verb: "parse", limit: "x" })))?.code).toBe("usage.invalid");
    expect((await faultOf(requestLocal(path, { verb: "none" })))?.what).toBe("unknown verb none");
    expect((await faultOf(requestLocal(path, { verb: "constructor" })))?.code).toBe("usage.invalid");
  });

  it("survives a bug in a handler and logs it", async () => {
    const bugs = new MemoryLog();
    const path = await serve(
      {
        bug: () => {
          throw new TypeError("broken");
        },
        huge: () => 1n,
      },
      { log: bugs },
    );
    expect(await faultOf(requestLocal(path, { verb: "bug" }))).toEqual({ code: "internal.bug", what: "broken" });
    expect((await faultOf(requestLocal(path, { verb: "huge" })))?.code).toBe("internal.bug");
    expect(bugs.of("socket.handler-failed")).toHaveLength(2);
  });

  it("serves several requests on one connection, in order, and a client that closes its sending side", async () => {
    const path = await serve({ echo: async (request) => ({ n: request.n }) });
    const socket = await dial(path);
    socket.end('{"verb":"echo","n":1}\n\n{"verb":"echo","n":2}\n');
    expect(await textOf(socket)).toBe('{"n":1}\n{"n":2}\n');
  });

  it("gives up waiting when the signal aborts", async () => {
    const path = await serve({ never: () => new Promise(() => undefined) });
    const abort = new AbortController();
    const fault = faultOf(requestLocal(path, { verb: "never" }, abort.signal));
    abort.abort();
    expect(await fault).toEqual({
      code: "agent.not-running",
      what: `the agent does not answer: ${path} gave no answer in time`,
    });
  });

  it("tells when the agent goes away before its answer", async () => {
    const path = join(temporaryFolder(), "view.sock");
    const asked = Promise.withResolvers<void>();
    const handlers = {
      never: () => {
        asked.resolve();
        return new Promise(() => undefined);
      },
    };
    const socket = await serveLocalSocket({ place: { path, mode: 0o660 }, handlers, log, ...small() });
    const fault = faultOf(requestLocal(path, { verb: "never" }));
    await asked.promise;
    await socket.stop();
    await socket.stop();
    expect((await fault)?.code).toBe("agent.not-running");
    expect(existsSync(path)).toBe(false);
  });
});

describe("streamLocal", () => {
  it("gives each value as it comes and ends with the handler", async () => {
    const path = await serve({
      count: async function* () {
        for (let n = 1; n <= 3; n += 1) yield n;
      },
    });
    const seen: unknown[] = [];
    for await (const value of streamLocal(path, { verb: "count" })) seen.push(value);
    expect(seen).toEqual([1, 2, 3]);
  });

  it("ends the handler when the client goes", async () => {
    const ended = Promise.withResolvers<string>();
    const path = await serve({
      forever: async function* (_request, signal) {
        try {
          yield 0;
          await once(signal, "abort");
        } finally {
          ended.resolve("ended");
        }
      },
    });
    for await (const value of streamLocal(path, { verb: "forever" })) {
      expect(value).toBe(0);
      break;
    }
    expect(await ended.promise).toBe("ended");
  });

  it("ends without a fault when its own signal aborts", async () => {
    const path = await serve({
      forever: async function* (_request, signal) {
        yield 0;
        await once(signal, "abort");
      },
    });
    const abort = new AbortController();
    const seen: unknown[] = [];
    for await (const value of streamLocal(path, { verb: "forever" }, abort.signal)) {
      seen.push(value);
      abort.abort();
    }
    expect(seen).toEqual([0]);
  });

  it("waits for a slow reader instead of piling up values", async () => {
    let made = 0;
    const path = await serve({
      flood: async function* () {
        for (;;) {
          made += 1;
          yield "x".repeat(100_000);
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    });
    const socket = await dial(path);
    socket.pause();
    socket.write('{"verb":"flood"}\n');
    let before = -1;
    for (let turns = 0; before !== made || made === 0; turns += 1) {
      expect(turns).toBeLessThan(1000);
      before = made;
      for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(made).toBeLessThan(50);
    socket.destroy();
  });
});

describe("serveLocalSocket against hostile clients", () => {
  it("answers what is no JSON with an error and goes on", async () => {
    const path = await serve({ ok: () => 1 });
    const socket = await dial(path);
    socket.end('not json\n[1]\n{"verb":7}\n{"verb":"ok"}\n');
    const lines = (await textOf(socket)).trim().split("\n");
    expect(lines.slice(0, 3).every((line) => line.includes('"code":"usage.invalid"'))).toBe(true);
    expect(lines.slice(3)).toEqual(["1"]);
  });

  it("drops a client whose line does not end", async () => {
    const path = await serve({ ok: () => 1 });
    const socket = await dial(path);
    socket.write("x".repeat(5000));
    expect(await textOf(socket)).toBe("");
    expect(await requestLocal(path, { verb: "ok" })).toBe(1);
  });

  it("drops a client that asks faster than it is answered", async () => {
    const path = await serve({ never: () => new Promise(() => undefined), ok: () => 1 });
    const socket = await dial(path);
    socket.write('{"verb":"never"}\n'.repeat(100));
    expect(await textOf(socket)).toBe("");
    expect(await requestLocal(path, { verb: "ok" })).toBe(1);
  });

  it("ends a client that completes no request in its time, though it sends byte after byte", async () => {
    const { counts, bounds, ...rest } = small();
    const path = await serve({ ok: () => 1 }, { ...rest, counts, bounds: { ...bounds, idleMs: 100 } });
    const socket = await dial(path);
    socket.on("error", () => undefined);
    const trickle = setInterval(() => socket.write("x"), 10);
    onTestFinished(() => clearInterval(trickle));
    await expect.poll(() => counts.idle).toBe(1);
    await expect.poll(() => counts.clients).toBe(0);
  });

  it("ends a client that does not take its answer in its time, though it takes byte after byte", async () => {
    const { counts, bounds, ...rest } = small();
    const path = await serve(
      { long: () => "x".repeat(4_000_000) },
      { ...rest, counts, bounds: { ...bounds, takeMs: 200 } },
    );
    const socket = await dial(path);
    socket.pause();
    const trickle = setInterval(() => void socket.read(1), 10);
    onTestFinished(() => clearInterval(trickle));
    socket.write('{"verb":"long"}\n');
    await expect.poll(() => counts.slow).toBe(1);
  });

  it("makes no answer for anybody while too much is not taken, and goes on when it is", async () => {
    let made = 0;
    const { counts, bounds, shared, ...rest } = small();
    const path = await serve(
      { long: () => `${(made += 1)}${"x".repeat(1_000_000)}` },
      {
        ...rest,
        counts,
        maxClients: 16,
        bounds: { ...bounds, takeMs: 60_000 },
        shared: { ...shared, backlog: new ReplyBacklog(2_000_000) },
      },
    );
    const slow = await Promise.all(Array.from({ length: 8 }, () => dial(path)));
    for (const socket of slow) socket.pause().write('{"verb":"long"}\n'.repeat(4));
    await expect.poll(() => counts.requests).toBeGreaterThanOrEqual(3);
    for (let turn = 0; turn < 500; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(made).toBeLessThanOrEqual(4);
    for (const socket of slow) socket.destroy();
    expect(String(await requestLocal(path, { verb: "long" })).length).toBeGreaterThan(1_000_000);
  });

  it("has room for who comes in place of who asks nothing or watches for long, and never of who waits for an answer", async () => {
    const { counts, ...rest } = small();
    const path = await serve(
      { ok: () => 1, never: () => new Promise(() => undefined) },
      { ...rest, counts, maxClients: 2 },
    );
    const [idle, asking] = [await dial(path), await dial(path)];
    asking.write('{"verb":"never"}\n');
    const gone = once(idle, "close");
    await expect.poll(() => counts.requests).toBe(1);
    const other = await dial(path);
    other.write('{"verb":"never"}\n');
    await gone;
    await expect.poll(() => counts.requests).toBe(2);
    expect((await faultOf(requestLocal(path, { verb: "ok" })))?.code).toBe("agent.not-running");
    expect(counts).toMatchObject({ refused: 1, displaced: 1, clients: 2 });
  });

  it("answers one client after the other, with turns of the event loop in between", async () => {
    const order: number[] = [];
    let loops = 0;
    const count = (): void => {
      loops += 1;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);
    onTestFinished(() => clearImmediate(counting));
    const path = await serve({ who: ({ n }) => void order.push(Number(n)) }, { maxClients: 8 });
    const sockets = await Promise.all(Array.from({ length: 8 }, () => dial(path)));
    const before = loops;
    for (const [n, socket] of sockets.entries()) socket.end(`{"verb":"who","n":${n}}\n`.repeat(8));
    await Promise.all(sockets.map(textOf));
    expect(order).toHaveLength(64);
    expect(loops - before).toBeGreaterThan(64);
    const firstOf = (n: number): number => order.indexOf(n);
    const last = Math.max(...[...sockets.keys()].map(firstOf));
    for (const n of sockets.keys()) expect(order.slice(0, last).filter((one) => one === n).length).toBeLessThan(5);
  });

  it("lets no client ask more often than its rate", async () => {
    const { bounds, ...rest } = small();
    const path = await serve({ ok: () => 1 }, { ...rest, bounds: { ...bounds, requestsPerSecond: 10 } });
    const socket = await dial(path);
    const begun = performance.now();
    socket.end('{"verb":"ok"}\n'.repeat(14));
    expect(await textOf(socket)).toBe("1\n".repeat(14));
    expect(performance.now() - begun).toBeGreaterThan(380);
  });

  it("refuses an answer that is too long with what to do", async () => {
    const { bounds, ...rest } = small();
    const path = await serve({ long: () => "x".repeat(2000) }, { ...rest, bounds: { ...bounds, maxReplyBytes: 1000 } });
    expect((await faultOf(requestLocal(path, { verb: "long" })))?.what).toMatch(
      /2003 characters, more than localSockets\.maxReplyBytes/,
    );
  });
});

describe("the path of a local socket", () => {
  it("belongs to the agent that answers on it", async () => {
    const path = await serve({ ok: () => 1 });
    const second = serveLocalSocket({ place: { path, mode: 0o660 }, handlers: {}, log, ...small() });
    expect((await faultOf(second))?.code).toBe("agent.already-running");
    expect(await requestLocal(path, { verb: "ok" })).toBe(1);
  });

  it("is taken over from an agent that was killed", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "view.sock");
    const killed = createServer();
    killed.listen(join(folder, "other.sock"));
    await once(killed, "listening");
    // A hard link keeps the socket's name after its server removed its own, as SIGKILL does.
    linkSync(join(folder, "other.sock"), path);
    killed.close();
    await once(killed, "close");
    expect((await faultOf(requestLocal(path, { verb: "ok" })))?.code).toBe("agent.not-running");
    const socket = await serveLocalSocket({
      place: { path, mode: 0o660 },
      handlers: { ok: () => 1 },
      log,
      ...small(),
    });
    expect(await requestLocal(path, { verb: "ok" })).toBe(1);
    await socket.stop();
  });

  it("is not taken from a file that is no socket, nor when it is too long", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "view.sock");
    writeFileSync(path, "precious");
    const settings = { handlers: {}, log, ...small() };
    expect((await faultOf(serveLocalSocket({ place: { path, mode: 0o660 }, ...settings })))?.code).toBe(
      "agent.not-permitted",
    );
    mkdirSync(join(folder, "x".repeat(100)));
    const long = join(folder, "x".repeat(100), "view.sock");
    expect((await faultOf(serveLocalSocket({ place: { path: long, mode: 0o660 }, ...settings })))?.code).toBe(
      "config.invalid",
    );
  });

  it("tells a client that no agent runs", async () => {
    const fault = await faultOf(requestLocal(join(temporaryFolder(), "view.sock"), { verb: "status" }));
    expect(fault?.code).toBe("agent.not-running");
  });
});
