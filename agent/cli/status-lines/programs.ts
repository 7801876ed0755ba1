import { printable } from "../../core/plain-text.ts";
import { formatBytes, formatCounted } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";

type Program = NonNullable<Status["programs"]>["programs"][number];

/** Other programs that hand over records or answer commands, a line each, and why they cannot. */
export function programLines({ programs: section }: Pick<Status, "programs">): readonly string[] {
  if (section === undefined) return [];
  const { programs, problem } = section;
  const lines = programs.map(({ name, records, refused, storedBytes, maxStoredBytes, ...of }) => {
    const kept = `${formatBytes(storedBytes)} of ${formatBytes(maxStoredBytes)} kept`;
    return `${name === "" ? "unnamed" : name}: ${formatCounted(records, "record")}, ${refused} refused, ${kept}${commandsOf(of)}`;
  });
  const all = problem === undefined ? lines : [problem, ...lines];
  return all.map((line, index) => `${(index === 0 ? "programs" : "").padEnd(10)} ${printable(line)}`);
}

/** Nothing of a program that has nothing to do with commands. */
function commandsOf({
  answers,
  missing,
  commands,
  unanswered,
}: Pick<Program, "answers" | "missing" | "commands" | "unanswered">): string {
  if (answers.length + missing.length + commands === 0) return "";
  const now = [
    ...(answers.length === 0 ? [] : [`answers ${answers.join(", ")}`]),
    ...(missing.length === 0 ? [] : [`does not answer ${missing.join(", ")}`]),
  ];
  return `; ${now.join(", ")}: ${commands} handed over, ${unanswered} without a known end`;
}
