import { EARLIEST_SET_MS } from "../../core/clock.ts";
import type { FaultCode } from "../../core/errors.ts";
import { formatCounted, formatDuration } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Check } from "../../local-api/support-schema.ts";
import { STREAMS } from "../../ports/outbox.ts";
import type { Problem } from "../check.ts";
import { SET_CLOCK } from "../clock-checks.ts";
import { rejections } from "../delivery-checks.ts";
import { broken, doubtful, type LineLink, type LineStep, sound } from "./line-step.ts";

/** Records that go out are acknowledged within so long, where the broker takes them at all. */
const LATE_PUBACK_MS = 15_000;
const CLOCK_REMEDY = `${SET_CLOCK}: timedatectl`;

/** One step to the broker, as this program itself took it. */
export type NetworkStep = {
  readonly step: "proxy" | "dns" | "tcp" | "tls";
  readonly what: string;
  readonly fault?: Problem & { readonly code: FaultCode };
};

/** What there is to know of the way to the broker. */
export type LinkSight = {
  /** Undefined where no agent answers. */
  readonly status: Status | undefined;
  /** Of the identity. */
  readonly checks: readonly Check[];
  /** None where the agent is online. */
  readonly network: readonly NetworkStep[];
  readonly wallMs: number;
  /** Whether something has set the clock. */
  readonly isClockSet: boolean;
  /** What the broker said to subscriptions that it does not grant. */
  readonly refusedFilters: readonly string[];
};

/** Which link a fault of the connection breaks. */
function linkOfFault(code: string): LineLink {
  if (code === "identity.clock-unset" || code === "identity.certificate-not-yet-valid") return "clock";
  if (code.startsWith("identity.")) return "key";
  if (code.startsWith("proxy.")) return "proxy";
  switch (code) {
    case "broker.tls-failed":
    case "broker.certificate-untrusted":
    case "broker.certificate-expired":
    case "broker.name-mismatch":
      return "tls";
    case "broker.not-authorised":
      return "policy";
    case "broker.unreachable":
      return "tcp";
    default:
      return "connect";
  }
}

/** Clock, way, key, policy and acknowledgement. */
export function linkSteps(sight: LinkSight): readonly LineStep[] {
  const { status } = sight;
  const found = [...networkSteps(sight), ...keySteps(sight)];
  const connect = status === undefined ? [] : connectSteps(status, found);
  const steps = [...found, ...connect];
  const clock = steps.some(({ link }) => link === "clock") ? [] : [clockStep(sight)];
  return [...steps, ...clock, ...(status === undefined ? [] : policySteps(status, sight.refusedFilters))];
}

function clockStep({ wallMs, isClockSet, status }: LinkSight): LineStep {
  const now = new Date(wallMs).toISOString();
  if (wallMs < EARLIEST_SET_MS && status?.link.state !== "online") {
    return broken("clock", {
      what: `this machine's clock says ${now}, and no certificate is valid then`,
      remedy: CLOCK_REMEDY,
    });
  }
  if (!isClockSet)
    return doubtful("clock", { what: `nothing has set this machine's clock, which says ${now}`, remedy: CLOCK_REMEDY });
  return sound("clock", `this machine's clock says ${now}`);
}

/** The broker's certificate seems out of its life where it is the clock that is wrong. */
function networkSteps({ network, isClockSet, wallMs }: LinkSight): readonly LineStep[] {
  return network.map(({ step, what, fault }) => {
    if (fault === undefined) return sound(step, what);
    const isEarly = fault.code === "broker.certificate-expired" && fault.what.includes("is not valid before");
    const isClock = isEarly || (fault.code === "broker.certificate-expired" && !isClockSet);
    if (!isClock) return broken(step, fault);
    const now = new Date(wallMs).toISOString();
    return broken("clock", {
      what: `this machine's clock is wrong, it says ${now} (${fault.what})`,
      remedy: CLOCK_REMEDY,
    });
  });
}

