import { ChangeSignal } from "../../core/change-signal.ts";
import type { Clock } from "../../core/clock.ts";
import type { CanFrame } from "../../ports/frame.ts";
import type { FrameWho, SentFrame } from "../tester/tester-bus.ts";
import { frameOf, GLOBAL_ADDRESS, GROUP, PRIORITY, type Way } from "./groups.ts";
import {
  ABORT,
  abortBytes,
  abortText,
  announcementBytes,
  requestToSendBytes,
  type TransferControl,
} from "./transfer-control.ts";

/** How a message gets onto the bus. */
export type MessageParts = {
  readonly send: (frame: CanFrame, who: FrameWho, signal: AbortSignal) => Promise<SentFrame>;
  /** Gives the transfer control that a node sends to `own`, until the returned function is called. */
  readonly controls: (from: number, own: number, take: (control: TransferControl) => void) => () => void;
  readonly clock: Clock;
};

/** A message of 0 to 1785 bytes, from an address that is ours. */
export type OutgoingMessage = { readonly pgn: number; readonly way: Way; readonly data: Uint8Array };

/** What became of a message in several frames, besides what becomes of any frame. */
export type SentMessage =
  | SentFrame
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "silent"; readonly waitedMs: number };

const PACKET_BYTES = 7;
const PADDING = 0xff;
/** Least time between two packets of a message to all (SAE J1939-21, 5.12.3). */
const BROADCAST_GAP_MS = 50;
/** Longest wait for "clear to send" or the acknowledgement, and after "wait" (SAE J1939-21, 5.10.2.4: T3, T4). */
const ANSWER_MS = 1250;
const HOLD_MS = 1050;
const SENT = { kind: "sent" } as const;

/** Sends a message: in one frame, announced to all, or as the receiver steers it (SAE J1939-21, 5.10). `who` wants it. */
export async function sendMessage(
  parts: MessageParts,
  message: OutgoingMessage,
  who: FrameWho,
  signal: AbortSignal,
): Promise<SentMessage> {
  if (message.data.length <= 8) return parts.send(frameOf(message.pgn, message.way, message.data), who, signal);
  return message.way.destination === GLOBAL_ADDRESS
    ? broadcast(parts, message, who, signal)
    : transfer(parts, message, who, signal);
}

async function broadcast(
  { send, clock }: MessageParts,
  message: OutgoingMessage,
  who: FrameWho,
  signal: AbortSignal,
): Promise<SentMessage> {
  const { pgn, data, way } = message;
  const packets = Math.ceil(data.length / PACKET_BYTES);
  const announced = await send(controlFrame(way, announcementBytes(data.length, packets, pgn)), who, signal);
  if (announced.kind !== "sent") return announced;
  for (let number = 1; number <= packets; number += 1) {
    await clock.sleep(BROADCAST_GAP_MS, signal);
    const sent = await send(packetFrame(message, number), "transport", signal);
    if (sent.kind !== "sent") return sent;
  }
  return SENT;
}

async function transfer(
  parts: MessageParts,
  message: OutgoingMessage,
  who: FrameWho,
  signal: AbortSignal,
): Promise<SentMessage> {
  const { send, controls } = parts;
  const { pgn, data, way } = message;
  const packets = Math.ceil(data.length / PACKET_BYTES);
  const inbox = new ControlInbox(parts.clock);
  const release = controls(way.destination, way.source, (control) => {
    if (control.pgn === pgn) inbox.put(control);
  });
  try {
    const asked = await send(controlFrame(way, requestToSendBytes(data.length, packets, pgn)), who, signal);
    if (asked.kind !== "sent") return asked;
    for (let waitMs = ANSWER_MS; ; ) {
      const control = await inbox.next(waitMs, signal);
      if (control === undefined) return await giveUp(parts, message, waitMs, signal);
      if (control.kind === "end-of-message") return SENT;
      if (control.kind === "abort") return { kind: "refused", why: abortText(control.reason) };
      if (control.kind !== "clear-to-send") continue;
      waitMs = control.packets === 0 ? HOLD_MS : ANSWER_MS;
      const sent = await sendPackets(parts, message, control, signal);
      if (sent.kind !== "sent") return sent;
    }
  } finally {
    release();
  }
}

async function sendPackets(
  { send }: MessageParts,
  message: OutgoingMessage,
  { next, packets }: Extract<TransferControl, { readonly kind: "clear-to-send" }>,
  signal: AbortSignal,
): Promise<SentFrame> {
  const last = Math.min(next + packets - 1, Math.ceil(message.data.length / PACKET_BYTES));
  for (let number = Math.max(1, next); number <= last; number += 1) {
    const sent = await send(packetFrame(message, number), "transport", signal);
    if (sent.kind !== "sent") return sent;
  }
  return SENT;
}

async function giveUp(
  { send }: MessageParts,
  { way, pgn }: OutgoingMessage,
  waitedMs: number,
  signal: AbortSignal,
): Promise<SentMessage> {
  if (signal.aborted) return { kind: "withheld", reason: "aborted", what: "ended before the message was whole" };
  await send(controlFrame(way, abortBytes(ABORT.timeOut, pgn)), "transport", signal);
  return { kind: "silent", waitedMs };
}

function controlFrame({ source, destination }: Way, data: Uint8Array): CanFrame {
  return frameOf(GROUP.transferControl, { source, destination, priority: PRIORITY.transfer }, data);
}

function packetFrame({ way: { source, destination }, data }: OutgoingMessage, number: number): CanFrame {
  const bytes = new Uint8Array(PACKET_BYTES + 1).fill(PADDING);
  bytes[0] = number;
  bytes.set(data.subarray((number - 1) * PACKET_BYTES, number * PACKET_BYTES), 1);
  return frameOf(GROUP.transferData, { source, destination, priority: PRIORITY.transfer }, bytes);
}

/** Transfer control in the order in which it came, until it is read. A receiver that says more than it may is not heard out. */
class ControlInbox {
  static readonly #most = 16;
  readonly #clock: Clock;
  readonly #waiting: TransferControl[] = [];
  readonly #came = new ChangeSignal();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  put(control: TransferControl): void {
    if (this.#waiting.length < ControlInbox.#most) this.#waiting.push(control);
    this.#came.notify();
  }

  /** The next one; undefined when none comes in time, or `signal` aborts. */
  async next(waitMs: number, signal: AbortSignal): Promise<TransferControl | undefined> {
    if (this.#waiting.length === 0) {
      const over = new AbortController();
      const either = AbortSignal.any([signal, over.signal]);
      const timer = this.#clock.sleep(waitMs, either).then(() => over.abort());
      await this.#came.next(either);
      over.abort();
      await timer;
    }
    return this.#waiting.shift();
  }
}
