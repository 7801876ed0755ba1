import type { FaultCode } from "../core/errors.ts";
import { formatDuration } from "../core/quantity.ts";
import type { LinkState } from "../ports/broker.ts";
import type { BusState } from "../ports/can-bus.ts";

/** The pipeline flushes every `batchMs`; this many times later it is stuck, and never sooner than `LEAST_STUCK_MS`. */
const STUCK_BATCHES = 10;
const LEAST_STUCK_MS = 10_000;
/** One flush comes with the start and shows nothing; the next one shows that the pipeline goes on. */
const PROVING_FLUSHES = 2;
/** Faults of a vehicle without coverage. What a proxy rejects is none of them: a new version may have forgotten how to ask it. */
const OUT_OF_REACH: readonly FaultCode[] = ["broker.unreachable", "proxy.unreachable", "proxy.bad-gateway"];

type Advice = { readonly what: string; readonly remedy: string };

/** What the agent's health is judged by: a part of its status. Ages and durations are ms. */
export type HealthFacts = {
  readonly configuration: { readonly source: "files" | "last-good"; readonly problems: readonly Advice[] };
  readonly buses: readonly { readonly name: string; readonly state: BusState; readonly detail: string }[];
  readonly link: {
    readonly state: LinkState;
    /** Since it is online, or since it is not. */
    readonly sinceMs: number;
    readonly connects: number;
    /** It stays away of its own will: the vehicle sleeps. */
    readonly isPaused?: true | undefined;
    readonly fault?: (Advice & { readonly code: FaultCode }) | undefined;
  };
  /** `fault`: why records are in memory alone. */
  readonly outbox: { readonly records: number; readonly fault?: Advice | undefined };
  readonly dataPath: {
    /** Since start, with those that the outbox did not take. */
    readonly flushes: number;
    /** Absent before the first. */
    readonly flushAgoMs?: number | undefined;
    /** When the publisher had its last turn; absent before the first. */
    readonly turnAgoMs?: number | undefined;
    /** See `stuckAfterMs`. */
    readonly stuckAfterMs: number;
  };
  /** `firstPubackMs`: from process start to the first PUBACK; absent before it. */
  readonly delivery: { readonly firstPubackMs?: number | undefined };
};

/**
 * Something that keeps the agent from its work, and who minds:
 *
 * - "stuck": the process has stopped working. A restart helps, so the watchdog minds, an update on trial, and the status.
 * - "unfit": what runs cannot use its configuration, its disk or a bus. A restart does not mend that, the version before may: an
 *   update on trial minds, and the status.
 * - "impaired": the vehicle is out of coverage, a bus sleeps, a setting is not in force. No version is to blame: the status alone minds.
 */
export type HealthProblem = Advice & {
  readonly kind: "stuck" | "unfit" | "impaired";
  /** What would have to be there, as "waiting for ..." goes on. */
  readonly wanted: string;
};

/** For how long no flush, or no turn of the publisher, means that the data path is stuck, ms. */
export function stuckAfterMs(batchMs: number): number {
  return Math.max(LEAST_STUCK_MS, STUCK_BATCHES * batchMs);
}

/** Everything that keeps the agent from its work at this moment; none when it is healthy. */
export function healthProblems(facts: HealthFacts): readonly HealthProblem[] {
  return [
    ...configurationProblems(facts),
    ...stuckProblems(facts),
    ...storeProblems(facts),
    ...linkProblems(facts),
    ...facts.buses.flatMap(busProblems),
  ];
}

/** Why only a restart helps, for the watchdog; undefined while the data path moves. A pipeline that has not begun is none of its business: the service manager bounds the start. */
export function stuckReason(facts: Pick<HealthFacts, "dataPath" | "link">): string | undefined {
  return stuckProblems(facts)[0]?.what;
}

/**
 * What a version on trial still has to show before its update is committed, for people; undefined when it has shown all: it is neither
 * stuck nor unfit, the pipeline flushes, and a broker has acknowledged something. The last waits for coverage: where the broker has been
 * out of reach until `isGraceOver`, it is not asked for.
 */
