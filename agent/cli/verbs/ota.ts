import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { loadConfig } from "../../../config/load.ts";
import { requestRange } from "../../../drivers/os/download/https-source.ts";
import { AgentError, EXIT } from "../../core/errors.ts";
import { composeProxy } from "../../daemon/compose-proxy.ts";
import {
  type OtaVerdict,
  otaAcknowledge,
  otaCheck,
  otaCommit,
  otaConsent,
  otaInstall,
  otaResume,
  otaRollback,
  otaShow,
  otaWatch,
  type ShownUpdate,
} from "../../local-api/ota-schema.ts";
import { isOver } from "../../updates/update-state.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { readOrder, type ServerAccess } from "../ota-order.ts";
import { ProgressLine } from "../progress-line.ts";
import { runningAgent } from "../running-agent.ts";

/** A daemon that starts another version of itself is away: for a moment, or for three starts of one that hangs, or for the whole of its trial (systemd/causeway-start). */
const RETRY_MS = 500;
const AWAY_MS = 330_000;
/** A server that sends nothing for so long is given up. */
const IDLE_MS = 30_000;

/** `causeway ota check|install|resume|acknowledge|consent|commit|rollback|show`: updates without the cloud, by the same rules. */
export function registerOta(program: Command, context: CliContext): void {
  const ota = program.command("ota").description("updates of the agent and of the vehicle's files");
  ota
    .command("check <manifest>")
    .description(
      "judge an update by its manifest (a file or an https URL) without installing it; 2 when it is installed already",
    )
    .addHelpText("after", "\nExample:\n  causeway ota check /media/usb/manifest.json")
    .action(async (given: string) => void (await judged(context, otaCheck, given)));
  ota
    .command("install <manifest>")
    .description(
      "install it when the gate allows, and wait until it has proven itself; 2 when it is installed already, 4 when the system must be started anew first",
    )
    .option("--no-wait", "hand it in and leave")
    .addHelpText(
      "after",
      "\nThe agent reads the artifacts beside the manifest itself: they must be where its user may read, for example /media or /srv.\nCtrl-C leaves; the update goes on.\n\nExample:\n  causeway ota install /media/usb/manifest.json",
    )
    .action(async (given: string, { wait }: { readonly wait: boolean }) => {
      if ((await judged(context, otaInstall, given)) === "accepted" && wait) await follow(context);
    });
  ota
    .command("resume")
    .description("try the update again that failed last; what it has downloaded is kept; 2 when there is none")
    .addHelpText("after", "\nExample:\n  causeway ota resume")
    .action(async () => {
      if ((await changed(context, otaResume)) === "accepted") await follow(context);
    });
  ota
    .command("acknowledge")
    .description(
      "say that you know that the record of what is installed was lost: what is still known of it counts from then on; 2 when nothing was lost",
    )
    .addHelpText("after", "\nExample:\n  causeway ota acknowledge")
    .action(async () => void (await changed(context, otaAcknowledge)));
  ota
    .command("consent")
    .description("agree to the update that waits for it, for this start of the agent; 2 when there is none")
    .addHelpText("after", "\nExample:\n  causeway ota consent")
    .action(async () => void (await changed(context, otaConsent)));
  ota
    .command("commit")
    .description("answer for the version on trial yourself; 2 when none is on trial")
    .addHelpText("after", "\nExample:\n  causeway ota commit")
    .action(async () => void (await changed(context, otaCommit)));
  ota
    .command("rollback")
    .description("give up the update that is under way, and go back; 2 when there is none")
    .addHelpText("after", "\nExample:\n  causeway ota rollback")
    .action(async () => void (await changed(context, otaRollback)));
  ota
    .command("show")
    .description("the update under way or the last one, and what is installed")
    .addHelpText("after", "\nExample:\n  causeway ota show --json | jq .update.step")
    .action(() => show(context));
}

async function judged(context: CliContext, verb: typeof otaInstall, given: string): Promise<string> {
  const access = await serverAccess(context);
  const order = await readOrder(given, access, context.signal);
  return showVerdict(context, (await (await runningAgent(context)).ask(verb, { order })).answer);
}

