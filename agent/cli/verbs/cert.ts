import type { Command } from "commander";
import { replaceFile } from "../../../drivers/os/durable-file.ts";
import { AgentError, errnoOf } from "../../core/errors.ts";
import { isBornInTpm, keyUnfit } from "../../core/key-faults.ts";
import { leftUntil, validityFault } from "../../core/validity.ts";
import {
  type CertificateChain,
  certificateFacts,
  parseChain,
  requireMatch,
  requireUsable,
} from "../../identity/certificate.ts";
import { certRenew } from "../../local-api/identity-schema.ts";
import { type CliContext, faultJson, note, printJson, printLine } from "../context.ts";
import { readInputFile, readWhole } from "../input-file.ts";
import { keyInUse, openToken, type Token } from "../open-token.ts";
import { runningAgent } from "../running-agent.ts";

/** Of a certificate with those of its authorities, which is a few kB. */
const MAX_PEM_BYTES = 1_048_576;

/** `causeway cert`: the device's certificate. */
export function registerCert(program: Command, context: CliContext): void {
  const cert = program.command("cert").description("the device's certificate");
  cert
    .command("install")
    .description("put a certificate that was issued for the key in the TPM into use")
    .argument(
      "<file>",
      "PEM: the device's certificate, then those of its authorities, if the broker needs them; '-' for stdin",
    )
    .addHelpText(
      "after",
      `
Before anything is changed the certificate is matched to the key in the TPM, which must have been born there, and its chain, its life and what it may be used for
are checked. The file identity.certificateFile is replaced as a whole, or on a device that was enrolled the free slot is filled and put
into use. Restart the agent to connect with it.

Examples:
  causeway cert install veh-001.pem && systemctl restart causeway
  ssh authority issue veh-001 | causeway cert install -`,
    )
    .action((file: string) => install(context, file));
  cert
    .command("renew")
    .description("have the running agent get its next certificate now")
    .addHelpText(
      "after",
      `
The agent makes a key and a certificate in the other slot, connects with them, and deletes the old key when the cloud knows. It goes on
collecting; the connection is made anew once. When something fails, the old identity stays. Give it time with --timeout.

Example:
  causeway cert renew --timeout 120 --json`,
    )
    .action(() => renew(context));
  cert
    .command("show")
    .description("the certificate in use, or one in a file")
    .argument("[file]", "PEM; identity.certificateFile when absent")
    .addHelpText("after", "\nExample:\n  causeway cert show --json | jq -r .certificate.notAfter")
    .action((file: string | undefined) => show(context, file));
}

async function install(context: CliContext, file: string): Promise<void> {
  const name = file === "-" ? "stdin" : file;
  const chain = parseChain(new TextDecoder().decode(await readWhole(context, file, MAX_PEM_BYTES)), name);
  const token = await openToken(context, { wantsPin: false });
  const key = await keyInUse(token);
  if (!isBornInTpm(key)) throw keyUnfit(key.label, key.problems.join("; "));
  requireMatch(chain, key, name);
  requireUsable(chain, name, context.clock);
  const certificate = certificateFacts(chain.leaf);
  const certificateFile = putIntoUse(token, pemOf(chain), certificate.certificateId);
  if (context.options().json) {
    printJson(context, { schemaVersion: 1, certificateFile, keyLabel: key.label, problems: key.problems, certificate });
    return;
  }
  note(
    context,
    `certificate for the key "${key.label}" in use: ${certificateFile}, valid until ${certificate.notAfter}`,
  );
  for (const problem of key.problems) note(context, `warning: the key "${key.label}" has a problem: ${problem}`);
}

/** Gives where it is: in a free slot of a device that was enrolled, else in the place that the configuration names. */
function putIntoUse({ identityStore, inUse }: Token, pem: string, certificateId: string): string {
  if (identityStore.isEnrolled()) return identityStore.install(inUse.keyLabel, certificateId, pem);
  replaceFile(inUse.certificateFile, pem, 0o644);
  return inUse.certificateFile;
}

/** Only what was checked, without any text around it. */
function pemOf({ leaf, authorities }: CertificateChain): string {
  return [leaf, ...authorities].map((certificate) => certificate.toString()).join("");
}

async function renew(context: CliContext): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(certRenew, {});
  if (context.options().json) printJson(context, raw);
  else printLine(context, `the agent connects with the certificate ${answer.certificateId}`);
}

async function show(context: CliContext, given: string | undefined): Promise<void> {
  const file = given ?? (await openToken(context, { wantsPin: false })).inUse.certificateFile;
  const { leaf, authorities } = parseChain(new TextDecoder().decode(await readCertificateFile(file)), file);
  const certificate = certificateFacts(leaf);
  const fault = validityFault(file, certificate, context.clock);
  const issuers = authorities.map((authority) => certificateFacts(authority).subject);
  if (context.options().json) {
    printJson(context, { schemaVersion: 1, file, certificate, issuers, ...faultJson(fault) });
    return;
  }
  printLine(context, `file      ${file}`);
  printLine(context, `subject   ${certificate.subject}`);
  if (certificate.subjectAltName !== "") printLine(context, `names     ${certificate.subjectAltName}`);
  printLine(context, `issuer    ${certificate.issuer}`);
  for (const issuer of issuers) printLine(context, `chain     ${issuer}`);
  printLine(context, `valid     ${certificate.notBefore} to ${certificate.notAfter}`);
  printLine(context, `left      ${leftUntil(certificate.notAfter, context.clock)}`);
  printLine(context, `id        ${certificate.certificateId}`);
  if (fault !== undefined) throw fault;
}

/** The content of a certificate file. Throws `identity.certificate-missing` when there is none. */
async function readCertificateFile(file: string): Promise<Uint8Array> {
  try {
    return await readInputFile(file);
  } catch (error) {
    if (!(error instanceof AgentError) || errnoOf(error.cause) !== "ENOENT") throw error;
    throw new AgentError("identity.certificate-missing", {
      what: `the device certificate ${file} does not exist`,
      remedy: "have one issued for the request of causeway csr, then: causeway cert install FILE",
      cause: error,
    });
  }
}
