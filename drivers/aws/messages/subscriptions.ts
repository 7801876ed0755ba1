import type { Mqtt5Client } from "aws-crt/dist/native/mqtt5.js";
import { messageOf } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type { ReceivedPublish } from "../../../agent/ports/broker.ts";
import { FIRST_FAILURE_CODE, reasonText } from "./reason-codes.ts";
import { matchesFilter } from "./topic-filter.ts";

type Subscription = { readonly handler: (message: ReceivedPublish) => void; granted: boolean };

/** A filter that the broker will not grant, and its reason code for people. */
export type RefusedFilter = { readonly filter: string; readonly reason: string };

/** AWS IoT Core takes at most this many filters in one SUBSCRIBE. */
const FILTERS_A_PACKET = 8;

/** Wait before a SUBSCRIBE that got no answer is sent again, ms. */
const RETRY_MS = 5000;

/** The filters that somebody wants, and which of them the present session has. The SDK forgets them when a session is lost. */
export class Subscriptions {
  readonly #log: Log;
  readonly #entries = new Map<string, Subscription>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Remembers a filter. One that is already there gets the new handler. */
  add(filter: string, handler: (message: ReceivedPublish) => void): void {
    this.#entries.set(filter, { handler, granted: this.#entries.get(filter)?.granted ?? false });
  }

  remove(filter: string): void {
    this.#entries.delete(filter);
  }

  /** The broker has forgotten the session, and every subscription with it. */
  forgetGrants(): void {
    for (const entry of this.#entries.values()) entry.granted = false;
  }

  /** Asks for one filter. Gives the rejection; undefined when it was granted or no answer came. */
  async request(client: Mqtt5Client, filter: string): Promise<RefusedFilter | undefined> {
    return (await this.#requestAll(client, [filter]))[0];
  }

  /**
   * Asks at once for every filter that the session lacks, so that what is published after it finds them made, and again where no answer
   * came, until the connection is over. A refused one is logged and left alone until the next session.
   */
  async complete(client: Mqtt5Client, sleep: (ms: number) => Promise<void>, isOver: () => boolean): Promise<void> {
    while (!(await this.#requestMissing(client))) {
      await sleep(RETRY_MS);
      if (isOver()) return;
    }
  }

  /** Gives whether nothing is lacking any more; false when an answer did not come. */
  async #requestMissing(client: Mqtt5Client): Promise<boolean> {
    const answers = await Promise.all(this.#missing().map((filters) => this.#requestAll(client, filters)));
    for (const { filter, reason } of answers.flat()) {
      this.#noteGranted(filter);
      this.#log.error("broker.subscription-refused", { filter, reason });
    }
    return this.#missing().length === 0;
  }

  /** Hands a message to every subscription whose filter matches. Returns whether there was one. */
  dispatch(message: ReceivedPublish): boolean {
    let isWanted = false;
    for (const [filter, { handler }] of this.#entries) {
      if (!matchesFilter(filter, message.topic)) continue;
      isWanted = true;
      handler(message);
    }
    return isWanted;
  }

  async #requestAll(client: Mqtt5Client, filters: readonly string[]): Promise<readonly RefusedFilter[]> {
    const subscriptions = filters.map((topicFilter) => ({ topicFilter, qos: 1 }));
    const suback = await client.subscribe({ subscriptions }).catch((thrown: unknown) => {
      this.#log.debug("broker.subscribe-unanswered", { what: messageOf(thrown) });
      return undefined;
    });
    if (suback === undefined) return [];
    const refused: RefusedFilter[] = [];
    for (const [index, filter] of filters.entries()) {
      const code = suback.reasonCodes[index] ?? FIRST_FAILURE_CODE;
      if (code < FIRST_FAILURE_CODE) this.#noteGranted(filter);
      else refused.push({ filter, reason: reasonText(code, suback.reasonString) });
    }
    return refused;
  }

  #noteGranted(filter: string): void {
    const entry = this.#entries.get(filter);
    if (entry !== undefined) entry.granted = true;
  }

  #missing(): readonly (readonly string[])[] {
    const filters = [...this.#entries].filter(([, { granted }]) => !granted).map(([filter]) => filter);
    return Array.from({ length: Math.ceil(filters.length / FILTERS_A_PACKET) }, (_, index) =>
      filters.slice(index * FILTERS_A_PACKET, (index + 1) * FILTERS_A_PACKET),
    );
  }
}
