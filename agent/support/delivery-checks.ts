import { printable } from "../core/plain-text.ts";
import { formatBytes, formatCounted, formatDuration } from "../core/quantity.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import { linkProblems, stuckProblems } from "../telemetry/health.ts";
import { NOT_AUTHORIZED, QUOTA_EXCEEDED } from "../telemetry/publish/rejection-codes.ts";
import { failed, type Problem, passed, warned } from "./check.ts";

type Loss = Status["losses"][number];
type TopicRejection = Status["delivery"]["refusedTopics"][number];

const CHECK = "delivery";
/** A loss is a problem for so long after it. */
const RECENT_MS = 3_600_000;

/** Whether of what was taken so much was lost that someone should look: more than one in 10,000. */
export function isNotable(lost: number, taken: number): boolean {
  return lost > (taken + lost) / 10_000;
}

/** What keeps records from being stored or delivered, or has lost some within the hour. */
export function deliveryProblems(status: Status): readonly Problem[] {
  return [...storeFault(status), ...lostKey(status), ...rejectionsAndLosses(status)].map(safe);
}

/** What keeps records that are stored from being taken: no connection, a data path that has stopped, a broker that refuses them. */
export function deliveryObstacles(status: Status): readonly Problem[] {
  return [...stuckProblems(status), ...linkProblems(status), ...rejections(status)].map(safe);
}

/** What of records that are stored is not taken, or was lost within the hour. */
export function rejectionsAndLosses(status: Status): readonly Problem[] {
  return [...blockingProblems(status), ...recentLosses(status)].map(safe);
}

/** The same as checks of a self-test: what stands in the way fails, what has passed is a warning. */
export function deliveryChecks(status: Status): readonly Check[] {
  const blocking = [...storeFault(status), ...blockingProblems(status)].map(safe);
  const checks = [
    ...blocking.map((problem) => failed(CHECK, problem)),
    ...[...lostKey(status), ...recentLosses(status)].map(safe).map(({ what, remedy }) => warned(CHECK, what, remedy)),
  ];
  if (checks.length > 0) return checks;
  return [passed(CHECK, "records are stored, none is refused, none was lost within the hour")];
}

/** Reasons are the broker's own words: they must not steer a terminal. */
function safe({ what, remedy }: Problem): Problem {
  return { what: printable(what), remedy: printable(remedy) };
}

function storeFault({ outbox: { fault } }: Status): readonly Problem[] {
  return fault === undefined ? [] : [fault];
}

function lostKey({ outbox: { encryption } }: Status): readonly Problem[] {
  return encryption?.lost === undefined ? [] : [encryption.lost];
}

/** What the broker refuses at present, a topic each; first where most records wait for it. */
export function rejections({ outbox, delivery }: Status): readonly Problem[] {
  const waiting = ({ stream }: TopicRejection): number => outbox.streams[stream].records;
  const topics = [...delivery.refusedTopics].sort((a, b) => waiting(b) - waiting(a));
  return topics.map((topic) => safe(rejectionProblem(topic, outbox)));
}

function blockingProblems(status: Status): readonly Problem[] {
  return [...diskProblems(status), ...rejections(status)];
}

function recentLosses({ losses, collected }: Status): readonly Problem[] {
  const { discardedSamples, samples } = collected;
  return [
    ...losses.filter(({ reason, agoMs }) => reason !== "dropped" && agoMs <= RECENT_MS).map(lossProblem),
    ...(isNotable(discardedSamples, samples) ? [discardProblem(discardedSamples)] : []),
  ];
}

/** A disk that has no room for new records. */
export function diskProblems({ outbox: { disk } }: Status): readonly Problem[] {
  if (disk?.isFull !== true) return [];
  const free = disk.freeBytes === undefined ? "nothing" : formatBytes(disk.freeBytes);
  return [
    {
      what: `the disk is full: ${free} free where the outbox is, ${formatBytes(disk.reserveBytes)} in its reserve; new records cost old ones`,
      remedy: "free space on the file system of stateDir (df and du show what fills it), or lower outbox.maxBytes",
    },
  ];
}

function rejectionProblem(
  { stream, topic, reasonCode, reason, count }: TopicRejection,
  outbox: Status["outbox"],
): Problem {
  const waiting = formatCounted(outbox.streams[stream].records, "waits", "wait");
  return {
    what: `the broker refuses ${stream} records: ${reason}, ${formatCounted(count, "time")} on ${topic}; ${waiting}`,
    remedy: rejectionRemedy(reasonCode, topic),
  };
}

function rejectionRemedy(reasonCode: number, topic: string): string {
  switch (reasonCode) {
    case NOT_AUTHORIZED:
      return `allow this client to publish to ${topic} (AWS IoT: iot:Publish in its policy), or change topics in the configuration`;
    case QUOTA_EXCEEDED:
      return "raise the broker's quota for this client, or collect less";
    default:
      return "look for this reason in the broker's log and limits; causeway buffer list shows what waits or was set aside";
  }
}

function lossProblem({ stream, reason, detail, records, agoMs }: Loss): Problem {
  return {
    what: `${formatCounted(records, `${stream} record`)} ${reason === "thinned" ? reason : `lost (${reason})`}, the last ${formatDuration(agoMs)} ago: ${detail}`,
    remedy: lossRemedy(reason, stream),
  };
}

function lossRemedy(reason: Loss["reason"], stream: Loss["stream"]): string {
  switch (reason) {
    case "evicted":
      return "bring the vehicle online, raise outbox.maxBytes or free disk space, or collect less";
    case "expired":
      return `bring the vehicle online more often, or raise outbox.lifeMs.${stream}`;
    case "rejected":
      return `change what the broker does not take, in its limits or in the configuration; causeway buffer list --stream ${stream} shows the records`;
    case "damaged":
      return "check the disk: it did not give back what was written";
    case "dropped":
      return "somebody gave them up: causeway buffer drop";
    case "thinned":
      return "fewer of their samples will come; bring the vehicle online, raise outbox.maxBytes, or collect less";
  }
}

function discardProblem(samples: number): Problem {
  return {
    what: `${formatCounted(samples, "sample was", "samples were")} discarded since the start: the outbox, the batch or the senders' slots had no room for them`,
    remedy:
      "look for outbox.refused in the log; collect less, or raise collect.holdBytes, collect.batchSamples or (J1939 with many senders) collect.senderSignals",
  };
}
