import type { AgentCounters } from "../agent/agent-counters.ts";
import type { AgentSupervisor } from "../agent/agent-supervisor.ts";
import type { CampaignVerdict } from "../consumers/campaigns/campaign-verdict.ts";
import type { Gaps } from "../consumers/delivery-account.ts";
import type { BenchParts } from "./bench-parts.ts";
import type { SinkContent } from "./bench-sink.ts";

/** Which key signs the agent's TLS handshakes. */
export const KEY_LABEL = "TPM 2.0 (swtpm) EC P-256 through tpm2-pkcs11";

/** Result of one run; `scripts/bench --json` prints it as it is. Counts are over all agent processes of the run. */
export type BenchSummary = {
  readonly schemaVersion: 1;
  readonly framesSent: number;
  /** As the agents said; what a killed one received after its last status is not in it. */
  readonly framesReceived: number;
  /** Lost between the vehicle and the agent: by the driver's own count, or the hub's. */
  readonly framesDropped: number;
  /** Sent while the agent had no way to the bus. */
  readonly framesUnheard: number;
  /** Distinct frames that delivered counters prove to have been received. */
  readonly framesProven: number;
  /** In distinct delivered records. */
  readonly samples: number;
  /** Assigned by the outbox. */
  readonly recordsStored: number;
  /** Distinct. */
  readonly recordsDelivered: number;
  /** Deliveries of an id that had come before (at least once is the promise). */
  readonly duplicates: number;
  /** Stored, not delivered, and no loss record says so. */
  readonly gaps: number;
  readonly mismatches: number;
  /** Samples of which it could not be told what was sent. */
  readonly unverified: number;
  /** Records that a loss record names. */
  readonly reportedLost: number;
  /** Records still in the outbox at the end. */
  readonly pending: number;
  readonly bytesPayload: number;
  readonly bytesPerSample: number;
  /** Bytes that the agent wrote to disks while the vehicle was sending, for each byte of payload; 0 where its folder is in memory. */
  readonly writtenPerPayloadByte: number;
  /** User and system time of the agent while the vehicle was sending. */
  readonly cpuMicrosPerFrame: number;
  /** Highest resident set of an agent process, 10^6 bytes. */
  readonly rssMb: number;
  /** From process start to the first PUBACK of the first agent process; null when there was none. */
  readonly firstPubackMs: number | null;
  readonly agentStarts: number;
  /** Times that the agent ended by itself before the end. */
  readonly agentCrashes: number;
  readonly driveSeconds: number;
  /** From the last frame to the last delivery. */
  readonly drainSeconds: number;
  readonly bus: string;
  readonly key: string;
  /** What the judge says of each campaign of the command line. */
  readonly campaigns: readonly CampaignVerdict[];
  /** What is in the files of the cloud's consumer; null where it did not run. */
  readonly sink: SinkContent | null;
  /** First mismatches and gaps in words, and what else went wrong. */
  readonly remarks: readonly string[];
};

export type SummaryParts = {
  readonly parts: Pick<BenchParts, "bus" | "consumers" | "sender">;
  readonly agent: Pick<AgentSupervisor, "peakRssBytes" | "starts" | "crashes">;
  readonly counters: AgentCounters;
  readonly gaps: Gaps;
  readonly campaigns: readonly CampaignVerdict[];
  readonly sink: SinkContent | undefined;
  readonly recordsStored: number;
  readonly pending: number;
  readonly cpuUs: number;
  readonly writtenBytes: number;
  readonly driveSeconds: number;
  readonly drainSeconds: number;
  readonly remarks: readonly string[];
};

/** Puts the figures of a run together. */
export function summarise(input: SummaryParts): BenchSummary {
  const { parts, counters, gaps } = input;
  const { consumers } = parts;
  const { account } = consumers;
  const totals = counters.totals();
  return {
    schemaVersion: 1,
    framesSent: parts.sender.framesSent(),
    framesReceived: totals.framesReceived,
    framesDropped: totals.framesDropped + parts.bus.dropped(),
    framesUnheard: parts.bus.unheard(),
    framesProven: consumers.framesProven,
    samples: account.samples,
    recordsStored: input.recordsStored,
    recordsDelivered: account.records,
    duplicates: account.duplicates,
    gaps: gaps.missing,
    mismatches: consumers.mismatches + gaps.unknown + total(input.campaigns, "mismatches") + sinkDifference(input),
    unverified: consumers.unverified + total(input.campaigns, "unverified"),
    reportedLost: gaps.reportedLost,
    pending: input.pending,
    bytesPayload: account.payloadBytes,
    bytesPerSample: ratio(account.payloadBytes, account.samples, 3),
    writtenPerPayloadByte: ratio(input.writtenBytes, account.payloadBytes, 2),
    cpuMicrosPerFrame: ratio(input.cpuUs, totals.framesReceived, 2),
    rssMb: rounded(input.agent.peakRssBytes / 1e6, 1),
    firstPubackMs: counters.firstPubackMs === undefined ? null : rounded(counters.firstPubackMs, 0),
    agentStarts: input.agent.starts,
    agentCrashes: input.agent.crashes,
    driveSeconds: rounded(input.driveSeconds, 1),
    drainSeconds: rounded(input.drainSeconds, 1),
    bus: parts.bus.label,
    key: KEY_LABEL,
    campaigns: input.campaigns,
    sink: input.sink ?? null,
    remarks: [
      ...input.remarks,
      ...fitRemarks({ ...totals, framesSent: parts.sender.framesSent(), samples: account.samples }),
      ...consumers.remarks,
      ...input.campaigns.flatMap(({ id, remarks }) => remarks.map((remark) => `campaign ${id}: ${remark}`)),
      ...sinkRemarks(input),
      ...gaps.examples.map((id) => `missing record ${id}`),
      ...(gaps.unknown === 0 ? [] : [`${gaps.unknown} records came under ids that the outbox never gave`]),
    ],
  };
}

