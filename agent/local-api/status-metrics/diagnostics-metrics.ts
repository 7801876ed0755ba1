import type { MetricSample, MetricType } from "../../core/metrics/metric.ts";
import type { Status } from "../status-schema.ts";
import { byLabel, counter, gauge, metric, type StatusMetric } from "./status-metric.ts";

type Section = NonNullable<Status["diagnostics"]>;
type Tester = Section["buses"][number];
type Obd = NonNullable<Section["obd"]>[number];
type J1939 = NonNullable<Section["j1939"]>[number];

const POLL_RESULTS = ["answers", "refused", "silent", "malformed", "withheld"] as const;
const PASSIVE = ["taken", "malformed", "nameless", "incomplete", "evicted", "tooLong"] as const;
const GROUP_RESULTS = ["answered", "unanswered", "refused", "withheld"] as const;
const REQUEST_RESULTS = ["answers", "negatives", "silent", "faults"] as const;

function perTester(type: MetricType, name: string, help: string, read: (tester: Tester) => number): StatusMetric {
  return metric(type, { name, help }, ["bus"], ({ diagnostics }) =>
    byLabel(
      "bus",
      (diagnostics?.buses ?? []).map((tester) => [tester.bus, read(tester)] as const),
    ),
  );
}

function perNode(
  type: MetricType,
  name: string,
  help: string,
  read: (node: J1939) => number | undefined,
): StatusMetric {
  return metric(type, { name, help }, ["bus"], ({ diagnostics }) =>
    byLabel(
      "bus",
      (diagnostics?.j1939 ?? []).map((node) => [node.bus, read(node)] as const),
    ),
  );
}

/** Several numbers a bus, by a second label. */
function resultsOf(
  buses: readonly { readonly bus: string; readonly counts: Iterable<readonly [string, number]> }[],
  label: string,
): readonly MetricSample[] {
  return buses.flatMap(({ bus, counts }) =>
    [...counts].map(([text, value]) => ({ labels: { bus, [label]: text }, value })),
  );
}

const TESTER_METRICS: readonly StatusMetric[] = [
  perTester("counter", "diagnostic_requests", "Requests to control units.", ({ counts }) => counts.requests),
  metric(
    "counter",
    { name: "diagnostic_answers", help: "How requests to control units ended." },
    ["bus", "result"],
    ({ diagnostics }) =>
      resultsOf(
        (diagnostics?.buses ?? []).map(({ bus, counts }) => {
          return { bus, counts: REQUEST_RESULTS.map((result) => [result, counts[result]] as const) };
        }),
        "result",
      ),
  ),
  perTester(
    "counter",
    "diagnostic_pending_answers",
    "Answers that asked for more time.",
    ({ counts }) => counts.pendings,
  ),
  perTester("counter", "diagnostic_stray_answers", "Answers that nobody waited for.", ({ counts }) => counts.strays),
  perTester("counter", "diagnostic_silences", "Silences because of another tester.", ({ counts }) => counts.silences),
  metric(
    "counter",
    { name: "diagnostic_withheld_requests", help: "Requests that were not sent, by why." },
    ["bus", "cause"],
    ({ diagnostics }) =>
      resultsOf(
        (diagnostics?.buses ?? []).map(({ bus, withheldCounts }) => ({ bus, counts: Object.entries(withheldCounts) })),
        "cause",
      ),
  ),
  perTester("gauge", "diagnostic_waiting_requests", "Requests that wait for their turn.", ({ waiting }) => waiting),
  perTester(
    "gauge",
    "diagnostic_pending_ecus",
    "Control units that asked for more time.",
    ({ pending }) => pending.length,
  ),
  perTester(
    "gauge",
    "diagnostic_silent_ecus",
    "Control units left alone for a time.",
    ({ backingOff }) => backingOff.length,
  ),
];

