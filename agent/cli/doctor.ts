import type { Command } from "commander";
import pico from "picocolors";
import { EXIT } from "../core/errors.ts";
import { type Check, checkIdentity, type IdentityParts } from "../support/identity-checks.ts";
import { identityParts } from "../support/identity-parts.ts";
import { type CliContext, note, printJson, printLine } from "./context.ts";
import { openToken, type Token } from "./token.ts";

/** `causeway doctor`: a self-test that names what is wrong and what to do about it; works with the daemon up or down. */
export function registerDoctor(program: Command, context: CliContext): void {
  program
    .command("doctor")
    .description("self-test of the identity: pass, warn or fail, each with its remedy")
    .option("--fix", "put right what can be: the TPM's count of failed authorisations", false)
    .addHelpText(
      "after",
      `
Looks at the clock, the PIN's source, the token store, the TPM and its guess limit, the token, the key (by a signature) and the
certificate. Ends with 0 when nothing fails, with 3 otherwise. Run it as the user that runs the service.

Examples:
  runuser -u causeway -- causeway doctor
  causeway doctor --json | jq '.checks[] | select(.verdict != "pass")'`,
    )
    .action(({ fix }: { readonly fix: boolean }) => examine(context, fix));
}

async function examine(context: CliContext, fix: boolean): Promise<void> {
  const token = await openToken(context);
  const parts = partsOf(token, context);
  let checks = await checkIdentity(parts);
  if (fix && checks.some(({ check, verdict }) => check === "lockout" && verdict !== "pass")) {
    await token.keys.clearLockout();
    note(context, "fixed: the TPM's count of failed authorisations is 0");
    checks = await checkIdentity(parts);
  }
  const isOk = checks.every(({ verdict }) => verdict !== "fail");
  context.finish(isOk ? EXIT.ok : EXIT.degraded);
  if (context.options().json) printJson(context, { schemaVersion: 1, ok: isOk, checks });
  else for (const check of checks) show(check, context);
}

function partsOf({ identity, inUse, keys }: Token, { environment, clock }: CliContext): IdentityParts {
  return identityParts({ identity, inUse, keys, environment, clock });
}

function show({ check, verdict, what, remedy }: Check, context: CliContext): void {
  const colors = pico.createColors(context.options().color);
  const word = { pass: colors.green("pass"), warn: colors.yellow("warn"), fail: colors.red("fail") }[verdict];
  printLine(context, `${word}  ${check.padEnd(11)}  ${what}`);
  if (remedy !== undefined) printLine(context, `${" ".repeat(19)}remedy: ${remedy}`);
}
