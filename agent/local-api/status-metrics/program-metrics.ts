import type { ProgramsStatus } from "../programs-status.ts";
import type { Status } from "../status-schema.ts";
import { byLabel, counter, gauge, metric, type StatusMetric } from "./status-metric.ts";

type Program = ProgramsStatus["programs"][number];

/** Samples by program; the programs that say no name have an empty label. */
const byProgram =
  (read: (program: Program) => number) =>
  ({ programs }: Status) =>
    byLabel(
      "program",
      (programs?.programs ?? []).map((program) => [program.name, read(program)] as const),
    );

/** Of other programs that hand over records. */
export const PROGRAM_METRICS: readonly StatusMetric[] = [
  gauge({ name: "program_connections", help: "Programs that are connected." }, ({ programs }) => programs?.connected),
  metric(
    "counter",
    { name: "program_ended_connections", help: "Connections that were ended, by why." },
    ["reason"],
    ({ programs }) => {
      if (programs === undefined) return [];
      const { refused, displaced, slow, tooLong } = programs;
      return byLabel("reason", Object.entries({ refused, displaced, slow, "too-long": tooLong }));
    },
  ),
  counter(
    { name: "program_stranger_lines", help: "Lines of no known program." },
    ({ programs }) => programs?.strangerLines,
  ),
  metric(
    "counter",
    { name: "program_records", help: "Records that programs handed over, by program." },
    ["program"],
    byProgram(({ records }) => records),
  ),
  metric(
    "counter",
    { name: "program_record_bytes", help: "Payloads of records of programs.", unit: "bytes" },
    ["program"],
    byProgram(({ bytes }) => bytes),
  ),
  metric(
    "counter",
    { name: "program_refused_lines", help: "Lines of programs that were answered with an error." },
    ["program"],
    byProgram(({ refused }) => refused),
  ),
  metric(
    "counter",
    { name: "program_delays", help: "Times that programs had to wait because of their rate." },
    ["program"],
    byProgram(({ delayed }) => delayed),
  ),
  metric(
    "counter",
    { name: "program_commands", help: "Commands that programs were handed, by program." },
    ["program"],
    byProgram(({ commands }) => commands),
  ),
  metric(
    "counter",
    { name: "program_unanswered_commands", help: "Commands of programs whose end nobody knows, by program." },
    ["program"],
    byProgram(({ unanswered }) => unanswered),
  ),
  metric(
    "gauge",
    { name: "program_stored_bytes", help: "Records of programs in the outbox.", unit: "bytes" },
    ["program"],
    byProgram(({ storedBytes }) => storedBytes),
  ),
  metric(
    "gauge",
    { name: "program_max_stored_bytes", help: "Bound of records of programs in the outbox.", unit: "bytes" },
    ["program"],
    byProgram(({ maxStoredBytes }) => maxStoredBytes),
  ),
];
