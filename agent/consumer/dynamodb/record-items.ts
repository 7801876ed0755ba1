import { createHash } from "node:crypto";
import type { DecodedRecord } from "../../telemetry/record/read/decoded-record.ts";
import { allTimes, type BatchSpan, SampleAppender } from "../rows/append-samples.ts";
import { type EventRow, eventRowOf, rawEventOf } from "../rows/event-row.ts";
import { type RecordFacts, recordFactsOf } from "../rows/facts.ts";
import { SampleBatch } from "../rows/sample-batch.ts";
import type { ClockShift } from "../store/clock-offsets.ts";
import type { Delivery } from "../store/delivery.ts";
import { number, text } from "./attributes.ts";
import { samplesContent, textContent } from "./samples-content.ts";
import type { Item } from "./table-client.ts";

/** Bytes of `content` in one item: below the 400 KB that an item may have, with room for its other attributes. */
const PART_BYTES = 350_000;
/** Items of one record. An MQTT message of AWS IoT Core never needs a second one; records of other brokers have up to 4 MB. */
const MAX_PARTS = 16;
/** Longest JSON that stays readable in the console, bytes. */
const MAX_BODY_BYTES = 32_768;
/** Bytes of a name in a key (a range key has 1024 at most), and of one beside it. */
const MAX_NAME_BYTES = 900;

/** A thing name of AWS IoT Core: nothing in it can be taken for what stands beside it in a key. */
const THING = /^[\w:-]{1,128}$/;

/** The items of one record: `parts` are written first, and are seen by nobody until `head` is there. */
export type RecordItems = {
  readonly head: Item;
  readonly parts: readonly Item[];
  /** As rows: for what is known of each signal last. */
  readonly batch: SampleBatch;
  /** Bytes of content. */
  readonly bytes: number;
};

/** Why a record can never be stored: a word for a metric, and a sentence. */
export type Unfit = { readonly reason: "too-long" | "unfit"; readonly detail: string };

/** Makes the items of records. */
export class RecordItemMaker {
  #span: BatchSpan = allTimes(new SampleBatch());
  readonly #appender = new SampleAppender(() => this.#span);

  /** `expiresAt` in s since the Unix epoch. */
  make({ record, receivedUs, table }: Delivery, shift: ClockShift, expiresAt: number): RecordItems | Unfit {
    const batch = new SampleBatch();
    this.#span = allTimes(batch);
    const named = this.#appender.append(record, table?.signals, shift);
    const event = named ? eventRowOf(record, shift) : rawEventOf(record, shift);
    const facts = recordFactsOf(record, shift);
    const { content, body } = contentOf(batch, event, facts.shiftUs);
    const bytes = (content?.length ?? 0) + Buffer.byteLength(body ?? "");
    if (bytes > PART_BYTES * MAX_PARTS)
      return {
        reason: "too-long",
        detail: `its rows have ${bytes} bytes, at most ${PART_BYTES * MAX_PARTS} can be stored`,
      };
    const key = keyOf(record);
    const life = { expires_at: number(expiresAt) };
    const cuts = partsOf(content);
    const digest = cuts.length > 1 ? digestOf(content) : "";
    const parts = cuts.slice(1).map((part, at): Item => {
      return { ...key, id: text(`${idOf(record)}#${digest}#${at + 1}`), content: { B: part }, ...life };
    });
    const head: Item = {
      ...key,
      ...factsOf(facts),
      ...placeOf(record, batch, event, facts),
      ...(cuts.length > 0 && { content: { B: cuts[0] } }),
      ...(parts.length > 0 && { parts: number(parts.length), parts_digest: text(digest) }),
      ...(body !== undefined && { body: text(body) }),
      received_us: number(receivedUs),
      ...life,
    };
    return { head, parts, batch, bytes };
  }
}

