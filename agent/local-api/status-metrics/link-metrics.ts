import { CLOCK_QUALITIES } from "../../core/clock.ts";
import { byLabel, counter, gauge, metric, type StatusMetric, seconds, stateset } from "./status-metric.ts";

/** Of the session with the broker and what comes over it. */
const BROKER_METRICS: readonly StatusMetric[] = [
  stateset(
    { name: "mqtt_state", help: "State of the connection." },
    ["offline", "connecting", "online"],
    ({ link }) => link.state,
  ),
  gauge({ name: "mqtt_state_seconds", help: "How long it is online, or is not.", unit: "seconds" }, ({ link }) =>
    seconds(link.sinceMs),
  ),
  counter({ name: "mqtt_connects", help: "Connections that were accepted." }, ({ link }) => link.connects),
  metric(
    "counter",
    { name: "mqtt_disconnects", help: "Connections that ended other than by us, by the broker's reason." },
    ["reason"],
    ({ link }) => byLabel("reason", Object.entries(link.ends?.disconnects ?? {})),
  ),
  metric(
    "counter",
    { name: "mqtt_faults", help: "Faults that kept the link down, each time one was met, by their code." },
    ["code"],
    ({ link }) => byLabel("code", Object.entries(link.ends?.faults ?? {})),
  ),
  gauge(
    { name: "mqtt_receive_maximum", help: "Publications without a PUBACK that the broker takes." },
    ({ link }) => link.limits?.receiveMaximum,
  ),
  gauge(
    { name: "mqtt_maximum_packet_bytes", help: "Longest packet that the broker takes.", unit: "bytes" },
    ({ link }) => link.limits?.maximumPacketBytes,
  ),
  metric(
    "counter",
    { name: "mqtt_inbound_messages", help: "Messages that came, by what became of them." },
    ["result"],
    ({ link: { inbound } }) =>
      byLabel("result", [
        ["taken", inbound.taken],
        ["discarded", inbound.discarded],
        ["failed", inbound.failed],
        ["set_aside", inbound.setAside],
      ]),
  ),
  gauge(
    { name: "mqtt_inbound_waiting_messages", help: "Messages that came and wait to be worked on." },
    ({ link }) => link.inbound.waiting,
  ),
];

/** Of the identity and the clock. */
const TRUST_METRICS: readonly StatusMetric[] = [
  gauge(
    {
      name: "certificate_expiry_timestamp_seconds",
      help: "When the certificate in use ends, since the Unix epoch.",
      unit: "seconds",
    },
    ({ identity: { certificate } }) => {
      const endMs = certificate === undefined ? Number.NaN : Date.parse(certificate.notAfter);
      return Number.isNaN(endMs) ? undefined : endMs / 1000;
    },
  ),
  gauge(
    { name: "certificate_renewal_failures", help: "Attempts at a renewal in a row that failed." },
    ({ identity }) => identity.renewal.failures,
  ),
  gauge(
    { name: "certificate_orphans", help: "Certificates that may have been issued and that nobody uses." },
    ({ identity }) => identity.orphans,
  ),
  gauge(
    { name: "key_problems", help: "Reasons why the key in use is not fit to be that of the device." },
    ({ identity }) => identity.keyProblems?.length ?? 0,
  ),
  gauge(
    {
      name: "tpm_failed_authorisations",
      help: "Failed authorisations that the TPM has not forgiven, at the last look.",
    },
    ({ identity }) => identity.tpm?.failures,
  ),
  gauge(
    { name: "tpm_max_failed_authorisations", help: "Failed authorisations with which the TPM goes into lockout." },
    ({ identity }) => identity.tpm?.maxFailures,
  ),
  gauge({ name: "tpm_lockout", help: "1 where the TPM was in lockout at the last look." }, ({ identity: { tpm } }) =>
    tpm === undefined ? undefined : Number(tpm.isLocked),
  ),
  stateset(
    { name: "clock_quality", help: "How far the wall clock can be believed." },
    CLOCK_QUALITIES,
    ({ clockQuality }) => clockQuality,
  ),
  gauge(
    { name: "clock_error_seconds", help: "How far the clock may be from the true time, an estimate.", unit: "seconds" },
    ({ time }) => seconds(time?.errorMs),
  ),
  counter({ name: "clock_changes", help: "Records of changes of the clock." }, ({ time }) => time?.changes),
  counter(
    { name: "clock_untold_changes", help: "Changes of the clock that were too many to tell." },
    ({ time }) => time?.untold,
  ),
];

