/** Where what must not be lost goes on its way to the outbox; it stays in the journal until it is there. */
export type RecordSink<T> = {
  /** Takes them over for the outbox, in one write; what the outbox refuses for now stays in memory. */
  handOver(entries: readonly T[]): void;
  /** False while the outbox holds as much of their kind as it may: they wait in the journal then. */
  hasRoom(): boolean;
  /** Whether everything that was handed over is durable. */
  isStored(): boolean;
};
