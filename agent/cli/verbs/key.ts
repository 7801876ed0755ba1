import { type Command, InvalidArgumentError, Option } from "commander";
import { AgentError } from "../../core/errors.ts";
import { type ForeignKey, KEY_ALGORITHMS, type KeyAlgorithm, type KeyFacts } from "../../ports/key-store.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { makeMissingPin } from "../missing-pin.ts";
import { openToken, type Token } from "../open-token.ts";
import { alignColumns } from "../text.ts";

/** `causeway key`: the private keys in the TPM; works with the daemon up or down. */
export function registerKey(program: Command, context: CliContext): void {
  const key = program.command("key").description("the private keys of the device, in the TPM");
  key
    .command("create")
    .description("make a key in the TPM, and the token if there is none yet")
    .argument("[label]", "label of the key; identity.keyLabel when absent")
    .addOption(new Option("--algorithm <name>", "kind of key").choices(KEY_ALGORITHMS).default("ec-p256"))
    .addHelpText(
      "after",
      `
Run it as root, which becomes the user of the service by itself, or as that user. The token is made with the PIN of identity.pinFile or of the credential causeway-pin; a
PIN file that is named and does not exist yet is written with a random PIN, but not where the token exists already: its PIN is another
one. The key can never leave the TPM: that is read back
from the TPM before the key is kept. A TPM whose owner has an authorisation needs identity.tpm.ownerAuthFile.

Examples:
  sudo causeway key create
  causeway key create next --algorithm rsa-2048 --json`,
    )
    .action((label: string | undefined, { algorithm }: { readonly algorithm: KeyAlgorithm }) =>
      createKey(context, label, algorithm),
    );
  key
    .command("list")
    .description("the keys of the token, with what the TPM says about them; needs no PIN")
    .addHelpText("after", "\nExample:\n  causeway key list --json | jq '.keys[].label'")
    .action(() => listKeys(context));
  key
    .command("delete")
    .description("delete a key for good; refuses the one in use")
    .argument("<label>")
    .addOption(
      new Option("--id <number>", "which one, where several keys have the label: see key list").argParser(wholeNumber),
    )
    .addHelpText("after", "\nExample:\n  causeway key delete old")
    .action((label: string, { id }: { readonly id?: number }) => deleteKey(context, label, id));
  key
    .command("test")
    .description("sign a random challenge in the TPM, verify it outside, and check the key's attributes")
    .argument("[label]", "label of the key; the one in use when absent")
    .addHelpText("after", "\nExample:\n  causeway key test")
    .action((label: string | undefined) => testKey(context, label));
  key
    .command("unlock")
    .description("set the TPM's count of failed authorisations to 0")
    .addHelpText(
      "after",
      `
Needs the TPM's lockout authorisation, where it has one (identity.tpm.lockoutAuthFile). A wrong one makes the TPM refuse it for a
while: causeway doctor shows how long. The device's own token does not depend on the count; other users of the TPM may.

Example:
  causeway key unlock`,
    )
    .action(() => unlock(context));
}

async function createKey(context: CliContext, given: string | undefined, algorithm: KeyAlgorithm): Promise<void> {
  const token = await openToken(context, { wantsPin: true });
  const { keys, identity } = token;
  const label = checkedLabel(given ?? token.inUse.keyLabel);
  await makeMissingPin(token, context);
  const made = await keys.provision();
  if (made === "made") note(context, `token: "${identity.tokenLabel}" made in ${identity.storeDir}`);
  const key = await keys.create(label, algorithm);
  if (context.options().json) {
    printJson(context, { schemaVersion: 1, token: made, key });
    return;
  }
  note(context, `key: "${label}" (${algorithm}) made in the TPM: ${key.attributes.join(" ")}`);
  printLine(context, key.publicKeyPem.trimEnd());
}

/** PKCS#11 takes any text; what a terminal or a topic could trip over is refused. */
function checkedLabel(label: string): string {
  if (/^[\w.:-]{1,64}$/.test(label)) return label;
  throw new AgentError("usage.invalid", {
    what: "the label is not 1 to 64 letters, digits, '_', '.', ':' or '-'",
    remedy: "Give another label.",
  });
}

async function listKeys(context: CliContext): Promise<void> {
  const token = await openToken(context, { wantsPin: false });
  const isInUse = ({ label }: KeyFacts | ForeignKey): boolean => label === token.inUse.keyLabel;
  const keys = flagged(await token.keys.list());
  if (context.options().json) {
    printJson(context, { schemaVersion: 1, keys: keys.map((key) => ({ ...key, inUse: isInUse(key) })) });
    return;
  }
  if (keys.length === 0) note(context, `the token "${token.identity.tokenLabel}" has no keys`);
  const rows = keys.map((key) => [
    key.label,
    String(key.id),
    key.algorithm,
    isInUse(key) ? "in use" : "",
    key.problems.length === 0 ? "stays in the TPM" : `FLAWED: ${key.problems.join("; ")}`,
  ]);
  for (const line of alignColumns(rows)) printLine(context, line);
}

/** The keys with a further problem for each whose label is not its own. */
function flagged(keys: readonly (KeyFacts | ForeignKey)[]): readonly (KeyFacts | ForeignKey)[] {
  return keys.map((key) => {
    const isShared = keys.some(({ label, id }) => label === key.label && id !== key.id);
    const problem = `another key has its label: delete one with causeway key delete ${key.label} --id NUMBER`;
    return isShared ? { ...key, problems: [...key.problems, problem] } : key;
  });
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Give the number that key list shows.");
}

async function deleteKey(context: CliContext, label: string, id: number | undefined): Promise<void> {
  const token = await openToken(context, { wantsPin: false });
  await requireUnused(token, label, id);
  await token.keys.delete(label, id);
  if (context.options().json) printJson(context, { schemaVersion: 1, deleted: label });
  else note(context, `key "${label}" deleted`);
}

/** Of several keys with the label in use, one may go: no connection is made before that. */
async function requireUnused({ inUse, keys }: Token, label: string, id: number | undefined): Promise<void> {
  if (label !== inUse.keyLabel) return;
  if (id !== undefined && (await keys.list()).some((key) => key.label === label && key.id !== id)) return;
  throw new AgentError("identity.key-in-use", {
    what: `the key "${label}" is in use: without it the device cannot connect`,
    remedy: "put another key into use first (causeway provision, or identity.keyLabel), then delete this one",
  });
}

async function testKey(context: CliContext, given: string | undefined): Promise<void> {
  const { keys, inUse } = await openToken(context, { wantsPin: true });
  const label = given ?? inUse.keyLabel;
  const { key, loginMs, signMs } = await keys.test(label);
  if (context.options().json) {
    printJson(context, { schemaVersion: 1, ok: true, key, loginMs, signMs });
    return;
  }
  printLine(context, `key       ${label} (${key.algorithm})`);
  printLine(context, `TPM       ${key.attributes.join(" ")}`);
  printLine(context, `login     ${loginMs.toFixed(1)} ms`);
  printLine(context, `signature ${signMs.toFixed(1)} ms, verified`);
}

async function unlock(context: CliContext): Promise<void> {
  // Its authorisation may be a credential beside the PIN.
  const { keys } = await openToken(context, { wantsPin: true });
  const before = await keys.inspect();
  await keys.clearLockout();
  const { lockout } = await keys.inspect();
  if (context.options().json) printJson(context, { schemaVersion: 1, before: before.lockout, after: lockout });
  else note(context, `failed authorisations counted: ${before.lockout.counter} before, ${lockout.counter} now`);
}
