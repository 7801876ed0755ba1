/** The narrow interfaces that drivers implement. Each states its promises; drivers do not repeat them. */
import type { ClockQuality } from "./core/clock.ts";
import type { FaultCode } from "./core/errors.ts";
import type { CanFrame, FrameBatch } from "./data/frame.ts";

// ---------------------------------------------------------------- CAN

/** "up": receiving; "down": the interface exists but is down; "absent": there is no such interface or no way to it now; the last two are read from error frames. */
export type BusState = "up" | "down" | "absent" | "error-passive" | "bus-off";

/** What one receive filter lets through: frames with (id & mask) === (this.id & mask) and the same id length. */
export type FrameFilter = { readonly id: number; readonly mask: number; readonly extended: boolean };

/** Counts since `start`. */
export type BusCounters = {
  /** Data frames handed to `onFrames`. */
  readonly received: number;
  /** Frames lost before `onFrames`: the kernel's own counter (SO_RXQ_OVFL) plus the driver's full ring. Exact, never guessed; undefined where the driver cannot know. */
  readonly dropped: number | undefined;
  readonly errorFrames: number;
  readonly transmitted: number;
};

/** Facts about an open bus. */
export type BusFacts = {
  readonly driver: "native" | "socketcan" | "socketcand" | "replay";
  /** SO_RCVBUF asked for and got, bytes (the kernel doubles what it grants, socket(7)); undefined where there is no socket buffer. */
  readonly receiveBuffer: { readonly askedBytes: number; readonly gotBytes: number } | undefined;
  /** Where `receivedAtUs` comes from. */
  readonly timestamps: "kernel" | "remote" | "log" | "process";
};

/** Callbacks of a bus. Both run on the main thread, never re-entrantly, and must not throw. */
export type BusSink = {
  /** The batch and its buffer are reused as soon as this returns. Frames of one bus arrive in receive order. */
  onFrames(batch: FrameBatch): void;
  /** Called at every change, and once with the first state. `detail` is for people. */
  onState(state: BusState, detail: string): void;
};

/**
 * One CAN bus.
 *
 * `start` resolves once listening, or once the bus is known to be down or absent (the driver goes on trying by itself and says so
 * through `onState`); it rejects only for a fault that no waiting mends (`bus.not-permitted`, `bus.unsupported`).
 * After `stop` resolves, no callback comes. Error frames are delivered in batches too (flag `error`).
 */
export interface CanBus {
  readonly name: string;
  start(sink: BusSink): Promise<void>;
  facts(): BusFacts;
  counters(): BusCounters;
  /**
   * Hands one frame to the bus (its `receivedAtUs` is ignored). Waits, bounded, for queue space; a frame whose call has rejected is
   * not sent later. Rejects with `bus.transmit-failed`, at once while the controller is bus-off, or with `bus.unsupported` where the
   * driver cannot transmit.
   */
  send(frame: CanFrame): Promise<void>;
  stop(): Promise<void>;
}

// ---------------------------------------------------------------- Outbox

/** Record classes in drain order; eviction goes from the last to the first. */
export const STREAMS = ["control", "event", "telemetry", "capture"] as const;
export type StreamName = (typeof STREAMS)[number];

/** What makes a record unique, together with the thing name. `epoch` names one outbox database; `seq` counts from 1 without a hole. */
export type RecordId = { readonly epoch: number; readonly stream: StreamName; readonly seq: number };

/** Payload compression, as the user property `encoding` names it. */
export type Encoding = "identity" | "gzip" | "zstd";

/** A record before it has its id. */
export type Draft = {
  readonly stream: StreamName;
  readonly encoding: Encoding;
  readonly timeQuality: ClockQuality;
  /** Life from now, ms; undefined lives until delivered or evicted. */
  readonly lifeMs: number | undefined;
  /** Set for the signal table: publish retained on the schema topic with this key instead of the stream's topic. */
  readonly retainKey: string | undefined;
  /** The payload for this id. Called once, inside the transaction; must be synchronous and must not call the outbox. */
  seal(id: RecordId): Uint8Array;
};

/** A stored record on its way out. */
export type Outgoing = RecordId & {
  /** Row id: grows with every append, over all streams. */
  readonly row: number;
  readonly encoding: Encoding;
  readonly timeQuality: ClockQuality;
  /** µs since the Unix epoch when stored, by a clock of quality `timeQuality`. */
  readonly storedAtUs: number;
  /** Monotonic ms when stored; undefined when it was stored in another boot, or nobody knows in which. */
  readonly storedAtMonotonicMs: number | undefined;
  /** `storedAtUs` plus its life, ms since the Unix epoch; undefined lives on. */
  readonly expiresAtMs: number | undefined;
  readonly retainKey: string | undefined;
  readonly payload: Uint8Array;
};

