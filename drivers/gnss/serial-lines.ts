import { spawn } from "node:child_process";
import { close, constants, open as openFile } from "node:fs";
import { ReadStream } from "node:tty";
import { errnoOf, messageOf } from "../../agent/core/errors.ts";
import type { LineLink } from "../../agent/ports/line-link.ts";
import { type ConnectionEvents, LineLoop, type LineLoopParts } from "./line-loop.ts";

/** Where the port is, and its speed. */
export type SerialPort = { readonly device: string; readonly baud: number };

/** Raw bytes, 8N1, no flow control, no carrier wanted. */
const RAW = ["raw", "-echo", "cs8", "-parenb", "-cstopb", "-crtscts", "-ixon", "-ixoff", "clocal"] as const;
const ENVIRONMENT = { PATH: "/usr/bin:/bin", LANG: "C" };
/** stty has been stuck on ports of adapters that were unplugged meanwhile. */
const STTY_MS = 5000;

export type SerialLineParts = Pick<LineLoopParts, "maxLineBytes" | "clock" | "random"> & {
  /** The program that sets the port; that of the system when absent. */
  readonly stty?: string;
};

/** Lines of a serial port; nothing is ever sent there. */
export function serialLines(
  { device, baud }: SerialPort,
  { maxLineBytes, clock, random, stty = "stty" }: SerialLineParts,
): LineLink {
  const open = (events: ConnectionEvents) => new SerialConnection({ device, baud }, stty, events);
  return new LineLoop({ name: device, maxLineBytes, open, clock, random });
}

class SerialConnection {
  readonly #events: ConnectionEvents;
  #stream: ReadStream | undefined;
  #isOver = false;

  constructor({ device, baud }: SerialPort, stty: string, events: ConnectionEvents) {
    this.#events = events;
    // Without O_NONBLOCK the open of a port waits for a carrier.
    openFile(device, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK, (error, fd) => {
      if (error !== null) return this.end(errnoOf(error) ?? messageOf(error));
      this.#use(fd, baud, stty);
    });
  }

  write(): void {
    // The port is open for reading alone.
  }

  end(what: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream?.destroy();
    this.#events.onEnd(what, remedyFor(what));
  }

  #use(fd: number, baud: number, program: string): void {
    // stty sets the port that is its standard input: the one that is open here, whatever the path has become.
    const stty = spawn(program, [...RAW, `${baud}`], {
      stdio: [fd, "ignore", "ignore"],
      env: ENVIRONMENT,
      timeout: STTY_MS,
      killSignal: "SIGKILL",
    });
    stty.once("error", (error) => {
      close(fd, () => undefined);
      this.end(`stty: ${errnoOf(error) ?? messageOf(error)}`);
    });
    stty.once("exit", (code) => {
      if (code === 0 && !this.#isOver) return this.#read(fd);
      close(fd, () => undefined);
      this.end("it is no serial port, or does not have this speed");
    });
  }

  #read(fd: number): void {
    const stream = this.#streamOf(fd);
    if (stream === undefined) return;
    this.#stream = stream;
    stream.on("data", (chunk) => {
      if (!this.#isOver) this.#events.onBytes(Buffer.from(chunk));
    });
    stream.on("error", (error) => this.end(errnoOf(error) ?? messageOf(error)));
    stream.on("close", () => this.end("the port is gone"));
    this.#events.onOpen();
  }

  /** Undefined where the port has hung up since stty set it: then the connection has ended. */
  #streamOf(fd: number): ReadStream | undefined {
    try {
      return new ReadStream(fd);
    } catch (thrown) {
      close(fd, () => undefined);
      this.end(messageOf(thrown));
      return undefined;
    }
  }
}

function remedyFor(what: string): string {
  if (what === "ENOENT") return "plug the receiver in, or correct device in place.sources";
  if (what === "EACCES" || what === "EPERM") {
    return "give the user that runs causeway the port: group dialout, and DeviceAllow= and SupplementaryGroups= of the unit";
  }
  if (what === "EBUSY")
    return "another program has the port; let gpsd have it and take kind: gpsd, or stop that program";
  return "check device and baud in place.sources, and the cable";
}
