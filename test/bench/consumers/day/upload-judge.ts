import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import type { WantedUpload } from "../../day/day-cloud.ts";
import type { DayPlan } from "../../day/day-plan.ts";
import type { Heard } from "./day-records.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";

export type UploadParts = {
  readonly plan: DayPlan;
  readonly uploads: readonly WantedUpload[];
  /** What the object store has, by key. */
  readonly objects: ReadonlyMap<string, Buffer>;
  readonly heard: Heard;
};

/** Each bundle that was wanted is in the store, whole, and one record tells of it; nothing else was put there. */
export function judgeUploads({ plan, uploads, objects, heard }: UploadParts): DayVerdict {
  const tally = new DayTally("upload");
  const told = heard.records.flatMap(({ record, heardMs }) =>
    record.uploadedFile === undefined ? [] : [{ ...record.uploadedFile, heardMs }],
  );
  tally.check(
    uploads.length === plan.uploadsMs.length,
    () => `${uploads.length} of ${plan.uploadsMs.length} were wanted`,
  );
  tally.check(objects.size === uploads.length, () => `${objects.size} objects are in the store`);
  for (const { key, execution } of uploads) {
    tally.check(execution.status === "SUCCEEDED", () => `${execution.executionId} ended ${execution.status}`);
    const object = objects.get(key) ?? Buffer.alloc(0);
    tally.check(object.length > 0 && isBundle(object), () => `${key} has ${object.length} bytes, and is no bundle`);
    const of = told.filter(({ location }) => location.endsWith(`/${key}`));
    tally.check(of.length === 1, () => `${of.length} records tell of ${key}`);
    const sha256 = createHash("sha256").update(object).digest("hex");
    tally.check(of[0]?.sha256 === sha256, () => `the record of ${key} tells another digest`);
  }
  const when = told.map(({ heardMs }) => timeOf(plan.startsAtMs, heardMs)).join(", ");
  return tally.verdict(`${told.length} in the store${when === "" ? "" : `, told at ${when}`}`);
}

/** One JSON document, compressed. */
function isBundle(object: Buffer): boolean {
  try {
    return JSON.parse(String(gunzipSync(object))) !== undefined;
  } catch {
    return false;
  }
}