/** Why records were lost. "evicted": the byte bound; "expired": their life ended; "rejected": the broker refused them for good; "damaged": the disk gave them back unreadable; "dropped": an operator gave them up. */
export type LossReason = "evicted" | "expired" | "rejected" | "damaged" | "dropped";

/** A run of records that will not be delivered: seq `first`..`last`, both included. */
export type LossRange = {
  readonly epoch: number;
  readonly stream: StreamName;
  readonly first: number;
  readonly last: number;
  readonly reason: LossReason;
  /** For people: the broker's reason code, the bound that was reached. */
  readonly detail: string;
};

/** What is known of a stored record without its payload. */
export type StoredRecord = RecordId & {
  readonly row: number;
  readonly bytes: number;
  readonly encoding: Encoding;
  /** µs since the Unix epoch. */
  readonly storedAtUs: number;
  /** Set aside after a permanent refusal. */
  readonly dead: boolean;
};

export type StreamStats = {
  /** Waiting for delivery; dead ones are counted apart. */
  readonly records: number;
  /** Payload bytes on disk, dead ones included. */
  readonly bytes: number;
  /** Highest seq ever assigned; 0 when none. */
  readonly lastSeq: number;
  /** Set aside after a permanent refusal, still on disk, not sent again. */
  readonly dead: number;
  /** Since the database was made. */
  readonly lost: number;
  /** Wall time of the oldest record that waits, µs since the Unix epoch; undefined when none does. */
  readonly oldestUs: number | undefined;
};

export type OutboxStats = {
  readonly epoch: number;
  readonly records: number;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly streams: Readonly<Record<StreamName, StreamStats>>;
  /** Why records are kept in memory alone for now; absent while they are on the disk. */
  readonly fault?: { readonly code: FaultCode; readonly what: string; readonly remedy: string };
};

/** The disk under the outbox. */
export type DiskState = {
  /** On its file system, for this process; undefined when that does not say. */
  readonly freeBytes: number | undefined;
  /** Whether it is as good as full, so that someone should free space. */
  readonly isFull: boolean;
  /**
   * How much is set by for the time when it is full, and its bytes. "part": records are stored with a copy of the log after each write,
   * which takes longer; "none": they go only where others were evicted.
   */
  readonly reserve: "whole" | "part" | "none";
  readonly reserveBytes: number;
};

/**
 * Durable store between collection and the cellular link, and the only queue. Calls are synchronous and atomic: when one
 * returns, its effect survives a power cut; when it throws, nothing happened.
 */
export interface Outbox {
  /**
   * Stores all drafts in one transaction and returns their ids, in order. Assigns epoch and the next seq of each stream inside
   * the transaction. Evicts lowest class first, in it dead ones first, then oldest first, to stay within the byte bound, and notes
   * each eviction as a loss. The last twentieth of the bound is kept for `control`. Records of one call never evict each other,
   * and one that is held is not evicted.
   * Throws `outbox.full` when nothing of the same or a lower class is left to evict (the disk's own "full" included).
   */
  append(drafts: readonly Draft[]): readonly RecordId[];
  /** Records of `stream` with afterRow < row <= throughRow, oldest first, at most `maxRecords` and (but for the first) `maxBytes` of payload. Dead ones are left out. */
  read(
    stream: StreamName,
    afterRow: number,
    throughRow: number,
    maxRecords: number,
    maxBytes: number,
  ): readonly Outgoing[];
  /** Highest row ever assigned; 0 when none. */
  lastRow(): number;
  /**
   * A record goes on its way: until `release`, `ack` or `lose` it is neither evicted nor dropped, so that no loss is told of what
   * arrives. False when it is not stored any more, and then it must not be sent. Nothing is written, and a restart holds nothing.
   */
  hold(row: number): boolean;
  /** A held record did not arrive. Unknown rows are ignored. */
  release(row: number): void;
  /** Forgets delivered records; call only after their PUBACK with a good reason code. Unknown rows are ignored. */
  ack(rows: readonly number[]): void;
  /** Sets records aside for good (`rejected`) or deletes them (`expired`), and notes their losses. Unknown rows are ignored. The caller bounds their number, and so the pause. */
  lose(rows: readonly number[], reason: "rejected" | "expired", detail: string): void;
  /** Deletes at most `maxRecords` of `stream` up to `throughRow`, oldest first, dead ones included and held ones not, and notes the losses ("dropped"). Gives their number. */
  drop(stream: StreamName, throughRow: number, maxRecords: number, detail: string): number;
  /**
   * Turns the noted losses, merged into ranges, oldest first, at most `max`, into records made by `draftOf`, in one transaction.
   * Returns how many; 0 when there is none, or when only records of the same class could make room for the reports. A report that is
   * evicted or expires before its delivery gives its range back to the noted losses, and so does a refused one, which is not kept.
   */
  reportLosses(draftOf: (loss: LossRange) => Draft, max: number): number;
  /** Stored records without their payload, of one stream or of all, oldest first, dead ones included. */
  list(stream: StreamName | undefined, limit: number): readonly StoredRecord[];
  stats(): OutboxStats;
  /** Undefined where there is no disk, or it is away. */
  disk(): DiskState | undefined;
  close(): void;
}

