import type { RunProgram } from "../ports/update.ts";
import { problemOf } from "./installers/program-installer.ts";
import type { UpdateHooks } from "./step-parts.ts";
import { parseManifest } from "./trust/manifest.ts";
import type { UpdateRecord } from "./update-record.ts";

/** One program around updates. */
export type Hook = { readonly program: string; readonly timeoutSeconds: number };

/** Without a program nothing is run. */
export type HookParts = {
  readonly before: Hook | undefined;
  readonly after: Hook | undefined;
  readonly run: RunProgram;
};

/** Runs the vehicle's own programs around an update, as `PROGRAM before|after COMPONENT VERSION_FROM VERSION_TO`. */
export function createHooks({ before, after, run }: HookParts): UpdateHooks {
  const call = async (name: "before" | "after", hook: Hook | undefined, record: UpdateRecord, signal: AbortSignal) => {
    if (hook === undefined) return undefined;
    const { component, version } = parseManifest(record.request.manifest);
    const args = [name, component, record.versionFrom, version];
    const problem = problemOf(await run(hook.program, args, hook.timeoutSeconds * 1000, signal));
    return problem === undefined ? undefined : `hook ${name}: ${problem}`;
  };
  return {
    before: (record, signal) => call("before", before, record, signal),
    after: (record, signal) => call("after", after, record, signal),
  };
}
