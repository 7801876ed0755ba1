import type { Log } from "../core/log.ts";
import type { UploadOrders } from "../files/upload-orders.ts";
import type { UploadPlace, UploadPlan } from "../files/upload-plan.ts";
import { fileUpload } from "./files-schema.ts";
import type { ServedVerb } from "./verb.ts";

export type FileHandlerParts = {
  readonly orders: Pick<UploadOrders, "order" | "problemWith">;
  /** The cloud is to name a place for it. */
  readonly wantPlace: (plan: UploadPlan, why: string) => void;
};

const NO_FILES = "nothing is uploaded: the configuration has no section files";

/** `file.upload` of somebody at the vehicle: the same order as that of a command, with the same bounds. It is logged before it acts. */
export function fileHandlers(parts: FileHandlerParts | undefined, log: Log): readonly ServedVerb[] {
  return [
    fileUpload.answeredBy(async ({ kind, name, url, bucket, reason }) => {
      log.warn("admin.upload-ordered", { kind });
      if (parts === undefined) return { schemaVersion: 1, kind: "refused", what: NO_FILES };
      const { orders, wantPlace } = parts;
      if (url !== undefined && bucket !== undefined) {
        return { schemaVersion: 1, kind: "refused", what: "give url or bucket" };
      }
      const place = placeOf(url, bucket);
      const problem = place === undefined ? undefined : orders.problemWith(place);
      if (problem !== undefined) return { schemaVersion: 1, kind: "refused", what: problem };
      const ordered = await orders.order({ kind, name, lines: undefined, place, reason });
      if (ordered.kind === "refused") return { schemaVersion: 1, ...ordered };
      const { plan } = ordered;
      const { id: upload, name: file, sizeBytes: bytes, sha256, state } = plan;
      if (state === "waiting") wantPlace(plan, "somebody at the vehicle has asked for it");
      return { schemaVersion: 1, kind: "ordered", upload, file, bytes, sha256, state };
    }),
  ];
}

function placeOf(url: string | undefined, bucket: string | undefined): UploadPlace | undefined {
  if (url !== undefined) return { kind: "whole", url };
  return bucket === undefined ? undefined : { kind: "bucket", bucket };
}
