import { access, constants } from "node:fs/promises";
import type { Command } from "commander";
import pico from "picocolors";
import { type LoadedConfig, loadConfigFile, loadYamlFile } from "../../../config/load.ts";
import { policySchema } from "../../../config/policy.ts";
import type { AgentConfig } from "../../../config/schema.ts";
import { AgentError, EXIT } from "../../core/errors.ts";
import { checkCommandFiles } from "../../daemon/configuration/command-files.ts";
import { loadBusEcus } from "../../daemon/configuration/load-ecus.ts";
import { loadSignalTable } from "../../daemon/configuration/load-table.ts";
import { identityParts, readChain } from "../../daemon/identity-parts.ts";
import { lookAtClock } from "../../daemon/look-at-clock.ts";
import { lookAtServices } from "../../daemon/look-at-services.ts";
import { openIdentity } from "../../daemon/open-identity.ts";
import { type Check, identityCheck } from "../../local-api/support-schema.ts";
import { outcomeOf } from "../../support/check.ts";
import { clockChecks } from "../../support/clock-checks.ts";
import { checkCommands } from "../../support/command-checks.ts";
import { checkEcus } from "../../support/diagnostics-checks.ts";
import { checkIdentity, checkKeyFile, type IdentityParts } from "../../support/identity-checks.ts";
import { sentenceOf } from "../../support/line/line-step.ts";
import { statusChecks } from "../../support/status-checks.ts";
import { asServiceUser, ranQuietly } from "../as-service-user.ts";
import { type CliContext, note, printJson, printText } from "../context.ts";
import { agentSight, LISTEN_MS, type LineParts, type LineReport, lookAlongLine } from "../doctor-line.ts";
import { openToken, type Token } from "../open-token.ts";
import { verboseLog } from "../verbose-log.ts";

/** Where what is said of a check stands, behind its verdict and name. */
const INDENT = 19;

/** `causeway doctor`: a self-test that names what is wrong and what to do about it; works with the daemon up or down. */
export function registerDoctor(program: Command, context: CliContext): void {
  program
    .command("doctor")
    .description("why it does not send: the line from the bus to the broker, then a self-test, each with its remedy")
    .option("--fix", "put right what can be: the TPM's count of failed authorisations", false)
    .addHelpText(
      "after",
      `
Looks along the line: interface, agent, bit rate and errors of the bus, frames (it listens for 1.5 s), DBC files with the ids
that none of them names, collection, outbox, clock, DNS, TCP, TLS, key, connection, policy and PUBACK. Its last line is one sentence:
the first broken link and its remedy, or when the last record was acknowledged (with --json: conclusion).

Between them is the self-test: the clock and who keeps it, the PIN's source, the token store, the TPM and its guess limit, the token, the
key (by a signature) and the certificate; where remote commands are taken the keys that are pinned, the policy, the catalogue and
the ledger; the catalogue of control units; the journal; and each service of the agent that is configured.

Works with the agent down. Ends with 0 when it sends and nothing fails, with 3 otherwise. Run it as root, which becomes the user of the
service by itself and gets a PIN that is a systemd credential by systemd-run, or as that user; for members of the technicians' groups the
running agent looks at the identity.

Examples:
  sudo causeway doctor
  causeway doctor --json | jq '.conclusion'`,
    )
    .action(({ fix }: { readonly fix: boolean }) => examine(context, fix));
}

async function examine(context: CliContext, fix: boolean): Promise<void> {
  const loaded = await loadConfigFile(context.options().config);
  await asServiceUser(loaded.config, context, true);
  // Of its time limit each of two has one for itself: the look at the key, and the connection. It listens besides.
  if (await ranQuietly(context, LISTEN_MS + 2 * context.options().timeoutMs)) return;
  const sight = await agentSight(context);
  const table = await outcomeOf(() => loadSignalTable(loaded));
  const parts = { loaded, table, sight };
  const identity = examineIdentity(parts, context, fix);
  // It is waited for beside the rest: a fault of it is thrown there.
  identity.catch(() => undefined);
  const line = await lookAlongLine(parts, identity, context);
  const self = [...(await identity), ...(await examineTime(loaded, context))];
  const files = [...(await examineCommands(parts, context)), ...(await examineEcus(loaded))];
  const ofAgent = "status" in sight ? statusChecks(sight.status) : [];
  const services = await lookAtServices(loaded.config);
  // A look that was cut short found less than there is.
  if (context.signal.aborted) {
    note(context, "interrupted");
    context.finish(EXIT.interrupted);
    return;
  }
  report([...self, ...files, ...services, ...ofAgent], line, context);
}

