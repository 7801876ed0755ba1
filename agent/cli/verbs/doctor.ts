import { access, constants } from "node:fs/promises";
import type { Command } from "commander";
import pico from "picocolors";
import { loadConfigFile, loadYamlFile } from "../../../config/load.ts";
import { policySchema } from "../../../config/policy.ts";
import { AgentError, EXIT } from "../../core/errors.ts";
import { checkCommandFiles } from "../../daemon/configuration/command-files.ts";
import { loadBusEcus } from "../../daemon/configuration/load-ecus.ts";
import { loadSignalTable } from "../../daemon/configuration/load-table.ts";
import { identityParts } from "../../daemon/identity-parts.ts";
import { lookAtClock } from "../../daemon/look-at-clock.ts";
import { lookAtServices } from "../../daemon/look-at-services.ts";
import { statusVerb } from "../../local-api/status-schema.ts";
import { type Check, identityCheck } from "../../local-api/support-schema.ts";
import { clockChecks } from "../../support/clock-checks.ts";
import { checkCommands } from "../../support/command-checks.ts";
import { checkEcus } from "../../support/diagnostics-checks.ts";
import { checkIdentity, type IdentityParts } from "../../support/identity-checks.ts";
import { statusChecks } from "../../support/status-checks.ts";
import { type CliContext, note, printJson, printText } from "../context.ts";
import { openToken, type Token } from "../open-token.ts";
import { runningAgent } from "../running-agent.ts";

/** Where what is said of a check stands, behind its verdict and name. */
const INDENT = 19;

/** `causeway doctor`: a self-test that names what is wrong and what to do about it; works with the daemon up or down. */
export function registerDoctor(program: Command, context: CliContext): void {
  program
    .command("doctor")
    .description(
      "self-test of the clock, the identity, remote commands and services: pass, warn or fail, each with its remedy",
    )
    .option("--fix", "put right what can be: the TPM's count of failed authorisations", false)
    .addHelpText(
      "after",
      `
Looks at the clock and at who keeps it, the PIN's source, the token store, the TPM and its guess limit, the token, the key (by a
signature) and the certificate; where remote commands are taken at the keys that are pinned, the policy, the catalogue and the ledger; at
the catalogue of control units and the programs of their security; at the journal, and the local ports that tunnels lead to; at what
keeps records of a running agent from being stored or taken, or holds them back for a data budget; at why control units are not asked, or
do not answer; and at each of its services that is configured: security events, Device Defender, programs, shadows, uploads,
tunnels, metrics.
Ends with 0 when nothing fails, with 3 otherwise. Run it as the user that runs the service.

Examples:
  runuser -u causeway -- causeway doctor
  causeway doctor --json | jq '.checks[] | select(.verdict != "pass")'`,
    )
    .action(({ fix }: { readonly fix: boolean }) => examine(context, fix));
}

async function examine(context: CliContext, fix: boolean): Promise<void> {
  const identity = [...(await examineIdentity(context, fix)), ...(await examineTime(context))];
  const files = [...(await examineCommands(context)), ...(await examineEcus(context))];
  const checks = [...identity, ...files, ...(await examineServices(context)), ...(await examineAgent(context))];
  const isOk = checks.every(({ verdict }) => verdict !== "fail");
  context.finish(isOk ? EXIT.ok : EXIT.degraded);
  if (context.options().json) printJson(context, { schemaVersion: 1, ok: isOk, checks });
  else for (const check of checks) show(check, context);
}

/** What this user may not look at, the running agent looks at itself. */
async function examineIdentity(context: CliContext, fix: boolean): Promise<readonly Check[]> {
  try {
    return await examineToken(context, fix);
  } catch (thrown) {
    if (!(thrown instanceof AgentError) || thrown.code !== "identity.not-permitted" || fix) throw thrown;
    const agent = await runningAgent(context);
    const { answer } = await agent.ask(identityCheck, {}).catch((fault: unknown) => {
      throw fault instanceof AgentError && fault.code === "input.malformed" ? fault : thrown;
    });
    note(context, "the identity is looked at by the running agent");
    return answer.checks;
  }
}

async function examineToken(context: CliContext, fix: boolean): Promise<readonly Check[]> {
  const token = await openToken(context);
  const parts = partsOf(token, context);
  const checks = await checkIdentity(parts);
  if (!fix || !checks.some(({ check, verdict }) => check === "lockout" && verdict !== "pass")) return checks;
  await token.keys.clearLockout();
  note(context, "fixed: the TPM's count of failed authorisations is 0");
  return await checkIdentity(parts);
}

/** This machine's clock: by whom it is set, how well, and whether there is a battery-backed one. */
async function examineTime(context: CliContext): Promise<readonly Check[]> {
  const { clock, signal } = context;
  const { config } = await loadConfigFile(context.options().config);
  const sight = await lookAtClock(config.time, clock, signal);
  return clockChecks({ ...sight, zone: zoneAt(clock.wallUs() / 1000) });
}

/** The time zone of who asks, as the system has it. */
function zoneAt(wallMs: number): string {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const parts = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" }).formatToParts(wallMs);
  const offset = parts.find(({ type }) => type === "timeZoneName")?.value.replace("GMT", "UTC") ?? "";
  return timeZone === "UTC" ? timeZone : `${timeZone} (${offset})`;
}

/** Nothing where no remote commands are taken. */
async function examineCommands(context: CliContext): Promise<readonly Check[]> {
  const loaded = await loadConfigFile(context.options().config);
  const { commands } = loaded.config;
  if (commands === undefined) return [];
  return await checkCommands({
    readPolicy: async () => (await loadYamlFile(commands.policyFile, policySchema)).value,
    checkCatalogue: async () => await checkCommandFiles(loaded.config, await loadSignalTable(loaded), context.clock),
    askAgent: async () => {
      const { answer } = await (await runningAgent(context)).ask(statusVerb, {});
      return answer.commands;
    },
  });
}

/** Nothing where no control unit is described in a catalogue. */
async function examineEcus(context: CliContext): Promise<readonly Check[]> {
  const loaded = await loadConfigFile(context.options().config);
  const readEcus = async () =>
    (await loadBusEcus(loaded)).map(({ ecu: { name, security } }) => ({
      name,
      programs: security.map(({ program }) => program),
    }));
  const mayRun = (program: string): Promise<boolean> =>
    access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
  return await checkEcus({ readEcus, mayRun });
}

/** What stands around the agent. */
async function examineServices(context: CliContext): Promise<readonly Check[]> {
  const { config } = await loadConfigFile(context.options().config);
  return await lookAtServices(config);
}

/** Nothing where no agent answers: that is for `causeway status` to say. */
async function examineAgent(context: CliContext): Promise<readonly Check[]> {
  try {
    const { answer } = await (await runningAgent(context)).ask(statusVerb, {});
    return statusChecks(answer);
  } catch (thrown) {
    if (thrown instanceof AgentError && /^agent\.not-(running|permitted)$/.test(thrown.code)) return [];
    throw thrown;
  }
}

function partsOf({ identity, inUse, keys }: Token, { environment, clock }: CliContext): IdentityParts {
  return identityParts({ identity, inUse, keys, environment, clock });
}

function show({ check, verdict, what, remedy }: Check, context: CliContext): void {
  const colors = pico.createColors(context.options().color);
  const word = { pass: colors.green("pass"), warn: colors.yellow("warn"), fail: colors.red("fail") }[verdict];
  printText(context, `${word}  ${check.padEnd(11)}  ${what}`, INDENT);
  if (remedy !== undefined) printText(context, `${" ".repeat(INDENT)}remedy: ${remedy}`, INDENT + 2);
}
