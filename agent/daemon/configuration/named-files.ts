import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { AgentError, messageOf } from "../../core/errors.ts";
import { parseRoot, type TrustRoot } from "../../updates/trust/trust-root.ts";

/** Certificates of all public authorities together are below 300 kB. */
const MAX_CERTIFICATES_BYTES = 4_194_304;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The pinned trust root. `place` is where the configuration names the file. Throws `config.invalid`. */
export async function loadTrustRoot(file: string, place: string): Promise<TrustRoot> {
  const bytes = await readFile(file).catch((error: unknown) => messageOf(error));
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
    throw unfit(`${place} ${name} cannot be read: ${messageOf(error)}`, error);
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
