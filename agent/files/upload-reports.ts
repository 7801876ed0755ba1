import type { Log } from "../core/log.ts";
import type { RecordSink } from "../telemetry/durable-records/record-sink.ts";
import type { Notice } from "../telemetry/record/encode/events.ts";
import type { UploadedFile } from "../telemetry/record/encode/uploaded-file.ts";
import type { UploadPlan } from "./upload-plan.ts";

export type UploadReportParts = {
  readonly uploaded: RecordSink<UploadedFile>;
  readonly notices: Pick<RecordSink<Notice>, "handOver">;
  readonly wallUs: () => number;
  readonly log: Log;
};

/** Tells what becomes of uploads: records for the cloud, lines for the log. */
export class UploadReports {
  readonly #parts: UploadReportParts;
  /** Uploads whose record was handed over, and that the book still has. */
  readonly #handedOver = new Set<string>();

  constructor(parts: UploadReportParts) {
    this.#parts = parts;
  }

  /** The store has it. Gives whether the record that says so is durable: ask again until it is, and then forget it. It is handed over once. */
  stored({ id: upload, kind, name, sizeBytes, sha256, reason, stored }: UploadPlan): boolean {
    const { uploaded, wallUs, log } = this.#parts;
    const { location = "", etag = "", isChecked = false } = stored ?? {};
    if (!this.#handedOver.has(upload)) {
      const timeUs = wallUs();
      uploaded.handOver([{ upload, kind, name, sizeBytes, sha256, location, etag, isChecked, reason, timeUs }]);
      this.#handedOver.add(upload);
      log.info("upload.completed", { upload, kind, name, bytes: sizeBytes, location });
    }
    return uploaded.isStored();
  }

  /** Nobody asks for this upload any more. */
  forget(upload: string): void {
    this.#handedOver.delete(upload);
  }

  /** It goes on only when somebody names another place. */
  wantsPlace({ id: upload, kind, name, sizeBytes: bytes, sha256 }: UploadPlan, why: string): void {
    const { notices, log } = this.#parts;
    log.warn("upload.place-wanted", { upload, kind, name, why });
    const detail = `upload ${upload} of ${name} (${kind}, ${bytes} bytes, SHA-256 ${sha256}) wants another URL: ${why}`;
    notices.handOver([{ event: "upload.place-wanted", detail }]);
  }

  /** A bucket of the configuration does not take it: it is tried again from time to time. */
  refused({ id: upload, kind, name }: UploadPlan, why: string): void {
    const { notices, log } = this.#parts;
    log.warn("upload.refused", { upload, kind, name, why });
    notices.handOver([{ event: "upload.refused", detail: `upload ${upload} of ${name} (${kind}): ${why}` }]);
  }

  /** Nothing goes on for a while. */
  hindered(why: string): void {
    this.#parts.log.warn("upload.hindered", { why });
  }

  failed({ id: upload, kind, name }: UploadPlan, why: string): void {
    const { notices, log } = this.#parts;
    log.warn("upload.failed", { upload, kind, name, why });
    notices.handOver([{ event: "upload.failed", detail: `upload ${upload} of ${name} (${kind}) is given up: ${why}` }]);
  }
}