// ---------------------------------------------------------------- Journal

export * from "./journal-port.ts";

// ---------------------------------------------------------------- Broker

/** Limits the broker announced in CONNACK (MQTT 5.0, 3.2.2.3). */
export type BrokerLimits = {
  readonly receiveMaximum: number;
  /** Bytes of a whole PUBLISH packet. */
  readonly maximumPacketBytes: number;
  readonly topicAliasMaximum: number;
  readonly retainAvailable: boolean;
};

export type LinkState = "offline" | "connecting" | "online";

/** What the link is doing and why it is not online. */
export type LinkStatus = {
  readonly state: LinkState;
  /** Monotonic ms since this state began. */
  readonly sinceMs: number;
  readonly fault: { readonly code: FaultCode; readonly what: string; readonly remedy: string } | undefined;
  /** Successful connections since start. */
  readonly connects: number;
  readonly limits: BrokerLimits | undefined;
};

/** One MQTT 5 PUBLISH (QoS 1). */
export type Publication = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  readonly contentType: string;
  /** Seconds; undefined lives on. */
  readonly messageExpirySeconds: number | undefined;
  readonly userProperties: readonly (readonly [name: string, value: string])[];
  /** Where an answer is wanted; absent where none is. */
  readonly responseTopic?: string;
  /** Given back to a requester as it came (MQTT 5.0, 4.10); absent where nothing is answered. */
  readonly correlationData?: Uint8Array;
};

/** "acked": PUBACK below 0x80; "refused": PUBACK 0x80 or above; "offline": no PUBACK came, it may or may not have arrived; "too-large": over the broker's packet limit, never sent. */
export type PublishOutcome =
  | { readonly kind: "acked" }
  | { readonly kind: "refused"; readonly reasonCode: number; readonly reason: string }
  | { readonly kind: "offline" }
  | { readonly kind: "too-large" };

/** A message that arrived on one of our subscriptions. */
export type Inbound = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly contentType: string | undefined;
  readonly responseTopic: string | undefined;
  readonly correlationData: Uint8Array | undefined;
  /** What was left of the message's life when it was sent to us, seconds; undefined lives on. */
  readonly messageExpirySeconds: number | undefined;
  readonly userProperties: readonly (readonly [name: string, value: string])[];
};

/** A key of the device and the certificate for it: a label in the token (in bench mode the path of a key file) and a PEM file. */
export type LinkCredential = { readonly keyLabel: string; readonly certificateFile: string };

/** "kept": the session goes on with the credential it had; `fault` says what was wrong with the other. */
export type Reidentification =
  | { readonly kind: "moved" }
  | { readonly kind: "kept"; readonly fault: NonNullable<LinkStatus["fault"]> };

/**
 * The MQTT 5 session. Connects, and connects again with full jitter, until `stop`. Queues nothing: a publish while offline is
 * "offline" at once. Subscriptions are remembered and made again after every connect that did not resume the session.
 */
export interface Broker {
  /** Begins connecting; returns at once. */
  start(): void;
  status(): LinkStatus;
  /**
   * Resolves with the limits once online (at once when it is), or with undefined when `signal` aborts or the session is stopped. With
   * `after`, waits for a connection whose number (`LinkStatus.connects`) is higher.
   */
  online(signal: AbortSignal, after?: number): Promise<BrokerLimits | undefined>;
  /** Never rejects. */
  publish(publication: Publication): Promise<PublishOutcome>;
  /** Filters must be disjoint. `handler` must not throw. Resolves when the broker granted it, or when it is remembered while offline. */
  subscribe(filter: string, handler: (message: Inbound) => void): Promise<void>;
  /**
   * Goes over to another credential under the same client id, so that a policy which allows this id alone is enough: ends the connection
   * in order, makes the next one with `credential` and resumes the session. A key or file that cannot be used is found before anything
   * is ended. When the new connection is refused, or not there after `withinMs`, the session goes back to the credential it had.
   * One at a time; what is published meanwhile is "offline". Never rejects.
   */
  reidentify(credential: LinkCredential, withinMs: number): Promise<Reidentification>;
  /** Ends a wait between two attempts to connect: the next one begins at once. Does nothing while online. */
  retryNow(): void;
  /** Disconnects cleanly (the will is not sent). Idempotent, never rejects. */
  stop(): Promise<void>;
}

// ---------------------------------------------------------------- Keys

export * from "./key-port.ts";

// ---------------------------------------------------------------- service manager

export * from "./notifier-port.ts";
