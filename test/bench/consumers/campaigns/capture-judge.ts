import type { CampaignDocument } from "../../../../config/campaign.ts";
import { frameOf } from "../../vehicle/vehicle-model.ts";
import type { WireFrames, WireTrigger } from "../record-reader.ts";
import type { CampaignEvidence } from "./campaign-evidence.ts";
import type { CampaignTally } from "./campaign-verdict.ts";
import type { Sampling } from "./chosen-signals.ts";
import { columnOf, judgeColumn } from "./column-judge.ts";
import { evaluateDrive, signalNamed } from "./drive-expressions.ts";
import { type DriveFacts, type ReceivedFrame, samplesOf } from "./received-frames.ts";

/** A campaign of captures, and all frames that were received while it ran. */
export type CaptureCase = {
  readonly document: CampaignDocument;
  readonly samplings: readonly Sampling[];
  readonly frames: readonly ReceivedFrame[];
  readonly facts: DriveFacts;
};

/** How much shorter than asked for a history may be said to be: it counts from the first frame in it, ms. */
const HISTORY_SLACK_MS = 250;
/** Flags of a frame that say what it is (config/proto/telemetry.proto). */
const EXTENDED = 1;

/**
 * Judges every capture: each frame from `beforeMs` before its first trigger to `afterMs` after its last must be in it exactly once, but
 * for what the capture before it has, and what is not must not.
 */
export function judgeCaptures(of: CaptureCase, evidence: CampaignEvidence, tally: CampaignTally): void {
  const begins = evidence.triggers.filter(({ phase }) => phase === "TRIGGER_PHASE_BEGIN");
  let givenUntilUs = Number.NEGATIVE_INFINITY;
  for (const begin of begins.toSorted((a, b) => a.timeUs - b.timeUs)) {
    const end = evidence.triggers.find(({ number, phase }) => number === begin.number && phase === "TRIGGER_PHASE_END");
    const came = countOf(evidence, begin.number);
    if (end === undefined) {
      tally.unknown(`trigger ${begin.number}: no record of its end`, came);
      continue;
    }
    const why = gapIn(end);
    const lastUs = Math.max(begin.timeUs, ...end.marksUs);
    const fromUs = begin.timeUs - begin.beforeMs * 1000;
    const untilUs = lastUs + begin.afterMs * 1000;
    if (why !== undefined) tally.unknown(`trigger ${begin.number}: ${why}`, came);
    else {
      judgeHistory(of, begin, { fromUs, givenUntilUs }, tally);
      const inside = of.frames.filter(
        ({ timeUs }) => timeUs >= Math.max(fromUs, givenUntilUs + 1) && timeUs <= untilUs,
      );
      tally.about = `trigger ${begin.number} (${fromUs}..${untilUs}, ${end.marksUs.length} marks): `;
      judgeCapture(of, begin.number, inside, evidence, tally);
      tally.about = "";
    }
    givenUntilUs = untilUs;
  }
  const strays = [...evidence.columns.keys()].filter((number) => !begins.some((begin) => begin.number === number));
  for (const number of strays) tally.wrong(`trigger ${number}: samples without its record`, countOf(evidence, number));
}

function countOf(evidence: CampaignEvidence, trigger: number): number {
  return [...(evidence.columns.get(trigger)?.values() ?? [])].reduce((sum, { length }) => sum + length, 0);
}

/** Why a capture need not be whole; it says so itself. */
function gapIn(end: WireTrigger): string | undefined {
  if (end.framesLost > 0) return `${end.framesLost} frames were overwritten in the history`;
  if (end.samplesDiscarded > 0) return `${end.samplesDiscarded} samples were discarded`;
  if (end.clockStepped) return "the clock was set";
  if (end.spansStop) return "it spans a stop of the agent";
  return end.marksDropped > 0 ? "not all of its triggers are named" : undefined;
}

