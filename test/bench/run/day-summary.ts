import type { DayVerdict } from "../consumers/day/day-verdict.ts";
import type { DayPlan } from "../day/day-plan.ts";
import type { VanProcess } from "../day/van-client.ts";

/** Result of a day; `scripts/bench --drive DAY --json` prints it as it is. */
export type DaySummary = {
  readonly schemaVersion: 1;
  readonly day: string;
  readonly speed: number;
  readonly tookSeconds: number;
  /** Of the van's time. */
  readonly hours: number;
  readonly framesSent: number;
  readonly framesDropped: number;
  /** The most, in ms of this machine, that the van was behind with a frame. */
  readonly behindMs: number;
  readonly records: number;
  readonly samples: number;
  readonly repeatedDeliveries: number;
  readonly agentStarts: number;
  /** Times that the agent ended by itself. */
  readonly agentCrashes: number;
  readonly verdicts: readonly DayVerdict[];
  readonly remarks: readonly string[];
};

/** What a summary is made of. */
export type DaySummaryParts = {
  readonly plan: DayPlan;
  readonly speed: number;
  readonly samples: number;
  readonly records: number;
  readonly repeatedDeliveries: number;
  readonly counts: ReturnType<VanProcess["counts"]>;
  readonly verdicts: readonly DayVerdict[];
  readonly agent: { readonly starts: number; readonly crashes: number };
  readonly remarks: readonly string[];
  readonly tookSeconds: number;
};

/** Puts the figures of a day together. */
export function summariseDay(parts: DaySummaryParts): DaySummary {
  const { plan, speed, counts, agent } = parts;
  return {
    schemaVersion: 1,
    day: plan.name,
    speed,
    tookSeconds: Number(parts.tookSeconds.toFixed(1)),
    hours: Number((plan.lengthMs / 3_600_000).toFixed(2)),
    framesSent: counts.frames,
    framesDropped: counts.dropped,
    behindMs: Math.round(counts.behindMs / speed),
    records: parts.records,
    samples: parts.samples,
    repeatedDeliveries: parts.repeatedDeliveries,
    agentStarts: agent.starts,
    agentCrashes: agent.crashes,
    verdicts: parts.verdicts,
    remarks: parts.remarks,
  };
}

/** Whether nothing was wrong, and there was something to look at. */
export function isGoodDay({ verdicts, agentCrashes, samples }: DaySummary): boolean {
  return agentCrashes === 0 && samples > 0 && verdicts.every(({ wrong, checked }) => wrong === 0 && checked > 0);
}

/** The summary for a person. */
export function describeDay(summary: DaySummary): string {
  const whole = (value: number): string => value.toLocaleString("en-US");
  const lines = [
    `  day       ${summary.day}, ${summary.hours} h in ${(summary.tookSeconds / 60).toFixed(1)} min, at most ${summary.speed} x while the agent runs`,
    `  frames    ${whole(summary.framesSent)} sent, ${summary.framesDropped} dropped, at most ${summary.behindMs} ms behind`,
    `  records   ${whole(summary.records)} of ${whole(summary.samples)} samples, ${summary.repeatedDeliveries} repeated deliveries`,
    `  agent     ${summary.agentStarts} starts, ${summary.agentCrashes} crashes`,
    ...summary.verdicts.flatMap(({ name, checked, wrong, what, remarks }) => [
      `  ${name.padEnd(10)}${wrong === 0 && checked > 0 ? "good" : `WRONG ${wrong} of ${checked}`}: ${what}`,
      ...remarks.map((remark) => `    ! ${remark}`),
    ]),
    ...summary.remarks.map((remark) => `  ! ${remark}`),
    isGoodDay(summary) ? "The day was good." : "FAILED",
  ];
  return `${lines.join("\n")}\n`;
}
