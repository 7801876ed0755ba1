import { byLabel, counter, gauge, metric, type StatusMetric, stateset } from "./status-metric.ts";

const CAMPAIGN_STATES = ["running", "waiting", "spent", "paused", "ended", "refused", "elsewhere"] as const;

/** Of remote commands. */
const COMMAND_METRICS: readonly StatusMetric[] = [
  stateset(
    { name: "command_ledger", help: "Whether what commands did before is known." },
    ["sound", "lost", "unvouched"],
    ({ commands }) => commands?.ledger,
  ),
  gauge({ name: "commands_running", help: "Commands that are under way." }, ({ commands }) => commands?.running),
  gauge(
    { name: "commands_remembered", help: "Commands that the ledger holds." },
    ({ commands }) => commands?.remembered,
  ),
  gauge(
    { name: "commands_max_remembered", help: "Commands that the ledger may hold." },
    ({ commands }) => commands?.maxCommands,
  ),
  metric(
    "counter",
    { name: "commands_ended", help: "Commands that came to their end, by action and how." },
    ["action", "result"],
    ({ commands }) =>
      (commands?.ended ?? []).map(({ action, status, count }) => {
        return { labels: { action, result: status.toLowerCase() }, value: count };
      }),
  ),
  metric(
    "counter",
    { name: "commands_rejected", help: "Requests that were refused before anything was done, by why." },
    ["reason"],
    ({ commands }) => byLabel("reason", Object.entries(commands?.rejected ?? {})),
  ),
  counter(
    { name: "commands_refused_by_ledger", help: "Commands that the ledger had no room for." },
    ({ commands }) => commands?.refused,
  ),
  counter(
    { name: "commands_forgotten_rejections", help: "Refused requests that the ledger gave up before their time." },
    ({ commands }) => commands?.forgottenRejections,
  ),
  counter(
    { name: "commands_rejected_over_budget", help: "Refused requests that were counted alone." },
    ({ commands }) => commands?.rejectedOverBudget,
  ),
  counter(
    { name: "audit_dropped_entries", help: "Entries of the audit trail that were given up before the outbox." },
    ({ commands }) => commands?.auditDropped,
  ),
];

/** Of campaigns and the continuous log. */
const COLLECTION_METRICS: readonly StatusMetric[] = [
  metric("gauge", { name: "campaigns", help: "Campaigns, by state." }, ["state"], ({ campaigns }) =>
    campaigns === undefined
      ? []
      : byLabel(
          "state",
          CAMPAIGN_STATES.map((state) => [state, campaigns[state]] as const),
        ),
  ),
  gauge(
    { name: "campaign_triggers", help: "Triggers of the campaigns that are known now." },
    ({ campaigns }) => campaigns?.triggers,
  ),
  gauge(
    { name: "history_used_bytes", help: "Bytes of frames held for the time before triggers.", unit: "bytes" },
    ({ campaigns }) => campaigns?.history?.usedBytes,
  ),
  gauge(
    { name: "history_max_bytes", help: "Bytes of frames that may be held.", unit: "bytes" },
    ({ campaigns }) => campaigns?.history?.bytes,
  ),
  gauge(
    { name: "history_seconds", help: "How far back the frames go that are held.", unit: "seconds" },
    ({ campaigns }) => campaigns?.history?.seconds,
  ),
  counter(
    { name: "history_overwritten_frames", help: "Frames that the history gave up earlier than was asked." },
    ({ campaigns }) => campaigns?.history?.overwrittenEarly,
  ),
  stateset(
    { name: "frame_log_state", help: "State of the continuous log." },
    ["waiting", "writing", "failed"],
    ({ frameLog }) => frameLog?.state,
  ),
  counter(
    { name: "frame_log_frames", help: "Frames that the continuous log wrote." },
    ({ frameLog }) => frameLog?.written,
  ),
  counter(
    { name: "frame_log_dropped_frames", help: "Frames that the continuous log could not take." },
    ({ frameLog }) => frameLog?.dropped,
  ),
  gauge({ name: "frame_log_files", help: "Files of the continuous log." }, ({ frameLog }) => frameLog?.files),
  counter(
    { name: "frame_log_removed_files", help: "Old files removed to stay within the bounds." },
    ({ frameLog }) => frameLog?.removed,
  ),
  gauge(
    { name: "frame_log_bytes", help: "Bytes of the files of the continuous log.", unit: "bytes" },
    ({ frameLog }) => frameLog?.bytes,
  ),
  gauge(
    { name: "frame_log_max_bytes", help: "Bytes that the continuous log may have.", unit: "bytes" },
    ({ frameLog }) => frameLog?.maxBytes,
  ),
];

/** Of jobs and updates. */
const UPDATE_METRICS: readonly StatusMetric[] = [
  gauge({ name: "job_running", help: "1 while a job of the cloud is worked on." }, ({ job }) =>
    job === undefined ? 0 : 1,
  ),
  metric("counter", { name: "jobs_ended", help: "Jobs of the cloud that ended, by how." }, ["result"], ({ jobs }) =>
    byLabel("result", Object.entries(jobs ?? {})),
  ),
  gauge(
    { name: "update_running", help: "1 while an update is under way; absent where none is known." },
    ({ update }) => (update === undefined ? undefined : Number(!update.isOver)),
  ),
  gauge({ name: "update_failed", help: "1 where the last update failed; absent where none is known." }, ({ update }) =>
    update === undefined ? undefined : Number(update.failure !== undefined),
  ),
  gauge(
    { name: "update_fetched_ratio", help: "Part of the bytes of the update that is fetched.", unit: "ratio" },
    ({ update }) => (update?.percent === undefined ? undefined : update.percent / 100),
  ),
];

/** Of what the cloud asks for. */
export const CONTROL_METRICS: readonly StatusMetric[] = [...COMMAND_METRICS, ...COLLECTION_METRICS, ...UPDATE_METRICS];
