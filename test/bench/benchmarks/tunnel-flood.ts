import { type ChildProcessByStdio, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type WebSocket, WebSocketServer } from "ws";
import { z } from "zod";
import { createAuthority } from "../cloud/certificate-authority.ts";
import { relayFrame, TYPE } from "../cloud/tunnel-frames.ts";
import { parseLine } from "../core/line-protocol.ts";
import { seededRandom } from "../core/seeded-random.ts";

const SEED = 18;
const AGENT = join(import.meta.dirname, "../processes/flood-agent.ts");
/** As systemd/causeway-start starts the agent. */
const FLAGS = ["--expose-gc", "--max-semi-space-size=2"];
/** So much waits in the relay at a time. */
const AHEAD_BYTES = 1_048_576;
const PING_MS = 1000;

/** What the agent of the flood is started with: where the relay and the local services are. Run it with --expose-gc. */
export const floodAgentOptions = z.object({
  endpoint: z.string(),
  caFile: z.string(),
  services: z.record(z.string(), z.number()),
  pingMs: z.number(),
});

/** What it says when it is asked: memory after a collection, the most that it had, and what became of its tunnels since. */
const floodSample = z.object({
  rssBytes: z.number(),
  heapBytes: z.number(),
  peakRssBytes: z.number(),
  opened: z.number(),
  records: z.number(),
  ends: z.record(z.string(), z.number()),
});
type FloodSample = z.infer<typeof floodSample>;

/** How a hostile relay behaves on a WebSocket: what it sends on and on, and whether it reads what comes. */
type Flood = { readonly name: string; readonly reads: boolean; next(count: number): Buffer };

/** Memory of an agent whose tunnels lead to a hostile relay: before, and after each flood, with why its tunnels ended. */
export type FloodFigures = {
  readonly before: FloodSample;
  readonly floods: readonly (FloodSample & { readonly name: string; readonly sentBytes: number })[];
};

const batch = (count: number, frameOf: (at: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: 200 }, (_, at) => frameOf(count * 200 + at + 1)));
const start = (serviceId: string, streamId: number): Buffer =>
  relayFrame({ type: TYPE.streamStart, streamId: 1 + (streamId % 2_000_000), serviceId, connectionId: 1 });
const CONTENT = randomBytes(60_000);
/** The first message begins the stream, and the others fill it. */
const fill = (serviceId: string, count: number): Buffer => {
  if (count === 0) return start(serviceId, 0);
  return relayFrame({ type: TYPE.data, streamId: 1, serviceId, connectionId: 1, payload: CONTENT });
};

function floods(): readonly Flood[] {
  const random = seededRandom(SEED);
  const connection = (at: number): Buffer =>
    relayFrame({ type: TYPE.connectionStart, streamId: 1, serviceId: "ECHO", connectionId: at + 1 });
  const garbage = (): Buffer => {
    const bytes = Buffer.from(Array.from({ length: 1 + Math.floor(random() * 300) }, () => Math.floor(random() * 256)));
    // Half of them are of a length that there is.
    if (random() < 0.5) bytes[0] = 0;
    return bytes;
  };
  return [
    {
      name: "streams to a service that is not there, no answer read",
      reads: false,
      next: (count) => batch(count, (at) => start("OTHER", at)),
    },
    {
      name: "streams to a service that is not there, answers read",
      reads: true,
      next: (count) => batch(count, (at) => start("OTHER", at)),
    },
    { name: "streams to a service", reads: true, next: (count) => batch(count, (at) => start("ECHO", at)) },
    {
      name: "connections of a stream, no answer read",
      reads: false,
      next: (count) => (count === 0 ? start("ECHO", 0) : batch(count, connection)),
    },
    { name: "bytes for a service that takes none", reads: true, next: (count) => fill("DEAF", count) },
    { name: "bytes for an echo that nobody reads", reads: false, next: (count) => fill("ECHO", count) },
    { name: "random bytes", reads: true, next: garbage },
    { name: "half-open: not a word, nothing read", reads: false, next: () => Buffer.alloc(0) },
  ];
}

