import type { KeyAlgorithm } from "../../../agent/ports/key-store.ts";

/** The digest that a key of this algorithm signs, as node:crypto names it. */
export function digestOf(algorithm: KeyAlgorithm): "sha256" | "sha384" {
  return algorithm === "ec-p384" ? "sha384" : "sha256";
}

/** An ECDSA signature with r and s side by side (PKCS#11) as the DER SEQUENCE of two INTEGERs that X.509 wants (RFC 3279, 2.2.3). */
export function ecdsaToDer(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  const numbers = [integer(signature.subarray(0, half)), integer(signature.subarray(half))];
  return element(0x30, Buffer.concat(numbers));
}

/** Positive and as short as it can be (X.690, 8.3). */
function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const significant = Buffer.from(first === -1 ? [0] : bytes.subarray(first));
  const isNegative = ((significant[0] ?? 0) & 0x80) !== 0;
  return element(0x02, isNegative ? Buffer.concat([Buffer.of(0), significant]) : significant);
}

/** For contents of up to 127 octets, which all of P-256 and P-384 are. */
function element(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(tag, content.length), content]);
}
