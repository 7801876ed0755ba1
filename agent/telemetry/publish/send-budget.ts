import type { KeptValue, StreamName } from "../../ports/outbox.ts";

/** What holds classes of records back. Asked before each record, by its row in the outbox; is told how many bytes are about to go out. */
export type SendBudget = {
  allow(stream: StreamName, payloadBytes: number, row: number): { readonly kind: "go" | "held" };
  spent(stream: StreamName, bytes: number): void;
  /** There is a new connection, over which nothing goes for a moment: looks again at what it judges by. Never rejects. */
  renew?(): Promise<void>;
  /** What is to be kept in the transaction of the next acknowledgement, and who is told when it was; undefined, or absent, where nothing is. */
  keeping?(): { readonly kept: readonly KeptValue[]; readonly done: () => void } | undefined;
};
