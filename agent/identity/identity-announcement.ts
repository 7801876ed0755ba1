import type { Clock } from "../core/clock.ts";
import { type Publication, publicationTo } from "../ports/broker.ts";

/** Who announces, and where. */
export type AnnouncementSubject = { readonly thing: string; readonly topic: string; readonly clock: Clock };

/** Certificates by their id: the one in use, and the one before it, which the cloud may take back. */
export type AnnouncedCertificates = {
  readonly certificateId: string;
  readonly previousCertificateId: string | undefined;
};

/**
 * The retained announcement of the certificate in use, JSON: `schemaVersion`, `thing`, `certificateId`, `previousCertificateId` where
 * there was one, and `at`, the wall time (RFC 3339, UTC). Its PUBACK is the cloud's word that it knows: the previous key goes after it.
 */
export function identityPublication(subject: AnnouncementSubject, certificates: AnnouncedCertificates): Publication {
  const { thing, topic, clock } = subject;
  const at = new Date(clock.wallUs() / 1000).toISOString();
  const payload = new TextEncoder().encode(JSON.stringify({ schemaVersion: 1, thing, ...certificates, at }));
  return publicationTo(topic, payload, "application/json", { retain: true });
}
