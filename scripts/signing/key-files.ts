import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { AgentError, errnoOf, messageOf } from "../../agent/core/errors.ts";
import { fileTrouble } from "../../agent/core/file-trouble.ts";
import { isSignedBy, type SignatureAlgorithm } from "../../agent/core/public-key.ts";
import { type DocumentKey, documentKeyOf } from "../../agent/core/signatures.ts";

/** Makes a key pair: the private key in `file` (PKCS #8, 0600, encrypted when a passphrase is given), the public one in `file`.pub. Never overwrites. */
export function makeKey(file: string, algorithm: SignatureAlgorithm, passphrase: string | undefined): DocumentKey {
  const pair =
    algorithm === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const encryption = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  writeNew(file, pair.privateKey.export({ format: "pem", type: "pkcs8", ...encryption }), 0o600);
  writeNew(`${file}.pub`, pair.publicKey.export({ format: "pem", type: "spki" }), 0o644);
  return usable(pair.publicKey, file);
}

/** The public key in a PEM file. Throws `input.missing` or `input.malformed` naming it. */
export function readPublicKey(file: string): DocumentKey {
  const pem = readInput(file);
  return usable(
    parsed(() => createPublicKey(Buffer.from(pem)), file),
    file,
  );
}

/** Signs `bytes` with the private key in a PEM file; gives the public key and the signature, base64. */
export function signWith(
  file: string,
  passphrase: string | undefined,
  bytes: Uint8Array,
): { readonly key: DocumentKey; readonly value: string } {
  const pem = Buffer.from(readInput(file));
  const privateKey = parsed(() => createPrivateKey({ key: pem, format: "pem", passphrase }), file);
  const key = usable(createPublicKey(privateKey), file);
  const value = sign(key.algorithm === "ed25519" ? null : "sha256", bytes, privateKey).toString("base64");
  if (!isSignedBy(key.key, bytes, value)) throw malformed(file, "made a signature that does not verify");
  return { key, value };
}

/** The first line of a file, for a passphrase that must be in no argument. */
export function readPassphrase(file: string | undefined): string | undefined {
  return file === undefined ? undefined : new TextDecoder().decode(readInput(file)).split(/\r?\n/)[0];
}

/** The bytes of a file. Throws `input.missing`. */
export function readInput(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new AgentError("input.missing", {
      what: `${file}: cannot be read: ${fileTrouble(error)}`,
      remedy: "check the path",
      cause: error,
    });
  }
}

/** Writes a file that must not exist yet. Throws `output.unwritable`. */
export function writeNew(file: string, content: string | Uint8Array, mode = 0o644): void {
  try {
    writeFileSync(file, content, { flag: "wx", mode, flush: true });
  } catch (error) {
    const exists = errnoOf(error) === "EEXIST";
    throw new AgentError("output.unwritable", {
      what: exists ? `${file} exists already` : `${file}: cannot be written: ${fileTrouble(error)}`,
      remedy: exists ? "choose another name: keys and signed documents are never overwritten" : "check the folder",
      cause: error,
    });
  }
}

function usable(key: KeyObject, file: string): DocumentKey {
  const found = documentKeyOf(key.export({ format: "der", type: "spki" }).toString("base64"));
  if (found === undefined) throw malformed(file, "is neither an Ed25519 nor an EC P-256 key");
  return found;
}

function parsed(parse: () => KeyObject, file: string): KeyObject {
  try {
    return parse();
  } catch (error) {
    throw malformed(file, `is no key, or its passphrase is another one: ${messageOf(error)}`);
  }
}

function malformed(file: string, problem: string): AgentError {
  return new AgentError("input.malformed", {
    what: `${file} ${problem}`,
    remedy: "make keys with: causeway-sign key new",
  });
}
