import { decodeBody, encodeBody, WIRE_FORMATS, type WireFormat } from "../../../agent/cloud/wire-format.ts";
import { type Broker, publicationTo } from "../../../agent/ports/broker.ts";
import { type DefenderDocument, readDefenderReport } from "./defender-report.ts";

/** Payload of a publish (AWS IoT Core quotas). */
const MAX_PAYLOAD_BYTES = 131_072;

/** What is done to the next report: no answer, or this refusal. */
export type DefenderDisturbance = "silent" | Refusal;

/** A report as a device published it. */
export type TakenReport = {
  readonly thing: string;
  readonly format: WireFormat;
  readonly payload: Uint8Array;
  /** With long names; undefined where it is no report. */
  readonly report: DefenderDocument | undefined;
  /** Undefined where it was accepted, or nobody answered. */
  readonly refusal: Refusal | undefined;
};

/** As the service says why. */
export type Refusal = { readonly ErrorCode: string; readonly ErrorMessage: string };

/** The AWS side of Device Defender's device metrics, on a session of the bench's cloud. */
export class CloudDefender {
  /** The oldest first. */
  readonly reports: TakenReport[] = [];
  /** A report of a thing that comes sooner after one that was taken is throttled. */
  leastMs = 300_000;
  /** An account that is no customer of detect: nobody answers. */
  isClosed = false;
  readonly #session: Broker;
  readonly #disturbances: DefenderDisturbance[] = [];
  readonly #taken = new Map<string, { readonly id: number; readonly atMs: number }>();

  constructor(session: Broker) {
    this.#session = session;
  }

  async start(): Promise<void> {
    for (const format of WIRE_FORMATS) {
      await this.#session.subscribe(`$aws/things/+/defender/metrics/${format}`, ({ topic, payload }) => {
        void this.#take(topic, format, payload);
      });
    }
  }

  /** The next reports are treated so, one after the other. */
  disturb(...disturbances: readonly DefenderDisturbance[]): void {
    this.#disturbances.push(...disturbances);
  }

  async #take(topic: string, format: WireFormat, payload: Uint8Array): Promise<void> {
    const thing = topic.split("/")[2] ?? "";
    const read = readDefenderReport(decodeBody(format, payload));
    const report = "problem" in read ? undefined : read;
    const disturbance = this.#disturbances.shift();
    const isSilent = this.isClosed || disturbance === "silent";
    const own = report === undefined ? undefined : this.#judge(thing, report, payload);
    const judged = "problem" in read ? invalidPayload(read.problem) : own;
    const refusal = isSilent ? undefined : (disturbance ?? judged);
    this.reports.push({ thing, format, payload, report, refusal });
    if (isSilent) return;
    const id = report?.header.report_id;
    if (refusal === undefined && id !== undefined) this.#taken.set(thing, { id, atMs: Date.now() });
    await this.#answer(topic, format, { thingName: thing, ...(id !== undefined && { reportId: id }) }, refusal);
  }

  #judge(thing: string, { header: { report_id: id } }: DefenderDocument, payload: Uint8Array): Refusal | undefined {
    const last = this.#taken.get(thing);
    if (payload.length > MAX_PAYLOAD_BYTES) return invalidPayload("longer than 128 KB");
    if (last === undefined) return undefined;
    if (id <= last.id) return invalidPayload(`report_id ${id} is not above ${last.id}`);
    const isSoon = Date.now() - last.atMs < this.leastMs;
    return isSoon ? { ErrorCode: "Throttled", ErrorMessage: "one report in five minutes" } : undefined;
  }

  async #answer(topic: string, format: WireFormat, about: object, refusal: Refusal | undefined): Promise<void> {
    const timestamp = Date.now();
    const [suffix, body] =
      refusal === undefined
        ? ["accepted", { ...about, status: "ACCEPTED", timestamp }]
        : ["rejected", { ...about, status: "REJECTED", statusDetails: { ...refusal }, timestamp }];
    const answer = publicationTo(`${topic}/${suffix}`, encodeBody(format, body), "", { messageExpirySeconds: 60 });
    await this.#session.publish(answer);
  }
}

function invalidPayload(what: string): Refusal {
  return { ErrorCode: "InvalidPayload", ErrorMessage: what };
}