function report(checks: readonly Check[], { steps, conclusion }: LineReport, context: CliContext): void {
  const isOk = conclusion.sends && [...steps, ...checks].every(({ verdict }) => verdict !== "fail");
  context.finish(isOk ? EXIT.ok : EXIT.degraded);
  if (context.options().json) {
    const line = steps.map(({ link, verdict, what, remedy }) => ({ link, verdict, what, remedy }));
    printJson(context, { schemaVersion: 1, ok: isOk, checks, line, conclusion });
    return;
  }
  for (const { link, ...step } of steps) show({ check: link, ...step }, context);
  printText(context, "");
  const isTold = ({ verdict, what }: Check): boolean => verdict === "pass" && steps.some((step) => step.what === what);
  for (const check of checks) if (!isTold(check)) show(check, context);
  printText(context, "");
  printText(context, sentenceOf(conclusion));
}

/** What this user may not look at, the running agent looks at itself. */
async function examineIdentity(
  { loaded: { config }, sight: { agent } }: Pick<LineParts, "loaded" | "sight">,
  context: CliContext,
  fix: boolean,
): Promise<readonly Check[]> {
  if (config.identity.mode === "file") return await examineKeyFile(config, context);
  try {
    return await examineToken(context, fix);
  } catch (thrown) {
    if (!(thrown instanceof AgentError) || thrown.code !== "identity.not-permitted" || fix) throw thrown;
    if (agent === undefined) throw thrown;
    const { answer } = await agent.ask(identityCheck, {}).catch((fault: unknown) => {
      throw fault instanceof AgentError && fault.code === "input.malformed" ? fault : thrown;
    });
    note(context, "the identity is looked at by the running agent");
    return answer.checks;
  }
}

async function examineKeyFile(config: AgentConfig, context: CliContext): Promise<readonly Check[]> {
  const { environment, clock, signal } = context;
  const { inUse } = openIdentity({ config, environment, log: verboseLog(context), verbose: context.options().verbose });
  const { certificateFile } = inUse;
  const openKey = () => inUse.openContext(signal);
  return await checkKeyFile({ clock, certificateFile, openKey, readChain: () => readChain(certificateFile) });
}

async function examineToken(context: CliContext, fix: boolean): Promise<readonly Check[]> {
  const token = await openToken(context, { wantsPin: true });
  const parts = partsOf(token, context);
  const checks = await checkIdentity(parts);
  if (!fix || !checks.some(({ check, verdict }) => check === "lockout" && verdict !== "pass")) return checks;
  await token.keys.clearLockout();
  note(context, "fixed: the TPM's count of failed authorisations is 0");
  return await checkIdentity(parts);
}

/** This machine's clock: by whom it is set, how well, and whether there is a battery-backed one. */
async function examineTime({ config }: LoadedConfig, { clock, signal }: CliContext): Promise<readonly Check[]> {
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
async function examineCommands({ loaded, table, sight }: LineParts, { clock }: CliContext): Promise<readonly Check[]> {
  const { commands } = loaded.config;
  if (commands === undefined) return [];
  return await checkCommands({
    readPolicy: async () => (await loadYamlFile(commands.policyFile, policySchema)).value,
    checkCatalogue: async () => {
      if (table instanceof AgentError) throw table;
      return await checkCommandFiles(loaded.config, table, clock);
    },
    told: "status" in sight ? sight.status.commands : sight.fault,
  });
}

/** Nothing where no control unit is described in a catalogue. */
async function examineEcus(loaded: LoadedConfig): Promise<readonly Check[]> {
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

function partsOf({ identity, inUse, keys }: Token, { environment, clock }: CliContext): IdentityParts {
  return identityParts({ identity, inUse, keys, environment, clock });
}

function show(
  { check, verdict, what, remedy }: Pick<Check, "check" | "verdict" | "what" | "remedy">,
  context: CliContext,
): void {
  const colors = pico.createColors(context.options().color);
  const word = { pass: colors.green("pass"), warn: colors.yellow("warn"), fail: colors.red("fail") }[verdict];
  printText(context, `${word}  ${check.padEnd(11)}  ${what}`, INDENT);
  if (remedy !== undefined) printText(context, `${" ".repeat(INDENT)}remedy: ${remedy}`, INDENT + 2);
}
