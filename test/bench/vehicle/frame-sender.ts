import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { CanFrame } from "../../../agent/ports/frame.ts";
import { loadRawChannels } from "../../../drivers/can/raw-channel.ts";
import { formatSend } from "../../../drivers/can/socketcand-protocol.ts";
import { Transmitter } from "../../../drivers/can/transmitter.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import type { BenchBus } from "./bench-bus.ts";

/** Way onto the bench's bus. */
export type FrameSender = {
  /** Resolves when the bus has taken all frames, in order. */
  send(frames: readonly CanFrame[]): Promise<void>;
  /** Resolves when nothing is on its way any more. */
  close(): Promise<void>;
};

/** Opens the bus for sending; rejects when it cannot be reached. */
export function openSender(bus: BenchBus): Promise<FrameSender> {
  return bus.kind === "hub" ? openHub(bus) : Promise.resolve(openInterface(bus.interface));
}

function openInterface(interfaceName: string): FrameSender {
  const transmitter = new Transmitter({
    bus: "can0",
    interface: interfaceName,
    clock: systemClock(),
    isBusOff: () => false,
    load: loadRawChannels,
  });
  return {
    send: async (frames) => {
      for (const frame of frames) await transmitter.send(frame);
    },
    close: () => {
      transmitter.close();
      return Promise.resolve();
    },
  };
}

/** A socketcand client that only sends: outside raw mode no frames come back (socketcand, doc/protocol.md). */
async function openHub(bus: Extract<BenchBus, { kind: "hub" }>): Promise<FrameSender> {
  const socket = connect(bus.port, bus.host);
  socket.setNoDelay(true);
  await once(socket, "connect");
  await answered(socket, "< hi >");
  socket.write(`< open ${bus.interface} >`);
  await answered(socket, "< ok >");
  return {
    send: async (frames) => {
      const text = frames.map((frame) => formatSend(frame)).join("");
      if (!socket.write(text)) await once(socket, "drain");
    },
    close: async () => {
      socket.end();
      await once(socket, "close");
    },
  };
}

async function answered(socket: Socket, expected: string): Promise<void> {
  let text = "";
  while (!text.includes(expected)) {
    text += await new Promise<string>((resolve, reject) => {
      socket.once("data", (part: Buffer) => resolve(part.toString()));
      socket.once("close", () => reject(new Error(`the hub closed the connection after ${text}`)));
    });
    if (text.includes("error") || text.length > 1000) throw new Error(`the hub answered ${text}`);
  }
  // Whatever else comes is not read, and must not fill the hub's buffers either.
  socket.resume();
}
