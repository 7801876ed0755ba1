import {
  type CampaignJudge,
  type CampaignSamples,
  isTaken,
  isVehicleTable,
  samplesOfColumns,
  samplesOfRows,
} from "./campaign-samples.ts";
import type { ConsumerDelivery, ConsumerReport } from "./consumer-protocol.ts";
import type { ReportedLoss } from "./delivery-account.ts";
import { createRecordReader, JSON_TYPE, type ReadRecord, type WireRecord, type WireSignal } from "./record-reader.ts";
import { columnsOf, type RecordVerdict, type SampleColumn, type SampleJudge, Tally } from "./sample-judge.ts";

/** One PUBLISH as it came. */
export type Arrival = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly contentType: string | undefined;
  readonly properties: ReadonlyMap<string, string>;
};

/** `watched` are "Message.Signal" names. */
export type RecordCheckParts = {
  readonly descriptor: Uint8Array;
  readonly thing: string;
  readonly watched: readonly string[];
};

/** What is known of a drive besides what was sent. */
type DriveFacts = {
  readonly campaigns?: CampaignJudge | undefined;
  readonly distanceUs?: number | undefined;
};
type Report = Extract<ConsumerReport, { kind: "report" }>;
type Pending = { readonly arrival: Arrival; readonly record: WireRecord };

/** Package of config/proto/telemetry.proto: which descriptor reads the payload. */
const SCHEMA = "causeway.v1";
const CONTENT_TYPE = "application/x-protobuf";
const CAN_BE_JSON: ReadonlySet<string> = new Set(["rows", "trigger"]);
const MAX_WAITING = 10_000;
/** A clock that differs by less was not moved: two clocks are read one after the other, and a time service slews. */
const LEAST_MOVED_US = 1_000_000;
const MAX_REMARKS = 20;
const NOTHING = { samples: 0, frames: 0, mismatches: 0, unverified: 0 } as const;

/** Checks records one by one as they arrive, and holds those whose signal table is still to come. */
export class RecordCheck {
  readonly #parts: RecordCheckParts;
  readonly #read: ReadRecord;
  readonly #tables = new Map<string, Map<number, WireSignal>>();
  readonly #complete = new Set<string>();
  #judge: SampleJudge | undefined;
  #campaigns: CampaignJudge | undefined;
  #distanceUs: number | undefined;
  #waiting: Pending[] = [];
  #report = emptyReport();

  constructor(parts: RecordCheckParts) {
    this.#parts = parts;
    this.#read = createRecordReader(parts.descriptor);
  }

  /**
   * From here on samples can be judged; records that came before are judged now. What campaigns work out is not verified without `campaigns`.
   * `distanceUs` is wall time less boottime of a clock that is right; without it all clocks are.
   */
  start(judge: SampleJudge, drive: DriveFacts = {}): void {
    this.#judge = judge;
    this.#campaigns = drive.campaigns;
    this.#distanceUs = drive.distanceUs;
    this.#retryWaiting();
  }

  arrive(arrival: Arrival): void {
    try {
      const encoding = arrival.properties.get("encoding") ?? "identity";
      const record = this.#read(arrival.payload, encoding, arrival.contentType);
      this.#take({ arrival, record });
    } catch (error) {
      this.#report.broken += 1;
      this.#remark(`${arrival.topic}: ${String(error)}`);
    }
  }

