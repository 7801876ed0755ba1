import { createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { cryptoTrouble } from "../../core/crypto-trouble.ts";
import { AgentError } from "../../core/errors.ts";
import { fileTrouble } from "../../core/file-trouble.ts";
import { parseRoot, type TrustRoot } from "../../updates/trust/trust-root.ts";

/** Certificates of all public authorities together are below 300 kB. */
const MAX_CERTIFICATES_BYTES = 4_194_304;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

const MAX_KEY_BYTES = 16_384;
const PUBLIC_KEY = /^\s*-----BEGIN (RSA )?PUBLIC KEY-----[^-]*-----END (RSA )?PUBLIC KEY-----\s*$/;
const RSA_BITS = { min: 2048, max: 4096 } as const;

/**
 * The public key that wraps the data keys of records. `place` is where the configuration names the file. Throws `config.invalid`, and says so
 * loudly, where a private key lies there: it has no business in a vehicle.
 */
export async function loadWrappingKey(file: string, place: string): Promise<KeyObject> {
  const at = `${place} encode.encryption.publicKeyFile ${file}`;
  const bytes = await readFile(file).catch((error: unknown) => {
    throw unfitKey(`${at} cannot be read: ${fileTrouble(error)}`, error);
  });
  if (bytes.length > MAX_KEY_BYTES) throw unfitKey(`${at}: ${bytes.length} bytes, which no public key has`);
  const text = bytes.toString("utf8");
  if (text.includes("PRIVATE KEY")) {
    throw new AgentError("config.invalid", {
      what: `${at} holds a PRIVATE KEY: with it, whoever has this vehicle's disk can read the records of the whole fleet`,
      remedy: "remove it from the vehicle, make a new key pair, and give the vehicles the new public key alone",
    });
  }
  if (text.includes("BEGIN CERTIFICATE")) {
    throw unfitKey(`${at} is a certificate, not a key: openssl x509 -in ${file} -noout -pubkey gives its key`);
  }
  if (!PUBLIC_KEY.test(text)) throw unfitKey(`${at} is not one public key as PEM`);
  return fitRsaKey(text, at);
}

function fitRsaKey(pem: string, at: string): KeyObject {
  const key = parsedKey(pem, at);
  if (key.asymmetricKeyType !== "rsa") throw unfitKey(`${at} is a key for ${key.asymmetricKeyType}, not for RSA`);
  const { modulusLength: bits = 0, publicExponent: exponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (bits < RSA_BITS.min || bits > RSA_BITS.max) {
    throw unfitKey(`${at} has ${bits} bits, not ${RSA_BITS.min} to ${RSA_BITS.max}`);
  }
  if (exponent < 65_537n) throw unfitKey(`${at} has the exponent ${exponent}, not 65537`);
  return key;
}

function parsedKey(pem: string, at: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (error) {
    throw unfitKey(`${at} is damaged: ${cryptoTrouble(error)}`, error);
  }
}

function unfitKey(what: string, cause?: unknown): AgentError {
  return new AgentError("config.invalid", {
    what,
    remedy: `name a PEM file with an RSA public key of ${RSA_BITS.min} to ${RSA_BITS.max} bits, readable for the user that runs causeway`,
    cause,
  });
}

/** The pinned trust root. `place` is where the configuration names the file. Throws `config.invalid`. */
export async function loadTrustRoot(file: string, place: string): Promise<TrustRoot> {
  const bytes = await readFile(file).catch((error: unknown) => fileTrouble(error));
  const root = typeof bytes === "string" ? bytes : parseRoot(bytes);
  if (typeof root !== "string") return root;
  throw new AgentError("config.invalid", {
    what: `${place} ota.rootFile ${file}: ${root}`,
    remedy: "put the root document there that causeway-sign root new has made, as it is",
  });
}

/** The text of a file of certificates, each of which can be read. `place` is where the configuration names the file, as `name`. Throws `config.invalid`. */
export async function loadCertificates(file: string, place: string, name: string): Promise<string> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw unfit(`${place} ${name} cannot be read: ${file}: ${fileTrouble(error)}`, error);
  });
  if (bytes.length > MAX_CERTIFICATES_BYTES) {
    throw unfit(
      `${place} ${name} ${file}: ${bytes.length} bytes, more than the ${MAX_CERTIFICATES_BYTES} that are read`,
    );
  }
  const text = bytes.toString("utf8");
  const found = text.match(CERTIFICATE) ?? [];
  if (found.length === 0) throw unfit(`${place} ${name} ${file}: no certificate in it`);
  for (const [index, pem] of found.entries()) {
    try {
      new X509Certificate(pem);
    } catch (error) {
      throw unfit(`${place} ${name} ${file}: certificate ${index + 1} of ${found.length} is damaged`, error);
    }
  }
  return text;
}

function unfit(what: string, cause?: unknown): AgentError {
  return new AgentError("config.invalid", {
    what,
    remedy: "name the file with the root certificates (PEM), readable for the user that runs causeway",
    cause,
  });
}
