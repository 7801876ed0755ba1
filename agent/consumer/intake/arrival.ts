/** A message as it came from the broker. */
export type Arrival = {
  readonly topic: string;
  /** Not changed after: it may be kept without a copy. */
  readonly payload: Uint8Array;
  readonly userProperties: readonly (readonly [name: string, value: string])[];
  /**
   * Sends the PUBACK: the broker forgets the message. In any order, at any time, and as often as one likes; without effect on another
   * connection than the one that the message came on, and for a message of QoS 0.
   */
  acknowledge(): void;
};
