import type { z } from "zod";

/** The first thing that does not fit a schema, with its place: "steps.0.action.name: Invalid input". */
export function issueText({ issues: [issue] }: Pick<z.ZodError, "issues">): string {
  return `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`;
}
