import type { Command } from "commander";
import { replaceFile } from "../../../drivers/os/durable-file.ts";
import { csrSubject } from "../../identity/csr-subject.ts";
import { type CliContext, note, printJson } from "../context.ts";
import { openToken } from "../open-token.ts";

type CsrOptions = { readonly key?: string; readonly output?: string };

/** `causeway csr`: a certificate request (PKCS#10), signed in the TPM. */
export function registerCsr(program: Command, context: CliContext): void {
  program
    .command("csr")
    .description("a certificate request (PKCS#10, PEM) for the device's key, signed in the TPM")
    .option("--key <label>", "another key than the one in use")
    .option("-o, --output <file>", "write the request there instead of stdout")
    .addHelpText(
      "after",
      `
Subject and alternative names come from identity.csr, filled in with the thing name, identity.serial and identity.vin.

Examples:
  causeway csr -o veh-001.csr
  causeway csr | openssl req -verify -noout -text`,
    )
    .action((options: CsrOptions) => makeRequest(context, options));
}

async function makeRequest(context: CliContext, options: CsrOptions): Promise<void> {
  const { config, identity, inUse, keys } = await openToken(context, { wantsPin: true });
  const { serial, vin, csr } = identity;
  const subject = csrSubject(csr, { thing: config.thingName, serial, vin });
  const keyLabel = options.key ?? inUse.keyLabel;
  const pem = await keys.request(keyLabel, subject);
  if (options.output !== undefined) {
    replaceFile(options.output, pem, 0o644);
    note(context, `certificate request for ${subject.commonName}: ${options.output}`);
  }
  if (context.options().json) printJson(context, { schemaVersion: 1, keyLabel, subject, pem });
  else if (options.output === undefined) context.terminal.stdout.write(pem);
}