const CODE_METRICS: readonly StatusMetric[] = [
  gauge(
    { name: "trouble_codes_active", help: "Trouble codes that are active." },
    ({ diagnostics }) => diagnostics?.codes?.active,
  ),
  counter(
    { name: "trouble_code_events", help: "Events of trouble codes." },
    ({ diagnostics }) => diagnostics?.codes?.events,
  ),
  metric(
    "counter",
    { name: "trouble_code_drops", help: "Codes and readings that a bound threw away, or that waited, by what." },
    ["result"],
    ({ diagnostics }) =>
      byLabel("result", [
        ["forgotten", diagnostics?.codes?.forgotten],
        ["refused", diagnostics?.codes?.refused],
        ["delayed", diagnostics?.codes?.delayed],
      ]),
  ),
];

function pollsOf({ ecus }: Obd): readonly (readonly [string, number])[] {
  return POLL_RESULTS.map((result) => [result, ecus.reduce((sum, { polls }) => sum + (polls?.[result] ?? 0), 0)]);
}

const OBD_METRICS: readonly StatusMetric[] = [
  metric(
    "counter",
    { name: "obd_polls", help: "Requests for live data, by how they ended." },
    ["bus", "result"],
    ({ diagnostics }) =>
      resultsOf(
        (diagnostics?.obd ?? []).map((obd) => ({ bus: obd.bus, counts: pollsOf(obd) })),
        "result",
      ),
  ),
  metric("counter", { name: "obd_answered_pids", help: "PIDs in answers." }, ["bus"], ({ diagnostics }) =>
    byLabel(
      "bus",
      (diagnostics?.obd ?? []).map(({ bus, ecus }) => {
        return [bus, ecus.reduce((sum, { polls }) => sum + (polls?.pids ?? 0), 0)] as const;
      }),
    ),
  ),
  metric("gauge", { name: "obd_known_pids", help: "PIDs that control units have." }, ["bus"], ({ diagnostics }) =>
    byLabel(
      "bus",
      (diagnostics?.obd ?? []).map(
        ({ bus, ecus }) => [bus, ecus.reduce((sum, { pids = 0 }) => sum + pids, 0)] as const,
      ),
    ),
  ),
  metric(
    "counter",
    { name: "obd_heard_answers", help: "Answers to other testers, by what became of them." },
    ["bus", "result"],
    ({ diagnostics }) =>
      resultsOf(
        (diagnostics?.obd ?? []).map(({ bus, passive }) => {
          return { bus, counts: PASSIVE.map((result) => [result, passive[result]] as const) };
        }),
        "result",
      ),
  ),
];

const J1939_METRICS: readonly StatusMetric[] = [
  perNode("gauge", "j1939_nodes", "Nodes that were heard.", ({ nodes }) => nodes),
  perNode("counter", "j1939_diagnostic_messages", "Diagnostic messages that were read.", ({ messages }) => messages),
  perNode(
    "counter",
    "j1939_malformed_messages",
    "Diagnostic messages that could not be read.",
    ({ malformed }) => malformed,
  ),
  perNode(
    "counter",
    "j1939_assembled_messages",
    "Messages in several frames that came whole.",
    ({ assembled }) => assembled,
  ),
  perNode(
    "counter",
    "j1939_incomplete_messages",
    "Messages in several frames that did not.",
    ({ incomplete }) => incomplete,
  ),
  perNode("counter", "j1939_address_contests", "Contests for the address of the agent.", ({ contests }) => contests),
  perNode("counter", "j1939_lost_addresses", "Addresses that were lost to another node.", ({ lost }) => lost),
  perNode(
    "counter",
    "j1939_failed_transfers",
    "Transfers to the agent that did not end well.",
    (node) => node.failedTransfers,
  ),
  perNode(
    "counter",
    "j1939_ignored_requests",
    "Requests of others that were too many.",
    (node) => node.ignoredRequests,
  ),
  metric(
    "counter",
    { name: "j1939_polls", help: "Polls of groups, by how they ended." },
    ["bus", "result"],
    ({ diagnostics }) =>
      resultsOf(
        (diagnostics?.j1939 ?? []).map(({ bus, polls }) => {
          return { bus, counts: GROUP_RESULTS.map((result) => [result, polls[result]] as const) };
        }),
        "result",
      ),
  ),
];

/** Of control units and their codes. */
export const DIAGNOSTICS_METRICS: readonly StatusMetric[] = [
  ...TESTER_METRICS,
  ...CODE_METRICS,
  ...OBD_METRICS,
  ...J1939_METRICS,
];
