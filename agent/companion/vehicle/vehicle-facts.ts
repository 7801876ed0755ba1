/** Whether a vehicle is there, as its retained presence says (agent/cloud/presence.ts). */
export type Presence = {
  readonly state: "online" | "asleep" | "lost";
  /** When it was said, RFC 3339; of "lost" the time when the vehicle came online, which is when it left the message with the broker. */
  readonly at: string;
};

/** The newest value of a signal that is known here. */
export type KnownValue = {
  readonly signal: string;
  readonly value: number | string;
  readonly unit: string;
  readonly timeMs: number;
};

/** What is known of vehicles without asking them. Calls reject with what the service's client throws. */
export interface VehicleFacts {
  /** Undefined for a vehicle that never said anything. */
  presence(thing: string): Promise<Presence | undefined>;
  /** Newest values of the signals of the page ("Message.Signal"), those that are known. */
  latest(thing: string): Promise<readonly KnownValue[]>;
}

/** Signals that the page shows. */
export const SHOWN_SIGNALS = ["DoorStatus.Locked", "VehicleMotion.Speed"] as const;
