import { z } from "zod";
import type { ServiceRequest } from "../cloud/request-client.ts";
import type { WireFormat } from "../cloud/wire-format.ts";

const CREATE = "$aws/certificates/create-from-csr";

const createdCertificate = z.object({
  certificateId: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits"),
  certificatePem: z.string().min(1).max(65_536),
  certificateOwnershipToken: z.string().min(1).max(8192),
});

const registeredThing = z.object({
  thingName: z.string().regex(/^[\w:-]{1,128}$/),
  deviceConfiguration: z.record(z.string(), z.string()).optional(),
});

/** Answer to CreateCertificateFromCsr. The token is a secret for an hour. */
export type CreatedCertificate = z.infer<typeof createdCertificate>;
/** Answer to RegisterThing. */
export type RegisteredThing = z.infer<typeof registeredThing>;

/** Filters of the answers to the two provisioning flows (AWS IoT Core developer guide, device provisioning MQTT API). */
export function provisioningFilters(format: WireFormat, template: string): readonly string[] {
  return [`${CREATE}/${format}/+`, `${templateTopic(template, format)}/+`];
}

/** CreateCertificateFromCsr: the certificate can do nothing until it is registered. */
export function createFromCsr(format: WireFormat, csrPem: string): ServiceRequest<CreatedCertificate> {
  return {
    topic: `${CREATE}/${format}`,
    format,
    body: { certificateSigningRequest: csrPem },
    correlate: "topic",
    accepted: createdCertificate,
  };
}

/** RegisterThing: the template makes the thing, or finds it, and gives the certificate its policy. */
export function registerThing(
  format: WireFormat,
  template: string,
  ownershipToken: string,
  parameters: Readonly<Record<string, string>>,
): ServiceRequest<RegisteredThing> {
  return {
    topic: templateTopic(template, format),
    format,
    body: { certificateOwnershipToken: ownershipToken, parameters },
    correlate: "topic",
    accepted: registeredThing,
  };
}

function templateTopic(template: string, format: WireFormat): string {
  return `$aws/provisioning-templates/${template}/provision/${format}`;
}
