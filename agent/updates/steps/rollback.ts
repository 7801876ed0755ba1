import type { InstallEffect } from "../../ports/update.ts";
import type { StepOutcome } from "../step-outcome.ts";
import type { StepContext } from "../step-parts.ts";
import type { UpdateRecord } from "../update-record.ts";
import { artifactsOf, installProblem, strongestOf } from "./artifacts.ts";

/** The step `rollback`: the version before is the installed one again. */
export async function rollback(record: UpdateRecord, parts: StepContext): Promise<StepOutcome<"rollback">> {
  try {
    const effects: InstallEffect[] = [];
    for (const { fetched, installer } of artifactsOf(record, parts).toReversed())
      effects.push(await installer.rollback(fetched));
    await parts.folder.clear();
    return { kind: "finished", effect: strongestOf(effects) };
  } catch (thrown) {
    return { kind: "unfinished", detail: installProblem(thrown) };
  }
}
