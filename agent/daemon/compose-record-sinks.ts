import type { Outbox } from "../ports/outbox.ts";
import type { Appender } from "../telemetry/appender.ts";
import type { RecordSink } from "../telemetry/durable-records/record-sink.ts";
import type { Encoder } from "../telemetry/record/encode/encoder.ts";
import type { EncodedDraft } from "../telemetry/record/encode/record-sealer.ts";
import { codeDraft, reportDrafts } from "./code-records.ts";
import type { RecordSinks } from "./parts.ts";
import { vehicleDraft } from "./vehicle-records.ts";

/** The audit trail gets no room beyond `auditBytes` of control records. */
type RecordSinkParts = {
  readonly encoder: Encoder;
  readonly appender: Appender;
  readonly outbox: Outbox;
  readonly auditBytes: number;
};

/** Where the other lines leave their records: encoded, appended and stored in one call: what they keep in the journal until then is told again after a kill. */
export function composeRecordSinks({ encoder, appender, outbox, auditBytes }: RecordSinkParts): RecordSinks {
  const store = (drafts: readonly EncodedDraft[]): number => {
    for (const draft of drafts) appender.add(draft);
    appender.store();
    return drafts.length;
  };
  const sinkOf = <T>(draftOf: (entry: T) => EncodedDraft, maxBytes = Number.POSITIVE_INFINITY): RecordSink<T> => ({
    handOver: (entries) => void store(entries.map(draftOf)),
    hasRoom: () => outbox.stats().streams.control.bytes < maxBytes,
    isStored: () => appender.state().kind === "storing",
  });
  return {
    audit: sinkOf((entry) => encoder.audit(entry), auditBytes),
    notices: sinkOf((notice) => encoder.notice(notice)),
    phases: sinkOf((phase) => encoder.updatePhase(phase)),
    clockChanges: sinkOf((change) => encoder.clockChange(change)),
    securityEvents: sinkOf((event) => encoder.securityEvent(event)),
    troubleCodes: sinkOf((event) => codeDraft(encoder, event)),
    vehicle: sinkOf((event) => vehicleDraft(encoder, event)),
    tunnelEvents: sinkOf((event) => encoder.tunnelEvent(event)),
    uploadedFiles: sinkOf((file) => encoder.uploadedFile(file)),
    sendCodeReport: (report, day) => void store(reportDrafts(encoder, report, day)),
    sendHealth: (report) => void store(encoder.health(report)),
    sendFile: (file) => store(encoder.file(file)),
  };
}
