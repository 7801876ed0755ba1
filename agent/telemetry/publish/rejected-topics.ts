import type { QueuedRecord } from "../../ports/outbox.ts";

/** Topics that are remembered; signal tables have one each. */
const MAX_TOPICS = 16;

/** What the broker has refused on one topic since it last took a record there. */
export type RejectedTopic = {
  readonly stream: QueuedRecord["stream"];
  readonly topic: string;
  /** Reason code of the PUBACK, or of the DISCONNECT over a record (MQTT 5.0, 2.4), and what it means. */
  readonly reasonCode: number;
  readonly reason: string;
  readonly count: number;
};

/** The topics on which records are refused at present, for people. */
export class RejectedTopics {
  readonly #topics = new Map<string, RejectedTopic>();

  note(
    topic: string,
    { stream }: QueuedRecord,
    { reasonCode, reason }: Pick<RejectedTopic, "reasonCode" | "reason">,
  ): void {
    const count = (this.#topics.get(topic)?.count ?? 0) + 1;
    if (count === 1 && this.#topics.size >= MAX_TOPICS) return;
    this.#topics.set(topic, { stream, topic, reasonCode, reason, count });
  }

  /** The broker took a record there. */
  end(topic: string): void {
    this.#topics.delete(topic);
  }

  list(): readonly RejectedTopic[] {
    return [...this.#topics.values()];
  }
}
