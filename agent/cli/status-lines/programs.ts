import { printable } from "../../core/plain-text.ts";
import { formatBytes } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";

/** Other programs that hand over records, a line each, and why they cannot. */
export function programLines({ programs: section }: Pick<Status, "programs">): readonly string[] {
  if (section === undefined) return [];
  const { programs, problem } = section;
  const lines = programs.map(({ name, records, refused, storedBytes, maxStoredBytes }) => {
    const kept = `${formatBytes(storedBytes)} of ${formatBytes(maxStoredBytes)} kept`;
    return `${name === "" ? "unnamed" : name}: ${records} records, ${refused} refused, ${kept}`;
  });
  const all = problem === undefined ? lines : [problem, ...lines];
  return all.map((line, index) => `${(index === 0 ? "programs" : "").padEnd(10)} ${printable(line)}`);
}
