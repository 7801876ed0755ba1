import asn1 from "node-forge/lib/asn1.js";

const { Class, Type } = asn1;
type Asn1 = asn1.Asn1;

// The few shapes of ASN.1 that requests and certificates are made of (X.690); values are node-forge's binary strings.

export function sequence(value: Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, value);
}

export function setOf(value: Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SET, true, value);
}

/** Explicitly tagged, context-specific. */
export function explicit(tag: number, value: Asn1[]): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag, true, value);
}

/** Implicitly tagged, context-specific and primitive. */
export function tagged(tag: number, value: string): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag, false, value);
}

export function primitive(type: asn1.Type, value: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, type, false, value);
}

/** OBJECT IDENTIFIER from its dotted form. */
export function oid(value: string): Asn1 {
  return primitive(Type.OID, asn1.oidToDer(value).getBytes());
}

export function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("binary");
}

export function der(value: Asn1): Uint8Array {
  return Buffer.from(asn1.toDer(value).getBytes(), "binary");
}
