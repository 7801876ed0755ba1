import type { Broker } from "../../../agent/ports/broker.ts";

/** What one client published so far. */
export type Published = { readonly messages: number; readonly bytes: number };

/** Counts what comes to the broker, payloads alone, by whether the topic names `thing`. */
export class PeerTraffic {
  readonly #thing: string;
  #own = { messages: 0, bytes: 0 };
  #others = { messages: 0, bytes: 0 };

  constructor(thing: string) {
    this.#thing = thing;
  }

  /** Listens to all topics by a session that may. */
  async listen(session: Broker): Promise<void> {
    for (const filter of ["#", "$aws/#"]) {
      await session.subscribe(filter, ({ topic, payload }) => this.take(topic, payload.length));
    }
  }

  take(topic: string, bytes: number): void {
    const counts = topic.split("/").includes(this.#thing) ? this.#own : this.#others;
    counts.messages += 1;
    counts.bytes += bytes;
  }

  /** Of the thing. */
  own(): Published {
    return { ...this.#own };
  }

  /** Of everybody else. */
  others(): Published {
    return { ...this.#others };
  }
}
