import { join } from "node:path";
import type { mqtt5 } from "aws-iot-device-sdk-v2";
import type { Clock } from "../../../agent/core/clock.ts";
import { messageOf } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type { InboundCounters, ReceivedPublish } from "../../../agent/ports/broker.ts";
import type { BrokerConfig } from "../../../config/schema.ts";
import { INBOUND_IN_FLIGHT, MAX_INBOUND_PACKET_BYTES, receivedPublishOf } from "../client.ts";
import { PoisonGuard } from "./poison-guard.ts";

/** Trouble of one kind is logged at most so often, ms: whoever sends messages must not fill the log. */
const LOG_EVERY_MS = 10_000;
/** What a broker that keeps to our receive maximum can have on the way at most. */
const MAX_UNACKNOWLEDGED_BYTES = INBOUND_IN_FLIGHT * MAX_INBOUND_PACKET_BYTES;

/** Bounds of the messages that wait for their turn; the number holds for those of QoS 0 and for those of QoS 1, the bytes for QoS 0. */
export type InboxBounds = { readonly messages: number; readonly bytes: number };

/** `deliver` gives whether somebody wanted the message. `poisonGuard` is undefined where a process keeps no state. */
export type InboxParts = {
  readonly bounds: InboxBounds;
  readonly poisonGuard: PoisonGuard | undefined;
  readonly deliver: (message: ReceivedPublish) => boolean;
  readonly clock: Clock;
  readonly log: Log;
};

type Pool = { messages: number; bytes: number };
type Waiting = {
  readonly packet: mqtt5.PublishPacket;
  readonly bytes: number;
  readonly acknowledge: () => void;
  /** Of the clock that counts suspend, ms. */
  readonly takenAtMs: number;
};
type InboxProblem = "discarded" | "failed" | "setAside";

/** Events of the log, by what became of a message. */
const EVENTS: Readonly<Record<InboxProblem, string>> = {
  discarded: "broker.messages-discarded",
  failed: "broker.message-failed",
  setAside: "broker.message-set-aside",
};

/**
 * Messages between the client and their handlers: taken at once, so that nothing piles up where nobody counts it, and handed over one a
 * turn of the event loop, in order. A message may cost itself and never the process: a handler that throws ends that message, and one that was
 * in hand when earlier processes ended is set aside. Each is acknowledged when it is dealt with.
 */
export class Inbox {
  readonly #parts: InboxParts;
  readonly #counts = { taken: 0, discarded: 0, failed: 0, setAside: 0 };
  readonly #loggedMs = new Map<InboxProblem, number>();
  #queue: Waiting[] = [];
  /** What waits of QoS 0 and of QoS 1. */
  #pools: readonly [Pool, Pool] = emptyPools();
  #isScheduled = false;
  #isOpen = false;

  constructor(parts: InboxParts) {
    this.#parts = parts;
  }

  counters(): InboundCounters {
    return { ...this.#counts, waiting: this.#queue.length };
  }

  /**
   * A message has come; before `open` it waits. `acknowledge` is called when it is dealt with. Gives false when it is one that must be acknowledged and finds no
   * room: the broker delivers it again on the next connection, and not before.
   */
  take(packet: mqtt5.PublishPacket, acknowledge: () => void): boolean {
    const bytes = bytesOf(packet);
    const pool = this.#poolOf(packet);
    const mostBytes = packet.qos === 0 ? this.#parts.bounds.bytes : MAX_UNACKNOWLEDGED_BYTES;
    if (pool.messages >= this.#parts.bounds.messages || pool.bytes + bytes > mostBytes) {
      this.#logProblem("discarded", { qos: packet.qos, waiting: pool.messages, waitingBytes: pool.bytes });
      return packet.qos === 0;
    }
    pool.messages += 1;
    pool.bytes += bytes;
    this.#queue.push({ packet, bytes, acknowledge, takenAtMs: this.#parts.clock.boottimeMs() });
    this.#schedule();
    return true;
  }

  /** From here on messages are handed over, those first that have waited for it. */
  open(): void {
    this.#isOpen = true;
    this.#schedule();
  }

  /** Forgets what waits: nobody listens any more. */
  close(): void {
    this.#queue = [];
    this.#pools = emptyPools();
    this.#parts.poisonGuard?.close();
  }

  #poolOf({ qos }: mqtt5.PublishPacket): Pool {
    return this.#pools[qos === 0 ? 0 : 1];
  }