/** Of the links to the cloud and what may go over them. */
const LINKS_METRICS: readonly StatusMetric[] = [
  metric(
    "gauge",
    { name: "link_used_bytes", help: "Bytes that count for a budget in this day or month of UTC.", unit: "bytes" },
    ["budget", "use", "period"],
    ({ links }) =>
      (links?.budgets ?? []).flatMap(({ of: budget, use: uses, dayUsedBytes, monthUsedBytes }) => {
        const use = uses.join("+");
        return [
          { labels: { budget, use, period: "day" }, value: dayUsedBytes },
          { labels: { budget, use, period: "month" }, value: monthUsedBytes },
        ];
      }),
  ),
  metric(
    "gauge",
    { name: "link_budget_bytes", help: "Bytes that may go over links in a day or month of UTC.", unit: "bytes" },
    ["budget", "use", "period"],
    ({ links }) =>
      (links?.budgets ?? []).flatMap(({ of: budget, use: uses, dayBytes, monthBytes }) => {
        const use = uses.join("+");
        const bounds = [["day", dayBytes] as const, ["month", monthBytes] as const];
        return bounds.flatMap(([period, value]) =>
          value === undefined ? [] : [{ labels: { budget, use, period }, value }],
        );
      }),
  ),
  metric(
    "gauge",
    { name: "link_held_bytes", help: "Bytes in the outbox that wait for a budget, by use.", unit: "bytes" },
    ["use"],
    ({ links }) =>
      byLabel(
        "use",
        (links?.held ?? []).map(({ use, bytes }) => [use, bytes] as const),
      ),
  ),
  metric(
    "gauge",
    { name: "modem_signal_ratio", help: "Strength of the signal, by the first interface of the modem.", unit: "ratio" },
    ["interface"],
    ({ links }) =>
      byLabel(
        "interface",
        modems(links).map(
          ([name, { signalPercent }]) => [name, signalPercent === undefined ? undefined : signalPercent / 100] as const,
        ),
      ),
  ),
  metric(
    "gauge",
    { name: "modem_rsrp_dbm", help: "Received power of the reference signal (RSRP), by the modem's first interface." },
    ["interface"],
    ({ links }) =>
      byLabel(
        "interface",
        modems(links).map(([name, { rsrpDbm }]) => [name, rsrpDbm] as const),
      ),
  ),
  metric(
    "gauge",
    { name: "modem_rsrq_db", help: "Received quality of the reference signal (RSRQ), by the modem's first interface." },
    ["interface"],
    ({ links }) =>
      byLabel(
        "interface",
        modems(links).map(([name, { rsrqDb }]) => [name, rsrqDb] as const),
      ),
  ),
];

type Links = Parameters<StatusMetric["read"]>[0]["links"];
type Modem = NonNullable<NonNullable<Links>["modems"]>["modems"][number];

function modems(links: Links): readonly (readonly [string, Modem])[] {
  return (links?.modems?.modems ?? []).map((modem, at) => [modem.interfaces[0] ?? `modem ${at + 1}`, modem]);
}

/** Of the way to the cloud, and who is believed on it. */
export const LINK_METRICS: readonly StatusMetric[] = [...BROKER_METRICS, ...TRUST_METRICS, ...LINKS_METRICS];
