import { AgentError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { Broker, ReceivedPublish } from "../../ports/broker.ts";
import type { RecordReader } from "../../telemetry/record/read/record-reader.ts";
import { type Sample, SignalTables, samplesOf } from "../../telemetry/record/read/samples.ts";
import { readPresence } from "./presence.ts";
import { type KnownValue, type Presence, SHOWN_SIGNALS, type VehicleFacts } from "./vehicle-facts.ts";

/** Vehicles that are known at most; the one heard of first is forgotten beyond it. */
const MAX_VEHICLES = 1000;

export type HeardFactsParts = {
  readonly broker: Pick<Broker, "subscribe">;
  readonly reader: RecordReader;
  readonly log: Log;
};

type Known = { presence: Presence | undefined; readonly values: Map<string, KnownValue> };

/** What one process hears of vehicles over MQTT, for a bench: their presence, and the newest values in their records. */
export class HeardFacts implements VehicleFacts {
  readonly #parts: HeardFactsParts;
  readonly #tables = new SignalTables();
  readonly #vehicles = new Map<string, Known>();

  constructor(parts: HeardFactsParts) {
    this.#parts = parts;
  }

  /** Begins to listen. Throws `broker.refused`. */
  async open(): Promise<void> {
    const { broker } = this.#parts;
    await broker.subscribe("dt/causeway/+/schema/+", (message) => this.#hear(message));
    await broker.subscribe("dt/causeway/+/+", (message) => this.#hear(message));
  }

  async presence(thing: string): Promise<Presence | undefined> {
    return this.#vehicles.get(thing)?.presence;
  }

  async latest(thing: string): Promise<readonly KnownValue[]> {
    return [...(this.#vehicles.get(thing)?.values.values() ?? [])];
  }

  #hear({ topic, payload }: ReceivedPublish): void {
    const [, , thing = "", kind] = topic.split("/");
    if (kind === "presence") {
      this.#of(thing).presence = readPresence(payload) ?? this.#of(thing).presence;
      return;
    }
    try {
      const record = this.#parts.reader.decode(payload);
      if (record.body.kind === "table") this.#tables.add(record.body);
      else for (const sample of samplesOf(record, this.#tables)) this.#note(thing, sample);
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.#parts.log.debug("companion.record-unread", { code: thrown.code, bytes: payload.length });
    }
  }

  #note(thing: string, { signal, physical, text, timeUs }: Sample): void {
    if (!("name" in signal) || signal.aggregate !== undefined) return;
    // Without a value it says a state: that it is not available, or an error.
    const value = physical === undefined ? text : Number(physical);
    if (value === undefined) return;
    const name = `${signal.message}.${signal.name}`;
    if (!SHOWN_SIGNALS.some((shown) => shown === name)) return;
    const { values } = this.#of(thing);
    const timeMs = timeUs / 1000;
    if ((values.get(name)?.timeMs ?? 0) > timeMs) return;
    values.set(name, { signal: name, value, unit: signal.unit, timeMs });
  }

  #of(thing: string): Known {
    const known = this.#vehicles.get(thing) ?? { presence: undefined, values: new Map<string, KnownValue>() };
    this.#vehicles.set(thing, known);
    const [oldest] = this.#vehicles.keys();
    if (this.#vehicles.size > MAX_VEHICLES && oldest !== undefined) this.#vehicles.delete(oldest);
    return known;
  }
}
