import type { Log } from "../../../core/log.ts";
import type { Broker } from "../../../ports/broker.ts";

/** What topic, properties and lengths take of a packet at most, bytes: a topic has at most 256 (AWS IoT Core), the properties of a record about 200. */
const ENVELOPE_BYTES = 1024;

/**
 * Longest payload that a record may have: what is configured, or less where the broker takes less, by what it said last. Records are encoded
 * before they are sent, and also while there is no link: those that were made before the broker said anything may be over it.
 */
export class PayloadBound {
  readonly #configuredBytes: number;
  readonly #broker: Pick<Broker, "status">;
  readonly #log: Log;
  #bytes: number;

  constructor(configuredBytes: number, broker: Pick<Broker, "status">, log: Log) {
    this.#configuredBytes = configuredBytes;
    this.#broker = broker;
    this.#log = log;
    this.#bytes = configuredBytes;
  }

  bytes(): number {
    const { limits } = this.#broker.status();
    if (limits === undefined) return this.#bytes;
    const { maximumPacketBytes, maximumPayloadBytes = Number.POSITIVE_INFINITY } = limits;
    const taken = Math.max(ENVELOPE_BYTES, Math.min(maximumPayloadBytes, maximumPacketBytes - ENVELOPE_BYTES));
    const bytes = Math.min(this.#configuredBytes, taken);
    if (bytes !== this.#bytes && bytes < this.#configuredBytes) {
      this.#log.warn("encode.payload-bounded", { configuredBytes: this.#configuredBytes, brokerBytes: taken });
    }
    this.#bytes = bytes;
    return bytes;
  }
}
