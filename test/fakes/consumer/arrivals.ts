import type { Arrival } from "../../../agent/consumer/intake/arrival.ts";
import type { StreamName } from "../../../agent/ports/outbox.ts";
import { encodingOf } from "../../../agent/telemetry/record/compress.ts";
import type { Encoder } from "../../../agent/telemetry/record/encode/encoder.ts";
import type { EncodedDraft, PayloadEncrypter } from "../../../agent/telemetry/record/encode/record-sealer.ts";
import { encoderOf, logOf } from "../telemetry/samples.ts";
import { tableOf } from "../telemetry/table.ts";

/** An arrival that remembers how often it was acknowledged. */
export type WatchedArrival = Arrival & { readonly acknowledged: () => number };

/** µs since the Unix epoch, where the records of a fake vehicle begin. */
const BEGIN_US = 1_767_225_600_000_000;
const EPOCH = 0xa1b2_c3d4_e5f6;
export const VEHICLE = "truck-1";

/** An arrival on `topic`. */
export function arrivalOf(
  topic: string,
  payload: Uint8Array,
  properties: Readonly<Record<string, string>> = {},
): WatchedArrival {
  let count = 0;
  return {
    topic,
    payload,
    userProperties: Object.entries(properties),
    acknowledge: () => {
      count += 1;
    },
    acknowledged: () => count,
  };
}

/** The records of truck-1 as its publisher sends them: a table of 40 signals in parts, and samples of it. */
export class FakeVehicle {
  readonly encoder: Encoder;
  readonly table = tableOf([
    {
      name: "Engine",
      signals: Array.from({ length: 40 }, (_, at) => ({ name: `Signal${at}`, unit: "rpm", factor: 0.5 })),
    },
  ]);
  readonly #seqs = new Map<StreamName, number>();

  constructor(maxPayloadBytes = 120_000, encrypter?: PayloadEncrypter) {
    this.encoder = encoderOf(this.table, { maxPayloadBytes }, encrypter);
  }

  /** The signal table, a part an arrival. */
  tables(): readonly WatchedArrival[] {
    return this.encoder.table().map((draft) => this.arrival(draft));
  }

  /** A record with one sample of each of the first two signals. */
  samples(value = 1): WatchedArrival {
    const [draft] = this.sampleDrafts(value);
    return this.arrival(draft);
  }

  /** The same before it has its id. */
  sampleDrafts(value: number): readonly EncodedDraft[] {
    const taken = [0, 1].map((signal) => ({ signal, timeUs: BEGIN_US, raw: value + signal }));
    return this.encoder.samples(logOf(this.table, taken), []);
  }

  notice(): WatchedArrival {
    return this.arrival(this.encoder.notice({ event: "test.noted", detail: "" }));
  }

  /** The next record of its stream. */
  arrival(draft: EncodedDraft): WatchedArrival {
    const { stream, retainKey } = draft;
    const seq = (this.#seqs.get(stream) ?? 0) + 1;
    this.#seqs.set(stream, seq);
    const payload = draft.seal({ epoch: EPOCH, stream, seq });
    const level = retainKey === undefined ? stream : `schema/${retainKey}`;
    const id = { epoch: String(EPOCH), seq: String(seq), stream };
    return arrivalOf(`dt/causeway/${VEHICLE}/${level}`, payload, {
      ...id,
      schema: "causeway.v1",
      encoding: encodingOf(payload),
    });
  }
}
