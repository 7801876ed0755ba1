import type { Clock } from "../../core/clock.ts";
import { AgentError, FAULTS } from "../../core/errors.ts";
import { type RecordId, STREAMS } from "../../ports/outbox.ts";
import { encodingOf } from "../../telemetry/record/compress.ts";
import type { DecodedRecord } from "../../telemetry/record/read/decoded-record.ts";
import type {
  ClaimedRecord,
  ClearRecord,
  EncryptedRecordReader,
} from "../../telemetry/record/read/record-decrypter.ts";
import type { Arrival } from "./arrival.ts";
import type { TopicOwner, TopicReader } from "./topics.ts";

/** Why an arrival is no record that may be written. */
export const REFUSALS = [
  "malformed",
  "foreign-thing",
  "foreign-stream",
  "foreign-table",
  "contradiction",
  "undecipherable",
  "failed",
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** What an arrival is. */
export type Reading =
  | { readonly kind: "record"; readonly record: DecodedRecord; readonly payload: Uint8Array }
  /** Must never be written, and will never be better: to be counted and acknowledged. */
  | { readonly kind: "refused"; readonly reason: Refusal; readonly detail: string }
  /** Stands beside records: presence, identity, a cleared retained table. */
  | { readonly kind: "ignored" };

export type IntakeParts = {
  readonly topics: TopicReader;
  readonly reader: Pick<EncryptedRecordReader, "read">;
  readonly clock: Pick<Clock, "wallUs">;
};

/**
 * Reads one arrival. The topic says whose record it is, as the broker lets a thing publish on its own topics alone: what the payload says of
 * itself must fit. The user properties are only a header for rules, and must not contradict it; but they alone say which record one in the
 * form of another cloud is. Rejects with a fault that may heal (`FAULTS`, "backoff") where the key of an encrypted payload cannot be asked now.
 */
export async function readArrival({ topics, reader, clock }: IntakeParts, arrival: Arrival): Promise<Reading> {
  const owner = topics.ownerOf(arrival.topic);
  if (owner?.kind === "foreign") return foreignRecord(arrival, owner.thing, clock.wallUs());
  if (owner === undefined || !isOfRecords(owner) || arrival.payload.length === 0) return { kind: "ignored" };
  const clear = await opened(reader, arrival, owner);
  if ("kind" in clear) return clear;
  const foreign = foreignTo(owner, clear.record);
  if (foreign !== undefined) return foreign;
  const detail = contradiction(arrival, clear);
  return detail === undefined ? { kind: "record", ...clear } : { kind: "refused", reason: "contradiction", detail };
}

/** When it was made nobody says: its time is that of its arrival, and is held against no other. */
function foreignRecord({ topic, payload, userProperties }: Arrival, thing: string, wallUs: number): Reading {
  const id = idIn(userProperties);
  if (typeof id === "string") return { kind: "refused", reason: "malformed", detail: id };
  const anchor = { monotonicUs: 0, wallUs, quality: "unsynchronised" } as const;
  return {
    kind: "record",
    record: { ...id, thing, bootId: "", anchor, body: { kind: "foreign", topic, payload } },
    payload,
  };
}

/** The id that user properties say, each once; otherwise what is wrong with them. */
function idIn(userProperties: Arrival["userProperties"]): RecordId | string {
  const valueOf = (name: string): string | undefined => {
    const [first, ...more] = userProperties.filter(([known]) => known === name);
    return more.length === 0 ? first?.[1] : undefined;
  };
  const stream = STREAMS.find((known) => known === valueOf("stream"));
  if (stream === undefined) return "the user property stream is no stream of records, or is not there once";
  const [epoch, seq] = ["epoch", "seq"].map((name) => positionIn(valueOf(name)));
  if (epoch === undefined) return "the user property epoch is no whole number from 1 to 2^53 - 1, or is not there once";
  if (seq === undefined) return "the user property seq is no whole number from 1 to 2^53 - 1, or is not there once";
  return { epoch, stream, seq };
}

function positionIn(digits: string | undefined): number | undefined {
  const value = Number(digits);
  return digits !== undefined && /^[1-9]\d{0,15}$/.test(digits) && Number.isSafeInteger(value) ? value : undefined;
}

/** Where records of this agent's own form stand. */
type OwnTopic = Exclude<TopicOwner, { kind: "foreign" }>;

async function opened(
  reader: IntakeParts["reader"],
  arrival: Arrival,
  owner: OwnTopic,
): Promise<ClearRecord | Reading> {
  try {
    return await reader.read(arrival.payload, claimOf(arrival, owner));
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    if (FAULTS[thrown.code].retry === "backoff") throw thrown;
    const reason = thrown.code === "input.malformed" ? "malformed" : "undecipherable";
    return { kind: "refused", reason, detail: thrown.message };
  }
}

/** What topic and user properties say the record is; undefined where they do not say all of it. */
function claimOf({ userProperties }: Arrival, { thing }: TopicOwner): ClaimedRecord | undefined {
  const properties = new Map(userProperties);
  const stream = STREAMS.find((known) => known === properties.get("stream"));
  const [epoch, seq] = ["epoch", "seq"].map((name) => Number(properties.get(name)));
  if (stream === undefined || !Number.isSafeInteger(epoch) || !Number.isSafeInteger(seq)) return undefined;
  return { thing, epoch, stream, seq };
}

/** Presence and identity stand where records of a stream do. */
function isOfRecords(owner: OwnTopic): boolean {
  return owner.kind === "schema" || STREAMS.some((stream) => stream === owner.stream);
}

function foreignTo(owner: OwnTopic, { thing, stream, body }: DecodedRecord): Reading | undefined {
  const refuse = (reason: Refusal, detail: string): Reading => ({ kind: "refused", reason, detail });
  if (owner.thing !== thing) return refuse("foreign-thing", `the record says it is of ${thing}`);
  if (owner.kind === "record") {
    return owner.stream === stream ? undefined : refuse("foreign-stream", `the record says it is of stream ${stream}`);
  }
  const isTable = body.kind === "table" && owner.key.startsWith(`${body.id}.`);
  return isTable ? undefined : refuse("foreign-table", `no part of the signal table ${owner.key}`);
}

/** The first user property that does not fit the record; those that are missing contradict nothing. */
function contradiction({ userProperties }: Arrival, { record, payload }: ClearRecord): string | undefined {
  const expected: Readonly<Record<string, string>> = {
    epoch: String(record.epoch),
    seq: String(record.seq),
    stream: record.stream,
    schema: "causeway.v1",
    encoding: encodingOf(payload),
  };
  for (const [name, value] of userProperties) {
    if (Object.hasOwn(expected, name) && expected[name] !== value) {
      return `the user property ${name} is not ${expected[name]}, as the payload has it`;
    }
  }
  return undefined;
}
