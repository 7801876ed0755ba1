import type { Status } from "./status-schema.ts";

/** One line for `systemctl status`: link, buses with their frame rates since `before` (the whole uptime when absent), outbox, what the broker refuses, and what is under way. */
export function summaryOf(status: Status, before?: Status): string {
  const { link, outbox } = status;
  const seconds = (status.uptimeMs - (before?.uptimeMs ?? 0)) / 1000;
  const buses = status.buses.map(({ name, state, received, dropped }) => {
    const earlier = before?.buses.find((bus) => bus.name === name)?.received ?? 0;
    const rate = seconds > 0 ? Math.round((received - earlier) / seconds) : 0;
    return `${name} ${state}, ${rate} frames/s${dropped === undefined || dropped === 0 ? "" : `, ${dropped} dropped`}`;
  });
  const fault = link.fault === undefined ? "" : ` (${link.fault.code})`;
  const disk = outbox.disk?.isFull === true ? ", disk full" : "";
  const place = outbox.fault === undefined ? disk : " in memory only";
  const stored = `outbox ${outbox.records} records, ${outbox.bytes} bytes${place}`;
  const refused = status.delivery.refusedTopics.map(({ stream, reason }) => `${stream} refused: ${reason}`);
  const source = status.configuration.source === "files" ? [] : ["last known good configuration"];
  return [...source, `${link.state}${fault}`, ...buses, stored, ...refused, ...workOf(status)].join("; ");
}

function workOf({ job, update }: Status): readonly string[] {
  const ofJob = job === undefined ? [] : [`job ${job.jobId} (${job.operation})`];
  if (update === undefined || update.isOver) return ofJob;
  const { step, versionTo, percent, waitingFor } = update;
  const reached = step === "download" && percent !== undefined ? ` ${percent} %` : "";
  const wait = waitingFor === undefined ? "" : `, waiting for ${waitingFor}`;
  return [...ofJob, `update to ${versionTo}: ${step}${reached}${wait}`];
}

/** `summaryOf` over and over: each call gives the rates since the one before. */
export function summaries(status: () => Status): () => string {
  let before: Status | undefined;
  return () => {
    const now = status();
    const line = summaryOf(now, before);
    before = now;
    return line;
  };
}