/** Samples that are in the files of the consumer and were not delivered to the judges, or the other way round. */
function sinkDifference({ sink, parts }: SummaryParts): number {
  return sink === undefined ? 0 : Math.abs(sink.samples - parts.consumers.account.samples);
}

function sinkRemarks(input: SummaryParts): readonly string[] {
  const { sink, parts } = input;
  if (sink === undefined || sinkDifference(input) === 0) return [];
  return [`${count(sink.samples)} samples are in ${sink.folder}, but ${count(parts.consumers.account.samples)} came`];
}

/** What a person must know where no sample came, and of a log and a DBC file that fit in part only. Remote and error frames are not sent. */
export function fitRemarks(frames: {
  readonly framesSent: number;
  readonly framesReceived: number;
  readonly framesOther: number;
  readonly samples: number;
}): readonly string[] {
  const { framesSent, framesReceived, framesOther, samples } = frames;
  if (framesSent === 0) return ["no frame was sent"];
  if (framesReceived + framesOther === 0) return ["the agent received no frame"];
  if (framesReceived === 0)
    return [`none of the ${count(framesSent)} frames is in the DBC file: is it of this vehicle?`];
  return [
    ...(framesOther === 0
      ? []
      : [`${count(framesOther)} of ${count(framesSent)} frames are in no message of the DBC file`]),
    ...(samples === 0 ? ["frames were received, and no sample came of them"] : []),
  ];
}

/** Whether a run kept the promise: nothing missing, nothing different, something delivered at all, by an agent that stayed up. */
export function isGood({ gaps, mismatches, samples, agentCrashes }: BenchSummary): boolean {
  return gaps === 0 && mismatches === 0 && samples > 0 && agentCrashes === 0;
}

/** The summary for a person. */
export function describeSummary(summary: BenchSummary): string {
  const rows: readonly (readonly [string, string])[] = [
    ["bus", summary.bus],
    ["key", summary.key],
    [
      "frames",
      [
        `${count(summary.framesSent)} sent, ${count(summary.framesReceived)} received, ${count(summary.framesDropped)} dropped`,
        ...(summary.framesUnheard === 0 ? [] : [`${count(summary.framesUnheard)} while the agent was not on the bus`]),
      ].join(", "),
    ],
    ["samples", `${count(summary.samples)} delivered, ${summary.bytesPerSample} bytes each`],
    ...(summary.sink === null
      ? []
      : [
          [
            "sink",
            `${count(summary.sink.samples)} samples of ${count(summary.sink.records)} records in files`,
          ] as const,
        ]),
    ["records", `${count(summary.recordsStored)} stored, ${count(summary.recordsDelivered)} delivered`],
    ["check", `${summary.gaps} gaps, ${summary.mismatches} mismatches, ${summary.duplicates} repeated deliveries`],
    [
      "agent",
      `${summary.cpuMicrosPerFrame} µs CPU a frame, ${summary.rssMb} MB, first PUBACK after ${summary.firstPubackMs ?? "-"} ms`,
    ],
    ["disk", `${summary.writtenPerPayloadByte} bytes written for each byte of payload`],
    ...summary.campaigns.map(({ id, triggers, judged, mismatches, unverified }): readonly [string, string] => [
      "campaign",
      ` ${id}: ${count(triggers)} triggers, ${count(judged)} judged, ${mismatches} mismatches, ${count(unverified)} not verified`,
    ]),
    [
      "time",
      `${summary.driveSeconds} s drive, ${summary.drainSeconds} s until all was delivered; agent starts: ${summary.agentStarts}, crashes: ${summary.agentCrashes}`,
    ],
  ];
  const lines = rows.map(([name, text]) => `  ${name.padEnd(8)}${text}`);
  const remarks = summary.remarks.map((remark) => `  ! ${remark}`);
  const verdict = isGood(summary) ? "Everything stored was delivered, and every value is what was sent." : "FAILED";
  return [...lines, ...remarks, verdict, ""].join("\n");
}

function total(campaigns: readonly CampaignVerdict[], of: "mismatches" | "unverified"): number {
  return campaigns.reduce((sum, one) => sum + one[of], 0);
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** 0 where there is nothing to divide by. */
function ratio(value: number, by: number, digits: number): number {
  return by === 0 ? 0 : rounded(value / by, digits);
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