  #schedule(): void {
    if (!this.#isOpen || this.#isScheduled || this.#queue.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      const next = this.#queue.shift();
      if (next === undefined) return;
      const pool = this.#poolOf(next.packet);
      pool.messages -= 1;
      pool.bytes -= next.bytes;
      this.#handOver(next);
      this.#schedule();
    });
  }

  #handOver({ packet, acknowledge, takenAtMs }: Waiting): void {
    const { poisonGuard, deliver, clock, log } = this.#parts;
    const { topicName: topic } = packet;
    try {
      const message = aged(receivedPublishOf(packet), clock.boottimeMs() - takenAtMs);
      if (poisonGuard?.admits(message) === false)
        this.#logProblem("setAside", { topic, bytes: message.payload.length });
      else if (deliver(message)) this.#counts.taken += 1;
      else log.debug("broker.message-unwanted");
    } catch (thrown) {
      // What a message provokes ends the message: left to itself, the broker would deliver it again to every next process.
      this.#logProblem("failed", { topic, what: messageOf(thrown), at: placeOf(thrown) });
    }
    acknowledge();
  }

  #logProblem(kind: InboxProblem, facts: Readonly<Record<string, string | number | undefined>>): void {
    const { clock, log } = this.#parts;
    this.#counts[kind] += 1;
    const nowMs = clock.monotonicMs();
    if (nowMs < (this.#loggedMs.get(kind) ?? Number.NEGATIVE_INFINITY) + LOG_EVERY_MS) return;
    this.#loggedMs.set(kind, nowMs);
    log.error(EVENTS[kind], { ...facts, sinceStart: this.#counts[kind] });
  }
}

/** The inbox that a configuration asks for. */
export function createInbox(
  parts: Pick<InboxParts, "clock" | "log"> & {
    readonly config: Pick<BrokerConfig, "inbound">;
    /** Where the note of what is in hand is kept, and by which agent; nowhere when absent. */
    readonly keep: { readonly folder: string; readonly version: string } | undefined;
  },
  deliver: (message: ReceivedPublish) => boolean,
): Inbox {
  const { config, clock, log, keep } = parts;
  const { maxWaiting, maxWaitingBytes, maxCrashes } = config.inbound;
  const bounds = { messages: maxWaiting, bytes: maxWaitingBytes };
  const noteIn = ({ folder, version }: NonNullable<typeof keep>): PoisonGuard =>
    new PoisonGuard({ file: join(folder, "inbound.json"), version, maxCrashes, clock, log });
  const poisonGuard = keep === undefined ? undefined : noteIn(keep);
  return new Inbox({ bounds, poisonGuard, deliver, clock, log });
}

/** The message after a wait: of its life so much less is left, none at the least. */
function aged(message: ReceivedPublish, waitedMs: number): ReceivedPublish {
  const { messageExpirySeconds: seconds } = message;
  if (seconds === undefined) return message;
  return { ...message, messageExpirySeconds: Math.max(0, seconds - waitedMs / 1000) };
}

function emptyPools(): [Pool, Pool] {
  return [
    { messages: 0, bytes: 0 },
    { messages: 0, bytes: 0 },
  ];
}

/** What a packet holds in memory, roughly. */
function bytesOf({ topicName, payload, correlationData, responseTopic, userProperties }: mqtt5.PublishPacket): number {
  const texts = (userProperties ?? []).reduce((sum, { name, value }) => sum + name.length + value.length, 0);
  const parts = [payload, correlationData, topicName, responseTopic].map(lengthOf);
  return parts.reduce((sum, part) => sum + part, texts);
}

function lengthOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value) ? value.byteLength : 0;
}

/** Where it was thrown, "file:line:column", for whoever mends it. */
function placeOf(thrown: unknown): string | undefined {
  const line = thrown instanceof Error ? thrown.stack?.split("\n")[1] : undefined;
  return line?.trim().replace(/^at /, "");
}