/** Floods an agent in a process of its own for so long with each. */
export async function benchmarkFlood(secondsEach: number): Promise<FloodFigures> {
  const folder = await mkdtemp(join(tmpdir(), "causeway-flood-"));
  const authority = createAuthority(join(folder, "ca"));
  const { certificatePem: cert, privateKeyPem: key = "" } = await authority.issue({
    commonName: "relay",
    usage: "server",
    subjectAltNames: [{ kind: "dns", value: "localhost" }],
  });
  const relay = new HostileRelay(createHttpsServer({ cert, key }));
  const echo = createServer((socket) => void socket.on("error", () => undefined).pipe(socket));
  const deaf = createServer({ pauseOnConnect: true }, (socket: Socket) => void socket.on("error", () => undefined));
  const services = { ECHO: await listening(echo), DEAF: await listening(deaf) };
  const agent = new FloodAgent({
    endpoint: `localhost:${await listening(relay.https)}`,
    caFile: authority.caFile,
    services,
  });
  try {
    await relay.connected();
    const before = await agent.sample();
    const figures: FloodFigures["floods"][number][] = [];
    for (const flood of floods()) {
      const sentBytes = await relay.flood(flood, secondsEach * 1000);
      figures.push({ name: flood.name, sentBytes, ...(await agent.sample()) });
    }
    return { before, floods: figures };
  } finally {
    await agent.stop();
    relay.stop();
    for (const server of [echo, deaf]) server.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Takes every WebSocket, and floods the newest. */
class HostileRelay {
  readonly https: Server & ReturnType<typeof createHttpsServer>;
  readonly #sockets: WebSocketServer;
  #newest: WebSocket | undefined;

  constructor(https: ReturnType<typeof createHttpsServer>) {
    this.https = https;
    this.#sockets = new WebSocketServer({ server: https, handleProtocols: () => "aws.iot.securetunneling-3.0" });
    this.#sockets.on("connection", (socket) => {
      socket.on("error", () => undefined);
      this.#newest = socket;
    });
  }

  async connected(): Promise<void> {
    if (this.#newest === undefined) await once(this.#sockets, "connection");
  }

  /** Gives how much it sent. */
  async flood(flood: Flood, forMs: number): Promise<number> {
    const endMs = performance.now() + forMs;
    let sentBytes = 0;
    let flooded: WebSocket | undefined;
    let count = 0;
    while (performance.now() < endMs) {
      const socket = this.#newest;
      if (socket === undefined || socket.readyState !== socket.OPEN || socket.bufferedAmount > AHEAD_BYTES) {
        await sleep(2);
        continue;
      }
      if (socket !== flooded) {
        flooded = socket;
        count = 0;
        if (!flood.reads) socket.pause();
      }
      const bytes = flood.next(count++);
      if (bytes.length === 0) {
        await sleep(50);
        continue;
      }
      sentBytes += bytes.length;
      socket.send(bytes);
      if (count % 20 === 0) await sleep(0);
    }
    // The next flood has a tunnel of its own.
    this.#newest?.terminate();
    return sentBytes;
  }

  stop(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.https.close();
    this.https.closeAllConnections();
  }
}

class FloodAgent {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;

  constructor(options: { readonly endpoint: string; readonly caFile: string; readonly services: object }) {
    const given = JSON.stringify({ ...options, pingMs: PING_MS });
    this.#process = spawn(process.execPath, [...FLAGS, AGENT, given], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#process.stdout });
  }

  async sample(): Promise<FloodSample> {
    const line = new Promise<string>((resolve) => this.#lines.once("line", resolve));
    this.#process.stdin.write('"sample"\n');
    return parseLine(floodSample, await line);
  }

  async stop(): Promise<void> {
    const closed = once(this.#process, "close");
    this.#process.stdin.end();
    await closed;
  }
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address: AddressInfo | string | null = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