/** The history that a trigger says there was, against the frames that had been received. */
function judgeHistory(
  { frames }: CaptureCase,
  { number, timeUs, historyMs, beforeMs }: WireTrigger,
  { fromUs, givenUntilUs }: { readonly fromUs: number; readonly givenUntilUs: number },
  tally: CampaignTally,
): void {
  const first = frames.find((frame) => frame.timeUs >= Math.max(fromUs, givenUntilUs));
  const wasMs = Math.max(0, (timeUs - (first?.timeUs ?? timeUs)) / 1000);
  if (historyMs > beforeMs || historyMs < wasMs - HISTORY_SLACK_MS)
    tally.wrong(`trigger ${number}: says ${historyMs} ms of history, there were ${wasMs}`);
  else tally.right(1);
}

function judgeCapture(
  of: CaptureCase,
  trigger: number,
  inside: readonly ReceivedFrame[],
  evidence: CampaignEvidence,
  tally: CampaignTally,
): void {
  const { document, samplings, facts } = of;
  const wanted = wantedMessages(of);
  const decoded = inside.filter(({ message }) => wanted.has(message.name));
  const columns = evidence.columns.get(trigger);
  const { derived } = evaluateDrive(decoded, document, facts);
  for (const sampling of samplings) {
    const column = columnOf(sampling);
    const got = column === undefined ? [] : (columns?.get(column) ?? []);
    const { source } = sampling;
    const samples = source.kind === "derived" ? derived.get(source.name) : samplesOf(decoded, source.signal, facts);
    if (column === undefined || samples === undefined)
      tally.unknown(`${sampling.entry.mode} in captures is not judged`, got.length);
    else judgeColumn(sampling, [samples], got, tally);
  }
  if (document.frames.length > 0) {
    const given = evidence.frames.filter((one) => one.trigger === trigger);
    judgeFrames(
      inside.filter((frame) => isAskedFor(document, frame)),
      given,
      facts,
      tally,
    );
  }
}

/** Messages whose frames a capture decodes. */
function wantedMessages({ document, samplings, facts }: CaptureCase): ReadonlySet<string> {
  const inputs = document.derived.length === 0 ? [] : Object.values(document.inputs);
  return new Set([
    ...samplings.flatMap(({ source }) => (source.kind === "vehicle" ? [source.signal.message] : [])),
    ...inputs.flatMap((name) => signalNamed(facts.vehicle, name)?.message ?? []),
  ]);
}

function isAskedFor({ frames }: CampaignDocument, { message }: ReceivedFrame): boolean {
  return frames.some(
    ({ ids }) =>
      ids === undefined ||
      ids.some((one) =>
        "id" in one
          ? one.id === message.id && one.extended === message.extended
          : message.extended && pgnOf(message.id) === one.pgn,
      ),
  );
}

/** SAE J1939-21: the PDU format decides whether the PDU specific byte is an address. */
function pgnOf(id: number): number {
  const pgn = Math.floor(id / 256) % 0x4_0000;
  return Math.floor(pgn / 256) % 256 < 240 ? pgn - (pgn % 256) : pgn;
}

function judgeFrames(
  expected: readonly ReceivedFrame[],
  records: readonly WireFrames[],
  { seed }: DriveFacts,
  tally: CampaignTally,
): void {
  const left = new Map<string, number>();
  for (const text of records.flatMap(framesOf)) left.set(text, (left.get(text) ?? 0) + 1);
  for (const { message, n, timeUs } of expected) {
    const data = Buffer.from(frameOf(message, n, seed)).toString("hex");
    const text = `${timeUs} ${message.id}${message.extended ? "x" : ""} ${data}`;
    const count = left.get(text) ?? 0;
    if (count === 0) tally.wrong(`frame ${text} is not in the capture`);
    else tally.right(1);
    left.set(text, count - 1);
  }
  for (const [text, count] of left) if (count > 0) tally.wrong(`frame ${text} came, and should not`, count);
}

function framesOf({ baseTimeUs, deltas, ids, flags, lengths, data }: WireFrames): readonly string[] {
  let timeUs = baseTimeUs;
  let at = 0;
  return ids.map((id, index) => {
    timeUs += deltas[index];
    const bytes = Buffer.from(data.subarray(at, at + lengths[index])).toString("hex");
    at += lengths[index];
    return `${timeUs} ${id}${flags[index] % 2 === EXTENDED ? "x" : ""} ${bytes}`;
  });
}