/** The self-test of the identity: what fails of it keeps the agent from connecting. */
function keySteps({ checks, status }: LinkSight): readonly LineStep[] {
  const failed = checks.filter(({ verdict, what }, at) => {
    return verdict === "fail" && checks.findIndex((check) => check.what === what) === at;
  });
  const isOnline = status?.link.state === "online";
  if (failed.length === 0) {
    const key = checks.find(({ check }) => check === "key") ?? checks.find(({ check }) => check === "certificate");
    return key === undefined || key.verdict !== "pass" ? [] : [sound("key", key.what)];
  }
  return failed.map(({ what, remedy = "see causeway doctor", code = "" }) => {
    const problem = { what, remedy };
    if (isOnline) return doubtful("key", problem);
    return broken(linkOfFault(code) === "clock" ? "clock" : "key", problem);
  });
}

/** The agent's own word: that it is online, or why not where nothing else was found broken. */
function connectSteps(status: Status, found: readonly LineStep[]): readonly LineStep[] {
  const { state, sinceMs, host, port, fault, isPaused } = status.link;
  const broker = `${host}:${port}`;
  if (state === "online") return [sound("connect", `online for ${formatDuration(sinceMs)}, ${broker}`)];
  if (isPaused === true) {
    const remedy = "it connects at its next check-in, or when the vehicle wakes; causeway vehicle sleep says when";
    return [broken("connect", { what: "the vehicle sleeps, and the link is off of the agent's own will", remedy })];
  }
  if (found.some(({ verdict }) => verdict === "fail")) return [];
  // A broker may end the connection after PUBACK 0x87 (seen of mosquitto 2.0): the refusal is what keeps records.
  if (fault !== undefined && rejections(status).length > 0) return [doubtful("connect", fault)];
  if (fault !== undefined) return [broken(linkOfFault(fault.code), fault)];
  const remedy = "run it again in a few seconds; causeway connect test goes the way step by step";
  return [
    broken("connect", { what: `the agent is not connected to ${broker} yet, for ${formatDuration(sinceMs)}`, remedy }),
  ];
}

function policySteps(status: Status, refusedFilters: readonly string[]): readonly LineStep[] {
  const isPartial = takesOthers(status);
  const refused = rejections(status).map((problem): LineStep => {
    return { ...broken("policy", problem), ...(isPartial ? { isPartial: true } : {}) };
  });
  const filters = refusedFilters.map((what) => {
    const remedy =
      "let the broker's policy allow this thing to subscribe to it (AWS IoT: iot:Subscribe and iot:Receive)";
    return doubtful("policy", { what, remedy });
  });
  if (refused.length > 0) return [...refused, ...filters];
  if (status.link.state !== "online") return filters;
  const none = filters.length === 0 ? [sound("policy", "the broker refuses nothing")] : filters;
  return [...none, pubackStep(status)];
}

/** Whether records of a stream that the broker does not refuse go out. */
function takesOthers({ link, delivery }: Status): boolean {
  const { ackedAgoMs, refusedTopics, streams } = delivery;
  if (link.state !== "online" || ackedAgoMs === undefined || ackedAgoMs >= LATE_PUBACK_MS) return false;
  return STREAMS.some((name) => streams[name].records > 0 && !refusedTopics.some(({ stream }) => stream === name));
}

function pubackStep({ outbox, delivery, link, uptimeMs }: Status): LineStep {
  const { ackedAgoMs, inFlight, retried } = delivery;
  const wait = formatCounted(outbox.records, "record waits", "records wait");
  const silentMs = Math.min(ackedAgoMs ?? uptimeMs, link.sinceMs);
  if (outbox.records > 0 && inFlight + retried > 0 && silentMs >= LATE_PUBACK_MS) {
    return broken("puback", {
      what: `the broker takes records and acknowledges none: no PUBACK for ${formatDuration(silentMs)}, ${wait}`,
      remedy: "look at the broker's log and limits, and at what stands between; causeway connect test publishes once",
    });
  }
  if (ackedAgoMs !== undefined)
    return sound("puback", `the last record was acknowledged ${formatDuration(ackedAgoMs)} ago`);
  if (outbox.records === 0) return sound("puback", "nothing waits, and nothing was sent since the start");
  const remedy = "run it again in a few seconds; causeway logs says what goes on";
  return broken("puback", {
    what: `no record was acknowledged yet, ${formatDuration(link.sinceMs)} after the connection; ${wait}`,
    remedy,
  });
}
