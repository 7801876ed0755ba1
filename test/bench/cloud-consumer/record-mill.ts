import type { Clock } from "../../../agent/core/clock.ts";
import type { QueuedRecord, RecordId, StreamName } from "../../../agent/ports/outbox.ts";
import { Encoder } from "../../../agent/telemetry/record/encode/encoder.ts";
import type { EncodedDraft } from "../../../agent/telemetry/record/encode/record-sealer.ts";
import { smoothCollector } from "../benchmarks/smooth-samples.ts";
import { SmoothFrames, smoothTable } from "../benchmarks/smooth-signals.ts";

/** A record on its way to the broker, and how many samples it has. */
export type MilledRecord = { readonly record: QueuedRecord; readonly samples: number };

/** Frames of a vehicle a second. */
const FRAMES_PER_SECOND = 2000;

/**
 * Records of one vehicle as its agent would make them: its own collector and encoder over smooth signals, samples on change, zstd. Ids count
 * on without a hole; the frames of a record are received up to the moment it is made.
 */
export class RecordMill {
  readonly #encoder: Encoder;
  readonly #clock: Clock;
  readonly #collect: ReturnType<typeof smoothCollector>;
  readonly #frames = new SmoothFrames(FRAMES_PER_SECOND);
  readonly #framesPerRecord: number;
  readonly #epoch: number;
  readonly #seqs = new Map<StreamName, number>();
  readonly #table = smoothTable();

  constructor(thing: string, epoch: number, clock: Clock, recordMs: number) {
    this.#clock = clock;
    this.#epoch = epoch;
    this.#framesPerRecord = (FRAMES_PER_SECOND * recordMs) / 1000;
    this.#collect = smoothCollector(this.#table, []);
    const settings = { compression: "zstd", maxPayloadBytes: 120_000, timeResolutionUs: 1000, lifeMs: {} } as const;
    this.#encoder = new Encoder({
      thing,
      bootId: "0123456789abcdef0123456789abcdef",
      table: this.#table,
      clock,
      settings,
    });
  }

  /** The parts of the signal table: to be published first. */
  table(): MilledRecord[] {
    return this.#encoder.table().map((draft) => this.#queued(draft));
  }

  /** The samples of the next frames: one record, or several where one would be too long. */
  next(): MilledRecord[] {
    const log = this.#collect(this.#frames.batch(this.#framesPerRecord));
    const shiftUs = this.#clock.wallUs() - log.timesUs[log.count - 1];
    for (let at = 0; at < log.count; at++) log.timesUs[at] += shiftUs;
    return this.#encoder.samples(log, []).map((draft) => this.#queued(draft));
  }

  #queued(draft: EncodedDraft): MilledRecord {
    const { stream } = draft;
    const seq = (this.#seqs.get(stream) ?? 0) + 1;
    this.#seqs.set(stream, seq);
    const id: RecordId = { epoch: this.#epoch, stream, seq };
    const { encoding, timeQuality, retainKey } = draft;
    const ages = { storedAtUs: this.#clock.wallUs(), storedAtMonotonicMs: undefined, expiresAtMs: undefined };
    const record = { ...id, row: 0, encoding, timeQuality, retainKey, ...ages, payload: draft.seal(id) };
    return { record, samples: draft.samples };
  }
}
