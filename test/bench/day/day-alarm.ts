import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";

/** As systemd/causeway-wake-alarm takes it: a number of seconds, and a line's end. */
const REQUEST = /^(0|[1-9]\d{0,6})\n?$/;

/** The alarm of the gateway's RTC, at the socket at which the agent finds the helper that sets it; it goes off in the van's time. */
export class DayAlarm {
  readonly #server: Server;
  readonly #nowMs: () => number;
  /** Vehicle time at which it goes off, ms; undefined while none is set. */
  atMs: number | undefined;
  /** How often one was set. */
  sets = 0;

  private constructor(server: Server, nowMs: () => number) {
    this.#server = server;
    this.#nowMs = nowMs;
    server.on("connection", (socket) => this.#serve(socket));
  }

  /** Listens in the agent's folder for sockets. */
  static async start(runtimeDir: string, nowMs: () => number): Promise<DayAlarm> {
    const path = join(runtimeDir, "wake-alarm.sock");
    rmSync(path, { force: true });
    const server = createServer({ allowHalfOpen: true });
    server.listen(path);
    await once(server, "listening");
    return new DayAlarm(server, nowMs);
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    let text = "";
    // The agent that asks may be killed at any time.
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
    });
    socket.on("end", () => socket.end(`${this.#set(text)}\n`));
  }

  #set(text: string): string {
    const seconds = Number(REQUEST.exec(text)?.[1] ?? Number.NaN);
    if (Number.isNaN(seconds)) return "refused: not a number of seconds";
    this.atMs = seconds === 0 ? undefined : this.#nowMs() + seconds * 1000;
    if (seconds > 0) this.sets += 1;
    return "set";
  }
}