/** Why a record can be no items, whatever its rows are; undefined where it can. */
export function unfitFor({ record: { thing, bootId, body }, payload }: Delivery): Unfit | undefined {
  if (!THING.test(thing)) return { reason: "unfit", detail: "its thing name is none of AWS IoT Core" };
  const ofBody = "campaign" in body ? (body.campaign?.id ?? "") : body.kind === "table" ? body.id : "";
  const longest = Math.max(...[bootId, ofBody].map((name) => Buffer.byteLength(name)));
  if (longest > MAX_NAME_BYTES) {
    return { reason: "unfit", detail: `a name has ${longest} bytes, at most ${MAX_NAME_BYTES} can be stored` };
  }
  if (body.kind !== "table" || payload.length <= PART_BYTES) return undefined;
  return { reason: "too-long", detail: `a table part of ${payload.length} bytes, at most ${PART_BYTES} can be stored` };
}

/** Range key of a record: ids of a thing stand in the order of their epochs, streams and seqs. */
export function idOf({ epoch, stream, seq }: Pick<DecodedRecord, "epoch" | "stream" | "seq">): string {
  return `${digits(epoch)}#${stream}#${digits(seq)}`;
}

function digits(value: number): string {
  return String(value).padStart(16, "0");
}

function keyOf(record: DecodedRecord): Item {
  return { thing: text(record.thing), id: text(idOf(record)) };
}

/** Of two workers that write one record, one with its signal table and one without, each finds its own parts. */
function digestOf(content: Uint8Array | undefined): string {
  return createHash("sha256")
    .update(content ?? "")
    .digest("hex")
    .slice(0, 16);
}

type Content = { readonly content?: Uint8Array | undefined; readonly body?: string | undefined };

function contentOf(batch: SampleBatch, event: EventRow | undefined, shiftUs: number): Content {
  const body = event?.body;
  if (batch.rows > 0) return { content: samplesContent(batch, shiftUs, body) };
  if (body === undefined || Buffer.byteLength(body) <= MAX_BODY_BYTES) return { body };
  return { content: textContent(body) };
}

function partsOf(content: Uint8Array | undefined): readonly Uint8Array[] {
  if (content === undefined) return [];
  const count = Math.max(1, Math.ceil(content.length / PART_BYTES));
  return Array.from({ length: count }, (_, at) => content.subarray(at * PART_BYTES, (at + 1) * PART_BYTES));
}

function factsOf({ bootId, timeQuality, timeBasis, shiftUs, offsetUs, campaign, trigger }: RecordFacts): Item {
  return {
    time_quality: text(timeQuality),
    time_basis: text(timeBasis),
    shift_us: number(shiftUs),
    boot_id: text(bootId),
    offset_us: number(offsetUs),
    ...(campaign !== undefined && { campaign: text(campaign) }),
    ...(trigger !== undefined && { trigger_number: number(trigger) }),
  };
}

/** What the index is by. A part of a table has no place in it: nobody asks for it by time. */
function placeOf(record: DecodedRecord, batch: SampleBatch, event: EventRow | undefined, facts: RecordFacts): Item {
  const { thing, anchor, body } = record;
  const kind = text(batch.rows > 0 ? body.kind : (event?.kind ?? body.kind));
  if (body.kind === "table") return { kind };
  if (batch.rows > 0) {
    const [firstUs, lastUs] = bounds(batch.timesUs);
    return {
      kind,
      series: text(`${thing}#samples`),
      time_us: number(lastUs),
      first_us: number(firstUs),
      samples: number(batch.rows),
    };
  }
  const timeUs = event?.timeUs ?? anchor.wallUs + facts.shiftUs;
  return { kind, series: text(`${thing}#events`), time_us: number(timeUs) };
}

function bounds(timesUs: Float64Array): readonly [firstUs: number, lastUs: number] {
  let [first, last] = [timesUs[0], timesUs[0]];
  for (const timeUs of timesUs) {
    if (timeUs < first) first = timeUs;
    if (timeUs > last) last = timeUs;
  }
  return [first, last];
}
