import { FINISHED, failed, type StepOutcome } from "../step-outcome.ts";
import type { StepContext } from "../step-parts.ts";
import type { UpdateRecord } from "../update-record.ts";
import { artifactsOf } from "./artifacts.ts";

/** The step `verify`. Days may have passed since the update was asked for: all is judged again. */
export async function verify(record: UpdateRecord, parts: StepContext): Promise<StepOutcome<"verify">> {
  const verdict = parts.checks.verify(record.request);
  if (verdict.kind === "rejected") return failed("rejected", `${verdict.reason}: ${verdict.detail}`);
  for (const { fetched } of artifactsOf(record, parts)) {
    const found = await parts.folder.digestOf(fetched.file);
    if (found !== fetched.sha256) return failed("tampered", `${fetched.name}: SHA-256 is ${found ?? "not to be had"}`);
  }
  return FINISHED;
}
