/**
 * Something outside that may ask a vehicle to check in now: an SMS, a packet, a program of the integrator. It is a hint and nothing
 * else: whatever it carries is dropped unread, and what is to be done comes by the session with the broker.
 */
export interface ShoulderTap {
  /** For people: "SMS by ModemManager". */
  readonly name: string;
  /** Listens until `stop`; calls for each tap, as often as it is tapped. Goes on by itself when what it listens to is away. Never throws. */
  start(onTap: () => void): void;
  stop(): Promise<void>;
}
