import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { AgentError } from "../../agent/core/errors.ts";

const count = z.number().nonnegative();

/** One guest of a campaign: its power cuts, then its time under traffic with a link that comes and goes. */
const soakRound = z.object({
  startedAt: z.iso.datetime(),
  cuts: count,
  /** Time under traffic, h. */
  hours: count,
  /** Times that the link was taken away. */
  flaps: count,
  records: count,
  samples: count,
  duplicates: count,
  /** What contradicts "every committed record was delivered, and nothing else". Must be empty. */
  contradictions: z.array(z.string()).readonly(),
  /** Longest time from a start to the first frames, guest time, ms. */
  slowestIngestingMs: count,
  /** Highest dictionary-attack counter of the TPM that was seen. */
  lockoutCounter: count,
  /** Growth of the resident memory after warm-up; absent when the time was too short to tell. */
  rssBytesPerDay: z.number().optional(),
  /** Open descriptors at the first and the last look. */
  descriptors: z.object({ first: count, last: count }).readonly().optional(),
});

const soakReport = z.object({ schemaVersion: z.literal(1), rounds: z.array(soakRound).readonly() });

/** One finished round. */
export type SoakRound = z.infer<typeof soakRound>;
/** Every finished round of a campaign. */
export type SoakReport = z.infer<typeof soakReport>;

/** What is done and what is left of the goal. */
export function progressOf({ rounds }: SoakReport): { readonly cuts: number; readonly hours: number } {
  return {
    cuts: rounds.reduce((sum, { cuts }) => sum + cuts, 0),
    hours: rounds.reduce((sum, { hours }) => sum + hours, 0),
  };
}

/** The report of an earlier run, or an empty one. Throws `input.malformed` for a file that is no report. */
export function readSoakReport(file: string): SoakReport {
  if (!existsSync(file)) return { schemaVersion: 1, rounds: [] };
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return soakReport.parse(value);
  } catch (cause) {
    throw new AgentError("input.malformed", {
      what: `${file} is no report of a campaign`,
      remedy: "move it away, or start over with --fresh",
      cause,
    });
  }
}

/** Replaces the report in one step, so that an interrupted campaign loses at most its running round. */
export function writeSoakReport(file: string, report: SoakReport): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(report, undefined, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** One look at the agent's process. */
export type ProcessSample = { readonly uptimeMs: number; readonly rssBytes: number };

const DAY_MS = 86_400_000;
/** The first part of a time is warm-up. */
const WARM_UP_SHARE = 0.2;
const MIN_SAMPLES = 10;

/** Slope of the least-squares line through the samples after warm-up, bytes a day; undefined for too few. */
export function growthBytesPerDay(samples: readonly ProcessSample[]): number | undefined {
  const warm = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  if (warm.length < MIN_SAMPLES) return undefined;
  const meanMs = warm.reduce((sum, { uptimeMs }) => sum + uptimeMs, 0) / warm.length;
  const meanBytes = warm.reduce((sum, { rssBytes }) => sum + rssBytes, 0) / warm.length;
  let covariance = 0;
  let variance = 0;
  for (const { uptimeMs, rssBytes } of warm) {
    covariance += (uptimeMs - meanMs) * (rssBytes - meanBytes);
    variance += (uptimeMs - meanMs) ** 2;
  }
  return variance === 0 ? undefined : (covariance / variance) * DAY_MS;
}
