import type { IdentityConfig } from "../../config/schema.ts";
import { AgentError } from "../core/errors.ts";
import type { CsrSubject } from "../ports/key-store.ts";

type Pkcs11Identity = Extract<IdentityConfig, { mode: "pkcs11" }>;

/** What templates are filled in with; an undefined one leaves out the entries that name it. */
export type CsrVariables = {
  readonly thing: string;
  readonly serial: string | undefined;
  readonly vin: string | undefined;
};

/** Upper bounds of names (RFC 5280, appendix A.1: ub-common-name, ub-serial-number, ub-organization-name, ub-organizational-unit-name). */
const MAX_CHARACTERS = { commonName: 64, serialNumber: 64, organization: 64, organizationalUnit: 64 } as const;
/** PrintableString (X.680, 41.4), which serialNumber is by definition. */
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]+$/;
/** IA5String as URIs use it: visible ASCII. */
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+$/;
const DNS_NAME =
  /^(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/**
 * Subject and names of the device's certificate requests, from the template `identity.csr`. An entry that names a variable which is not set
 * is left out; commonName must be whole. The serial number that nobody asked for is left out too where serialNumber cannot hold it: X.520
 * knows no '_' there, thing names and serial numbers do. Throws `config.invalid` naming the field, without the value: a VIN is nothing for a log.
 */
export function csrSubject(template: Pkcs11Identity["csr"], variables: CsrVariables): CsrSubject {
  const fill = (text: string | undefined): string | undefined => filled(text, variables);
  const commonName = fill(template.commonName);
  if (commonName === undefined) {
    throw invalid("commonName", `${template.commonName} names a variable that is not set`);
  }
  const { country } = template;
  const serialNumber = template.serialNumber === undefined ? holdable(variables.serial) : fill(template.serialNumber);
  const organization = fill(template.organization);
  const organizationalUnit = fill(template.organizationalUnit);
  const subject = {
    commonName,
    ...(serialNumber === undefined ? {} : { serialNumber }),
    ...(organization === undefined ? {} : { organization }),
    ...(organizationalUnit === undefined ? {} : { organizationalUnit }),
    ...(country === undefined ? {} : { country }),
    uris: template.uris.flatMap((uri) => fill(uri) ?? []),
    dnsNames: template.dnsNames.flatMap((name) => fill(name) ?? []),
  };
  check(subject);
  return subject;
}

function holdable(serial: string | undefined): string | undefined {
  return serial !== undefined && PRINTABLE.test(serial) ? serial : undefined;
}

function filled(text: string | undefined, variables: CsrVariables): string | undefined {
  if (text === undefined) return undefined;
  const values = [
    ["{thing}", variables.thing],
    ["{serial}", variables.serial],
    ["{vin}", variables.vin],
  ] as const;
  if (values.some(([name, value]) => value === undefined && text.includes(name))) return undefined;
  return values.reduce((rest, [name, value]) => rest.replaceAll(name, value ?? ""), text);
}

function check(subject: CsrSubject): void {
  for (const field of ["commonName", "serialNumber", "organization", "organizationalUnit"] as const) {
    const value = subject[field];
    if (value !== undefined && value.length > MAX_CHARACTERS[field]) {
      throw invalid(field, `filled in, it has more than ${MAX_CHARACTERS[field]} characters`);
    }
  }
  if (subject.serialNumber !== undefined && !PRINTABLE.test(subject.serialNumber)) {
    throw invalid("serialNumber", "filled in, it has characters that a PrintableString cannot hold");
  }
  if (!subject.uris.every((uri) => URI.test(uri))) {
    throw invalid("uris", "filled in, an entry is no absolute URI of visible ASCII characters");
  }
  if (!subject.dnsNames.every((name) => DNS_NAME.test(name)))
    throw invalid("dnsNames", "filled in, an entry is no DNS name");
}

function invalid(field: string, problem: string): AgentError {
  return new AgentError("config.invalid", {
    what: `identity.csr.${field}: ${problem}`,
    remedy: "correct the template or set the variable (identity.serial, identity.vin), then: causeway csr",
  });
}
