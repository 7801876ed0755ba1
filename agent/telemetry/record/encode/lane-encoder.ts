import type { AgentConfig } from "../../../../config/schema.ts";
import type { StreamName } from "../../../ports/outbox.ts";
import type { OutputSchema } from "../../collect/lane.ts";
import type { SampleLog } from "../../collect/sample-log.ts";
import type { BusCount } from "./bus-count.ts";
import type { CampaignRef } from "./campaign-ref.ts";
import type { DraftForm, EncodedDraft, RecordSealer } from "./record-sealer.ts";
import { type BodyWriter, SampleCutter } from "./sample-cutter.ts";

/** How the samples of one campaign become records. */
export type LaneSettings = {
  /** The signal table that its samples are of. */
  readonly schema: OutputSchema;
  /** Undefined for what the rules of the configuration ask for. */
  readonly campaign: CampaignRef | undefined;
  readonly stream: StreamName;
  /** "rows" and "json" have name, value, unit and time of each sample in clear, and are never compressed. */
  readonly form: "columns" | "rows" | "json";
  /** Of columns; as the encoder is set when absent. */
  readonly compression?: AgentConfig["encode"]["compression"] | undefined;
  /** N: of columns a full outbox may keep every N-th sample alone, before anything is evicted; absent never. */
  readonly thin?: number | undefined;
  /** Life of its records, ms; as that of the stream when absent. */
  readonly lifeMs?: number | undefined;
};

/** What lanes of an encoder share. */
export type LaneParts = {
  readonly sealer: RecordSealer;
  readonly writer: BodyWriter;
  /** Longest body of a record in `form`, bytes, asked for each batch. */
  readonly maxBodyBytes: (form: DraftForm["form"]) => number;
};

/** Makes the records of one campaign, whose samples come in one log after the other. */
export class LaneEncoder {
  readonly #stream: StreamName;
  readonly #form: DraftForm;
  readonly #parts: LaneParts;
  readonly #cutter: SampleCutter;

  constructor({ schema, campaign, stream, form, compression, thin, lifeMs }: LaneSettings, parts: LaneParts) {
    this.#stream = stream;
    this.#form = {
      form: form === "json" ? "json" : "protobuf",
      compression: form === "columns" ? compression : "none",
      lifeMs,
      thin: form === "columns" ? thin : undefined,
      isStamped: true,
    };
    this.#parts = parts;
    this.#cutter = new SampleCutter({ schema, campaign }, parts.writer);
  }

  /**
   * All samples of `log`, in as many records as the limit asks for; none for an empty log. Records are cut between frames; only a
   * frame that is too long by itself is cut inside. Each carries `buses`, and `trigger`, the number of the trigger that they belong to.
   */
  encode(log: SampleLog, buses: readonly BusCount[], trigger = 0): EncodedDraft[] {
    const { sealer, maxBodyBytes } = this.#parts;
    const bodies = this.#cutter.cut(log, buses, trigger, maxBodyBytes(this.#form.form));
    return bodies.map(({ body, samples }) => sealer.draft(this.#stream, body, { ...this.#form, samples }));
  }
}
