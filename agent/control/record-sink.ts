/** Where what must not be lost goes on its way to the outbox; it stays in the journal until it is there. */
export type RecordSink<T> = {
  /** Takes them over for the outbox, in one write; what the outbox refuses for now stays in memory. */
  hand(entries: readonly T[]): void;
  /** Whether everything that was handed over is durable. */
  isStored(): boolean;
};
