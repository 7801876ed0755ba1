import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Van } from "./van-drive.ts";

/** Bytes that may wait for a reader that does not read. */
const MAX_UNSENT_BYTES = 1_000_000;
const SATELLITES = 9;
const HDOP = 0.9;
const KNOTS_PER_KPH = 1 / 1.852;

/** A satellite receiver that says NMEA 0183 to whoever connects: RMC and GGA, as a plain receiver of one system does. */
export class NmeaReceiver {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.resume();
      // "close" follows.
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  /** Resolves when it listens on a free port of 127.0.0.1. */
  static async start(): Promise<NmeaReceiver> {
    const server = createServer({ noDelay: true });
    server.listen({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    return new NmeaReceiver(server);
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new Error("the receiver has no TCP port");
    return address.port;
  }

  /** One second of the receiver: where the van is at `utcMs`, or that it sees no satellite. */
  say(van: Van, utcMs: number, hasFix: boolean): void {
    const text = sentencesOf(van, utcMs, hasFix);
    for (const socket of this.#sockets) if (socket.writableLength < MAX_UNSENT_BYTES) socket.write(text, "latin1");
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** RMC and GGA of one second (NMEA 0183 4.x; a receiver without a fix goes on with the time it has). */
export function sentencesOf(van: Van, utcMs: number, hasFix: boolean): string {
  const at = new Date(utcMs).toISOString();
  const time = `${at.slice(11, 13)}${at.slice(14, 16)}${at.slice(17, 19)}.${at.slice(20, 22)}`;
  const date = `${at.slice(8, 10)}${at.slice(5, 7)}${at.slice(2, 4)}`;
  const place = hasFix
    ? [...degrees(van.latitude, 2, "N", "S"), ...degrees(van.longitude, 3, "E", "W")]
    : ["", "", "", ""];
  const knots = (van.speedKph * KNOTS_PER_KPH).toFixed(2);
  const way = hasFix ? [knots, van.courseDegrees.toFixed(1)] : ["", ""];
  const rmc = ["GPRMC", time, hasFix ? "A" : "V", ...place, ...way, date, "", "", hasFix ? "A" : "N"];
  const quality = hasFix ? ["1", `${SATELLITES}`.padStart(2, "0"), `${HDOP}`] : ["0", "00", ""];
  const gga = ["GPGGA", time, ...place, ...quality, hasFix ? "61.0" : "", "M", "46.0", "M", "", ""];
  return `${sentence(rmc)}${sentence(gga)}`;
}

function degrees(value: number, digits: 2 | 3, positive: string, negative: string): readonly [string, string] {
  const size = Math.round(Math.abs(value) * 600_000) / 600_000;
  const whole = Math.floor(size);
  const minutes = ((size - whole) * 60).toFixed(5).padStart(8, "0");
  return [`${`${whole}`.padStart(digits, "0")}${minutes}`, value < 0 ? negative : positive];
}

function sentence(fields: readonly string[]): string {
  const body = fields.join(",");
  let sum = 0;
  for (const character of body) sum ^= character.charCodeAt(0);
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, "0")}\r\n`;
}
