import { printable } from "../../core/plain-text.ts";
import { formatCounted } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** Who reads the metrics, one a line; nothing where nobody does. */
export function metricsLines({ metrics }: Pick<Status, "metrics">, colors: Colors): readonly string[] {
  if (metrics === undefined) return [];
  const { scrapes, file, health } = metrics;
  const red = (problem: string | undefined) => (problem === undefined ? [] : [colors.red(printable(problem))]);
  const told = [
    ...scrapes.flatMap(({ at, answered, problem }) => [
      `scraped at ${printable(at)}, ${formatCounted(answered, "time")}`,
      ...red(problem),
    ]),
    ...(file === undefined
      ? []
      : [`${printable(file.path)} written ${formatCounted(file.written, "time")}`, ...red(file.problem)]),
    ...(health === undefined ? [] : [formatCounted(health.reports, "health record")]),
  ];
  return told.map((line, at) => `${(at === 0 ? "metrics" : "").padEnd(10)} ${line}`);
}