async function changed(context: CliContext, verb: typeof otaRollback): Promise<string> {
  return showVerdict(context, (await (await runningAgent(context)).ask(verb, {})).answer);
}

/** The way to artifact servers and the root certificates for them, where the configuration names some. */
async function serverAccess(context: CliContext): Promise<ServerAccess> {
  const { environment, clock } = context;
  const config = await loadConfig(context.options().config);
  const caFile = config.ota?.download.caFile;
  const ca = caFile === undefined ? undefined : await readFile(caFile, "utf8");
  const asked = { offset: 0, ca, proxyFor: composeProxy({ config, environment }), idleMs: IDLE_MS };
  return { request: (url, signal) => requestRange({ url, ...asked }, signal), clock };
}

/** Prints what the daemon has decided, and sets the exit code. */
function showVerdict(context: CliContext, verdict: OtaVerdict): string {
  const { kind } = verdict;
  if (verdict.kind === "rejected") {
    throw new AgentError("update.refused", {
      what: `the update is refused: ${verdict.detail}`,
      remedy: "see the reason; nothing was changed",
      facts: { reason: verdict.reason },
    });
  }
  if (kind === "installed" || kind === "nothing") context.finish(EXIT.nothingToDo);
  if (context.options().json) printJson(context, { schemaVersion: 1, kind });
  else printLine(context, kind === "nothing" ? "nothing to do" : kind);
  return kind;
}

/** Follows the update to its end, over restarts of the daemon. */
async function follow(context: CliContext): Promise<void> {
  const { clock, signal } = context;
  const agent = await runningAgent(context);
  const line = new ProgressLine(context);
  let seenMs = clock.monotonicMs();
  while (!signal.aborted) {
    try {
      for await (const { update } of agent.follow(otaWatch, {})) {
        seenMs = clock.monotonicMs();
        if (update === undefined) return;
        line.show(update);
        if (isOver(update) || update.awaits === "reboot") {
          return end(context, line, update);
        }
      }
    } catch (thrown) {
      const isAway = thrown instanceof AgentError && thrown.code === "agent.not-running";
      if (!isAway || clock.monotonicMs() - seenMs > AWAY_MS) throw thrown;
    }
    await clock.sleep(RETRY_MS, signal);
  }
  line.end();
  note(context, "the update goes on; see it with: causeway ota show");
  context.finish(EXIT.interrupted);
}

function end(context: CliContext, line: ProgressLine, update: ShownUpdate): void {
  line.end();
  const { digest: _, ...shown } = update;
  if (context.options().json) printJson(context, { schemaVersion: 1, ...shown });
  else printLine(context, endText(update));
  if (update.awaits === "reboot") context.finish(EXIT.rebootRequired);
  else if (update.step === "failed") context.finish(EXIT.failed);
}

function endText({ component, versionFrom, versionTo, step, awaits, failure }: ShownUpdate): string {
  if (awaits === "reboot" && step !== "failed") return `${component} ${versionTo} waits for a start of the system`;
  return step === "done"
    ? `${component} ${versionTo} is installed, ${versionFrom} before`
    : `${component} ${versionTo} is not installed: ${failure?.reason ?? ""}: ${failure?.detail ?? ""}`;
}

async function show(context: CliContext): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(otaShow, {});
  const { root, running, installed, rollbackIndexFault, update } = answer;
  if (context.options().json) {
    printJson(context, raw);
    return;
  }
  printLine(context, `running    ${running ?? "not started by the supervisor: the agent cannot be updated"}`);
  printLine(context, `root       ${root}`);
  for (const { component, sequenceNumber, digest } of installed) {
    printLine(context, `installed  ${component}, sequence number ${sequenceNumber}, ${digest.slice(0, 12)}`);
  }
  if (rollbackIndexFault !== undefined) printLine(context, `rollback   nothing is installed: ${rollbackIndexFault}`);
  if (update === undefined) printLine(context, "update     none");
  else printLine(context, `update     ${update.step}: ${stateText(update)}`);
}

function stateText(update: ShownUpdate): string {
  const { component, versionTo, waitingFor } = update;
  if (isOver(update) || update.awaits === "reboot") return endText(update);
  return waitingFor === undefined ? `${component} ${versionTo}` : `${component} ${versionTo} waits for ${waitingFor}`;
}