  /** What has come since the last call. */
  takeReport(): Report {
    const report = { ...this.#report, waiting: this.#waiting.length };
    this.#report = emptyReport();
    return report;
  }

  #take(pending: Pending): void {
    const { record } = pending;
    switch (record.body) {
      case "table":
        this.#enter(pending, { ...NOTHING, mismatches: this.#learn(record) });
        this.#retryWaiting();
        return;
      case "samples":
      case "rows":
        this.#takeSamples(pending);
        return;
      case "loss":
        if (record.loss !== undefined) {
          this.#report.losses.push(reportedLossOf(record.loss));
        }
        this.#enter(pending, NOTHING);
        return;
      case "updatePhase":
        if (record.updatePhase !== undefined) {
          const { number, bytes, totalBytes, ...phase } = record.updatePhase;
          const counts = { number: Number(number), bytes: Number(bytes), totalBytes: Number(totalBytes) };
          this.#report.phases.push({ ...phase, ...counts });
        }
        this.#enter(pending, NOTHING);
        return;
      case "busEvent":
      case "frames":
      case "file":
      case "trigger":
      case "histograms":
      case "campaignReport":
      case "troubleCode":
      case "troubleCodeReport":
      case "clockChange":
      case "vehicleStateChange":
      case "trip":
      case "wake":
      case "fenceEvent":
      case "privacyChange":
      case "linkChange":
      case "dataUsage":
      case "health":
      case "programValues":
      case "programBytes":
      case "securityEvent":
      case "uploadedFile":
      case "tunnelEvent":
      case "audit":
      case "notice":
        this.#enter(pending, NOTHING);
    }
  }

  #takeSamples(pending: Pending): void {
    const verdict = this.#judgeSamples(pending.record);
    if (verdict === undefined) {
      if (this.#waiting.length >= MAX_WAITING) throw new Error("no signal table for too long");
      this.#waiting.push(pending);
      return;
    }
    for (const remark of verdict.remarks) this.#remark(remark);
    this.#enter(pending, verdict);
  }

  /** Undefined while something is missing that is needed for it. */
  #judgeSamples({ samples, rows, anchor }: WireRecord): RecordVerdict | undefined {
    if (this.#judge === undefined) return undefined;
    if (rows !== undefined) return this.#judgeCampaign(this.#judge, samplesOfRows(rows));
    if (samples === undefined) throw new Error("a record without its body");
    const table = this.#tables.get(samples.table);
    if (table === undefined || !this.#complete.has(samples.table)) return undefined;
    const columns = rightTimes(columnsOf(samples, table), anchor, this.#distanceUs);
    this.#watch(columns);
    if (samples.campaign === null) return this.#judge.judge(columns);
    return this.#judgeCampaign(this.#judge, samplesOfColumns(samples, columns));
  }

  #judgeCampaign(judge: SampleJudge, samples: CampaignSamples): RecordVerdict {
    const tally = new Tally();
    tally.add(judge.judgeTaken(samples.taken));
    const workedOut = samples.workedOut.reduce((sum, { values }) => sum + values.length, 0);
    if (this.#campaigns !== undefined) tally.add(this.#campaigns.judge(samples));
    else tally.add({ samples: workedOut, mismatches: 0, unverified: workedOut, frames: 0, remarks: [] });
    return tally.verdict();
  }

  #retryWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const pending of waiting) this.#takeSamples(pending);
  }

  /** Adds one part of a signal table; gives the number of wrong rows once it is complete. */
  #learn(record: WireRecord): number {
    if (record.table === undefined) throw new Error("a record without its body");
    const { id, total, signals } = record.table;
    const known = this.#tables.get(id) ?? new Map<number, WireSignal>();
    this.#tables.set(id, known);
    for (const signal of signals) known.set(signal.index, signal);
    if (known.size < total || this.#complete.has(id)) return 0;
    this.#complete.add(id);
    const rows = [...known.values()];
    const wrong = this.#judge?.judgeTable(rows.filter(isTaken), isVehicleTable(rows)) ?? [];
    for (const remark of wrong) this.#remark(remark);
    return wrong.length;
  }

  #enter(pending: Pending, verdict: Pick<ConsumerDelivery, keyof typeof NOTHING>): void {
    const { arrival, record } = pending;
    const wrong = wrongProperties(arrival, record, this.#parts.thing);
    for (const remark of wrong) this.#remark(remark);
    this.#report.deliveries.push({
      epoch: Number(record.epoch),
      stream: record.stream,
      seq: Number(record.seq),
      bytes: arrival.payload.length,
      copies: record.body === "table",
      samples: verdict.samples,
      frames: verdict.frames,
      mismatches: verdict.mismatches + wrong.length,
      unverified: verdict.unverified,
      standsFor: seqsOf(record),
    });
  }

  #watch(columns: readonly SampleColumn[]): void {
    for (const { signal, values, timesUs } of columns) {
      const name = `${signal.message}.${signal.name}`;
      const last = values.at(-1);
      if (last === undefined || !this.#parts.watched.includes(name)) continue;
      const value = Number(last) * signal.factor + signal.offset;
      this.#report.latest[name] = { value, unit: signal.unit, timeUs: timesUs.at(-1) ?? 0 };
    }
  }

  #remark(text: string): void {
    if (this.#report.remarks.length < MAX_REMARKS) this.#report.remarks.push(text);
  }
}

