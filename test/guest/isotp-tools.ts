import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { createFrameIsoTp } from "../../agent/diagnostics/isotp/frame-isotp.ts";
import { BusFrameTap } from "../../agent/diagnostics/tester/frame-tap.ts";
import { EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import type { IsoTp } from "../../agent/ports/isotp.ts";
import { createIsoTp } from "../../drivers/can/isotp.ts";
import { createNativeBus } from "../../drivers/can/native-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { until } from "../bench/core/wait.ts";
import { MemoryLog } from "../fakes/core/log.ts";

const WAIT_MS = 60_000;

/** ISO-TP of ours on an interface, by the state machine that `kind` names. */
export async function openOurs(
  kind: IsoTp["kind"],
  interfaceName: string,
): Promise<{ readonly isotp: IsoTp; readonly stop: () => Promise<void> }> {
  const buffers = { receiveBufferBytes: 8_388_608, ringFrames: 65_536, interface: interfaceName };
  const clock = systemClock();
  const log = new MemoryLog();
  const bus = createNativeBus({ ...buffers, name: "near", filters: EVERY_FRAME }, { clock, log });
  const tap = new BusFrameTap(() => undefined);
  await bus.start({ onFrames: (batch) => tap.onFrames(batch), onState: () => undefined });
  const frames = createFrameIsoTp({ bus: "near", send: (frame) => bus.send(frame), tap, clock });
  const config = { ...buffers, name: "near", driver: "native" } as const;
  const isotp = kind === "frames" ? frames : createIsoTp(config, { frames, permits: () => true, log });
  return {
    isotp,
    stop: async () => {
      isotp.close();
      await bus.stop();
    },
  };
}

/** Waits until a socket CAN_ISOTP of another process takes frames with an id: the tools say nothing when they are ready. */
export async function untilListening(interfaceName: string, id: number, extended: boolean): Promise<void> {
  const file = `/proc/net/can/rcvlist_${extended ? "eff" : "sff"}`;
  // The list has the id as can_id, with its flag.
  const canId = (extended ? id + 0x8000_0000 : id).toString(16);
  const row = new RegExp(`\\s${interfaceName}\\s+${canId}\\s.*isotp\\b`, "i");
  const isThere = (): true | undefined => row.test(readFileSync(file, "utf8")) || undefined;
  await until(isThere, { what: `a socket for ${canId}`, timeoutMs: WAIT_MS, everyMs: 20 });
}

/** A program of can-utils and the lines that it has printed. */
export type Tool = {
  readonly lines: readonly string[];
  untilLines(count: number): Promise<void>;
  readonly stop: () => Promise<void>;
};

/** Starts a program of can-utils that prints a line for each thing it sees. */
export function startTool(command: string, ...args: readonly string[]): Tool {
  // Into a pipe they would write when a page is full.
  const child = spawn("stdbuf", ["-oL", command, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line.trim()));
  return {
    lines,
    untilLines: async (count) => {
      const what = `${count} lines of ${command}`;
      await until(() => lines.length >= count || undefined, { what, timeoutMs: WAIT_MS, everyMs: 10 });
    },
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}

/** Runs isotpsend with a PDU on its standard input; resolves at its end, which is the end of the transmission. */
export async function isotpsend(pdu: Uint8Array, ...args: readonly string[]): Promise<void> {
  const child = execFile("isotpsend", ["-b", ...args]);
  child.stdin?.end(Buffer.from(pdu).toString("hex").replaceAll(/../g, "$& "));
  await once(child, "exit");
  if (child.exitCode !== 0) throw new Error(`isotpsend ended with ${String(child.exitCode)}`);
}

/** isotpserver: one process for any number of PDUs in both directions, over TCP, as <hexadecimal>. */
export class IsotpServer {
  readonly #socket: Socket;
  readonly #tool: Tool;
  /** PDUs that came from the bus, in hexadecimal. */
  readonly received: string[] = [];

  private constructor(socket: Socket, tool: Tool) {
    this.#socket = socket;
    this.#tool = tool;
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      for (let end = text.indexOf(">"); end >= 0; end = text.indexOf(">")) {
        this.received.push(text.slice(text.indexOf("<") + 1, end).toLowerCase());
        text = text.slice(end + 1);
      }
    });
  }

  static async start(port: number, ...args: readonly string[]): Promise<IsotpServer> {
    const tool = startTool("isotpserver", "-l", String(port), ...args);
    const tryOnce = async (): Promise<Socket | undefined> => {
      const socket = connect(port, "127.0.0.1");
      return Promise.race([
        once(socket, "connect").then(() => socket),
        once(socket, "error").then(() => undefined),
      ]).catch(() => undefined);
    };
    const socket = await until(tryOnce, { what: "isotpserver listens", timeoutMs: WAIT_MS, everyMs: 50 });
    return new IsotpServer(socket, tool);
  }

  send(pdu: Uint8Array): void {
    this.#socket.write(`<${Buffer.from(pdu).toString("hex")}>`);
  }

  async stop(): Promise<void> {
    this.#socket.destroy();
    await this.#tool.stop();
  }
}
