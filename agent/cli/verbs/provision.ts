import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { Command } from "commander";
import { loadConfig } from "../../../config/load.ts";
import type { AgentConfig } from "../../../config/schema.ts";
import { checkClaimFile } from "../../../drivers/os/identity-files.ts";
import { RequestClient } from "../../cloud/request-client.ts";
import { createTopics } from "../../cloud/topics.ts";
import { AgentError, EXIT, FAULTS } from "../../core/errors.ts";
import { composeKeys } from "../../daemon/compose-keys.ts";
import { certificateOrder, keyInFile, type OpenIdentity, openIdentity } from "../../daemon/open-identity.ts";
import { type ClaimFiles, type EnrolParts, type EnrolStep, enrol } from "../../identity/enrol.ts";
import type { IdentityState } from "../../identity/identity-state.ts";
import { asServiceUser, ranQuietly } from "../as-service-user.ts";
import { connectLines, DETAIL_INDENT, testConnection } from "../connect-test.ts";
import { connectTestParts } from "../connect-test-parts.ts";
import { type CliContext, faultJson, note, printJson, printText, timeLeft } from "../context.ts";
import { makeMissingPin } from "../missing-pin.ts";
import { Questions } from "../questions.ts";
import { isRunning } from "../running-agent.ts";
import { claimIdentity, singleSession } from "../single-session.ts";
import { verboseLog } from "../verbose-log.ts";

type ProvisionOptions = {
  readonly claimCert?: string;
  readonly claimKey?: string;
  readonly template?: string;
  readonly serial?: string;
  readonly again: boolean;
  readonly nonInteractive: boolean;
};

type StepReport = { readonly step: EnrolStep | "token"; readonly ms: number; readonly detail: string };

/** `causeway provision`: from a claim certificate to a device that connects with a key of its own TPM. */
export function registerProvision(program: Command, context: CliContext): void {
  program
    .command("provision")
    .description("make the device's key and certificate with a claim certificate (AWS IoT fleet provisioning)")
    .option("--claim-cert <file>", "claim certificate, PEM")
    .option("--claim-key <file>", "its key, PEM, mode 0600")
    .option("--template <name>", "provisioning template; provisioning.template when absent")
    .option("--serial <serial>", "serial number; identity.serial, or the thing name, when absent")
    .option("--again", "make a new identity although there is one, for example when it was revoked", false)
    .option("--non-interactive", "ask nothing; fail when something is missing", false)
    .addHelpText(
      "after",
      `
Makes the token where it is missing, a key in it, a certificate for it, and connects with it once. Every step is remembered: when it was
cut, run the same command again. At the end the claim certificate and its key are overwritten and removed, and the connection is
tested. A slow TPM may need a longer --timeout. The agent must not run meanwhile. A certificate of another authority: causeway csr, then causeway cert install.

Examples:
  causeway provision --claim-cert claim.pem --claim-key claim.key --template fleet
  causeway provision --again --non-interactive --claim-cert claim.pem --claim-key claim.key --json`,
    )
    .action((options: ProvisionOptions) => provision(context, options));
}

async function provision(context: CliContext, options: ProvisionOptions): Promise<void> {
  const config = await loadConfig(context.options().config);
  if (config.identity.mode === "file") throw keyInFile();
  await asServiceUser(config, context, true);
  if (await ranQuietly(context, undefined)) return;
  if (await isRunning(config, context.clock)) throw agentRuns();
  const log = verboseLog(context);
  const identities = openIdentity({
    config,
    environment: context.environment,
    log,
    verbose: context.options().verbose,
  });
  const answers = await askWhatIsMissing(context, config, identities, options);
  const steps: StepReport[] = [];
  const onStep = (step: StepReport["step"], ms: number, detail: string): void => {
    steps.push({ step, ms: Math.round(ms), detail });
    if (!context.options().json) note(context, `${step.padEnd(11)} ok ${ms.toFixed(0).padStart(6)} ms  ${detail}`);
  };
  const keys = composeKeys({
    identity: config.identity,
    environment: context.environment,
    log,
    leftMs: timeLeft(context),
  });
  await makeMissingPin({ identity: config.identity, keys }, context);
  const startMs = context.clock.monotonicMs();
  const token = await keys.provision();
  onStep("token", context.clock.monotonicMs() - startMs, token);
  const order = certificateOrder(config, answers.template, answers.serial);
  const parts = { ...wiringOf(context, config, identities), keys, order, onStep };
  const { timeoutMs } = context.options();
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(timeoutMs)]);
  const outcome = await enrol(parts, { claim: answers.claim, again: options.again }, signal);
  await report(context, config, outcome, steps);
}