/** Columns by a clock that is right, where that of the record was moved. */
function rightTimes(
  columns: readonly SampleColumn[],
  { wallUs, monotonicUs, suspendedUs }: WireRecord["anchor"],
  distanceUs: number | undefined,
): readonly SampleColumn[] {
  const shiftUs = distanceUs === undefined ? 0 : distanceUs - Number(wallUs - monotonicUs - suspendedUs);
  if (Math.abs(shiftUs) < LEAST_MOVED_US) return columns;
  return columns.map((column) => ({ ...column, timesUs: column.timesUs.map((timeUs) => timeUs + shiftUs) }));
}

function reportedLossOf(loss: NonNullable<WireRecord["loss"]>): ReportedLoss {
  const range = { first: Number(loss.first), last: Number(loss.last) };
  const kept = { first: Number(loss.keptFirst), last: Number(loss.keptLast) };
  const isThinned = loss.reason === "LOSS_REASON_THINNED";
  return { epoch: Number(loss.epoch), stream: loss.stream, ...range, ...(isThinned && { kept }) };
}

/** The seqs of the records that were thinned into this one. */
function seqsOf({ thinned }: WireRecord): number[] {
  let seq = 0n;
  return (thinned?.seqs ?? []).map((delta) => {
    seq += delta;
    return Number(seq);
  });
}

function emptyReport(): Report {
  return { kind: "report", deliveries: [], losses: [], phases: [], broken: 0, waiting: 0, remarks: [], latest: {} };
}

/** What the topic and the user properties say against what the payload says. */
function wrongProperties(
  { topic, properties, contentType }: Arrival,
  record: WireRecord,
  thing: string,
): readonly string[] {
  const id = `${record.epoch}/${record.stream}/${record.seq}`;
  const expected: readonly (readonly [string, string])[] = [
    ["epoch", `${record.epoch}`],
    ["seq", `${record.seq}`],
    ["stream", record.stream],
    ["schema", SCHEMA],
  ];
  const wrong = expected
    .filter(([name, value]) => properties.get(name) !== value)
    .map(([name, value]) => `${id}: user property ${name} is ${properties.get(name)}, not ${value}`);
  if (record.thing !== thing) wrong.push(`${id}: thing ${record.thing} is not ${thing}`);
  if (contentType !== CONTENT_TYPE && (contentType !== JSON_TYPE || !CAN_BE_JSON.has(record.body)))
    wrong.push(`${id}: content type ${contentType}`);
  if (properties.get("time-quality") === undefined) wrong.push(`${id}: no user property time-quality`);
  // A signal table may come in parts, which are told apart behind a dot.
  const place = topic.slice(topic.lastIndexOf(`/${thing}/`) + thing.length + 2).split(".")[0];
  if (place !== (record.body === "table" ? `schema/${record.table?.id}` : record.stream)) {
    wrong.push(`${id}: came on ${topic}`);
  }
  return wrong;
}
