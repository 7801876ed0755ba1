import { formatCount } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";

/** Nothing where commands are off. */
export function commandLines({ commands }: Status): readonly string[] {
  if (commands === undefined) return [];
  const { remembered, maxCommands, refused, running, rejectedOverBudget, auditDropped } = commands;
  const away = rejectedOverBudget === 0 ? "" : `, ${formatCount(rejectedOverBudget)} rejected over budget`;
  const dropped = auditDropped === 0 ? "" : `, ${formatCount(auditDropped)} audit entries given up`;
  return [
    `commands   ${running} running, ${formatCount(remembered)} of ${formatCount(maxCommands)} remembered, ${formatCount(refused)} of them refused or repeats`,
    ...(away === "" && dropped === "" ? [] : [`           ${[away, dropped].join("").slice(2)}`]),
  ];
}