type Answers = {
  readonly claim: ClaimFiles | undefined;
  readonly template: string;
  readonly serial: string | undefined;
};

/** At most four questions: where the claim certificate and its key are, the template, the serial number. */
async function askWhatIsMissing(
  context: CliContext,
  config: AgentConfig,
  { identityStore }: OpenIdentity,
  options: ProvisionOptions,
): Promise<Answers> {
  const questions = new Questions(context, !options.nonInteractive);
  const isNew = beginsAnew(identityStore.state(), options);
  const claim = isNew ? await askForClaim(questions, options) : undefined;
  const template =
    options.template ??
    config.provisioning.template ??
    (await questions.ask("Provisioning template (set provisioning.template to be asked no more)"));
  const { identity, thingName } = config;
  const known = options.serial ?? (identity.mode === "pkcs11" ? identity.serial : undefined);
  const serial = known ?? (isNew ? await questions.ask("Serial number", thingName) : undefined);
  return { claim, template, serial };
}

/** An enrolment that was cut goes on with what it was begun with. */
function beginsAnew({ claim, change, inUse }: IdentityState, { again }: ProvisionOptions): boolean {
  const isResumed = claim !== undefined || change?.kind === "enrol";
  return !isResumed && (inUse === undefined || again);
}

async function askForClaim(questions: Questions, { claimCert, claimKey }: ProvisionOptions): Promise<ClaimFiles> {
  // What is wrong with a file is said before the next question, and before a token and a key are made.
  const certificateFile = resolve(claimCert ?? (await questions.ask("File of the claim certificate")));
  checkClaimFile(certificateFile, "certificate");
  const keyFile = resolve(claimKey ?? (await questions.ask("File of its key")));
  checkClaimFile(keyFile, "key");
  return { certificateFile, keyFile };
}

function wiringOf(
  context: CliContext,
  config: AgentConfig,
  { identityStore, tls }: OpenIdentity,
): Omit<EnrolParts, "keys" | "order" | "onStep"> {
  const { thingName: thing, requests, topics } = config;
  const { clock } = context;
  const log = verboseLog(context);
  return {
    identityStore,
    clock,
    log,
    sessions: {
      claim: (files) => singleSession(config, `claim-${thing}`.slice(0, 128), claimIdentity(config, files), context),
      thing: (identity) => singleSession(config, thing, tls.with(identity), context),
      requestClient: (session) =>
        new RequestClient({ broker: session, clock, log, limits: requests, token: () => randomUUID() }),
    },
    announcer: { thing, topic: createTopics(topics, thing).identity, clock },
  };
}

async function report(
  context: CliContext,
  config: AgentConfig,
  outcome: "enrolled" | "present",
  steps: readonly StepReport[],
): Promise<void> {
  const { thingName: thing } = config;
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(context.options().timeoutMs)]);
  const test = await testConnection(connectTestParts(config, thing, context), signal);
  const { fault } = test;
  context.finish(fault === undefined ? EXIT.ok : FAULTS[fault.code].exit);
  if (context.options().json) {
    const connection = { ok: fault === undefined, steps: test.steps, server: test.server, ...faultJson(fault) };
    printJson(context, { schemaVersion: 1, thing, outcome, steps, connection });
    return;
  }
  note(
    context,
    outcome === "enrolled" ? `${thing} is enrolled` : `${thing} has an identity already; --again replaces it`,
  );
  for (const line of connectLines(test)) printText(context, line, DETAIL_INDENT);
  if (fault !== undefined) throw fault;
}

function agentRuns(): AgentError {
  return new AgentError("agent.already-running", {
    what: "the agent is running and looks after its identity itself",
    remedy: "systemctl stop causeway, provision, then start it again",
  });
}