export function missingProof(facts: HealthFacts, isGraceOver: boolean): string | undefined {
  const problem = healthProblems(facts).find(({ kind }) => kind !== "impaired");
  if (problem !== undefined) return problem.wanted;
  if (facts.dataPath.flushes < PROVING_FLUSHES) return "a flush of the pipeline";
  const { link, delivery, outbox } = facts;
  const hasSent = delivery.firstPubackMs !== undefined || outbox.records === 0;
  if (link.connects > 0 && hasSent) return undefined;
  if (isGraceOver && link.fault !== undefined && OUT_OF_REACH.includes(link.fault.code)) return undefined;
  return link.fault === undefined ? "an acknowledgement of the broker" : `a connection: ${link.fault.what}`;
}

/** Whether the controller takes part on the bus. */
export function isReceiving({ state }: { readonly state: BusState }): boolean {
  return state === "up" || state === "error-passive";
}

/** The link's state for people: one that is tried is offline as long as there is no connection. */
export function describeLink(state: LinkState): string {
  return state === "connecting" ? "connecting, offline" : state;
}

function configurationProblems({ configuration: { source, problems } }: HealthFacts): readonly HealthProblem[] {
  const kind = source === "last-good" ? "unfit" : "impaired";
  return problems.map((problem) => ({ kind, ...problem, wanted: "a configuration that can be used" }));
}

/** A data path that has stopped. */
export function stuckProblems({ dataPath, link }: Pick<HealthFacts, "dataPath" | "link">): readonly HealthProblem[] {
  const { flushAgoMs = 0, turnAgoMs = 0, stuckAfterMs } = dataPath;
  const remedy =
    "see the log for what keeps the agent busy; the service manager starts it again where WatchdogSec is set";
  const problems: HealthProblem[] = [];
  if (flushAgoMs > stuckAfterMs) {
    const what = `the last flush was ${Math.round(flushAgoMs)} ms ago`;
    problems.push({ kind: "stuck", what, remedy, wanted: `a flush of the pipeline: ${what}` });
  }
  // A new connection has to give the publisher its first turn.
  if (link.state === "online" && link.sinceMs > stuckAfterMs && turnAgoMs > stuckAfterMs) {
    const what = `the publisher's last turn was ${Math.round(turnAgoMs)} ms ago`;
    problems.push({ kind: "stuck", what, remedy, wanted: `a turn of the publisher: ${what}` });
  }
  return problems;
}

function storeProblems({ outbox: { fault } }: HealthFacts): readonly HealthProblem[] {
  if (fault === undefined) return [];
  const { what, remedy } = fault;
  return [{ kind: "unfit", what, remedy, wanted: "an outbox that can be written" }];
}

/** A bus that is down or off may be the vehicle's doing; one that is absent cannot be bound by what runs. */
function busProblems({ name, state, detail }: HealthFacts["buses"][number]): readonly HealthProblem[] {
  if (isReceiving({ state })) return [];
  const what = `bus ${name} is ${state}${detail === "" ? "" : `: ${detail}`}`;
  const remedy =
    state === "bus-off"
      ? "check bitrate, wiring and termination"
      : "causeway bus list shows the interfaces; bring it up with causeway bus up";
  return [{ kind: state === "absent" ? "unfit" : "impaired", what, remedy, wanted: `bus ${name}: ${detail}` }];
}

/** Why there is no connection; nothing where the vehicle wants none. */
export function linkProblems({
  link: { state, sinceMs, isPaused, fault },
}: Pick<HealthFacts, "link">): readonly HealthProblem[] {
  if (state === "online" || isPaused === true) return [];
  const why = fault === undefined ? "" : `: ${fault.what}`;
  const what = `link ${describeLink(state)} for ${formatDuration(sinceMs)}${why}`;
  const remedy = fault?.remedy ?? "causeway connect test shows which step does not answer";
  return [{ kind: "impaired", what, remedy, wanted: "a connection" }];
}
