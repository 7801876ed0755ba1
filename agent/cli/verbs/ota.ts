import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { z } from "zod";
import { loadConfig } from "../../../config/load.ts";
import { streamLocal } from "../../../drivers/os/local-socket/local-socket.ts";
import { AgentError, EXIT } from "../../core/errors.ts";
import { composeProxy } from "../../daemon/compose-proxy.ts";
import { INSTALL_EFFECTS } from "../../ports/update.ts";
import { isOver, UPDATE_STEPS } from "../../updates/update-state.ts";
import type { UpdateOrder } from "../../updates/update-verifier.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { readOrder, type ServerAccess } from "../ota-order.ts";
import { ProgressLine } from "../progress-line.ts";
import { adminSocketPath, askAgent, parseAnswer, viewSocketPath } from "../running-agent.ts";

/** A daemon that starts another version of itself is away: for a moment, or for three starts of one that hangs, or for the whole of its trial (systemd/causeway-start). */
const RETRY_MS = 500;
const AWAY_MS = 330_000;

const updateStatus = z.object({
  line: z.string(),
  versionFrom: z.string(),
  versionTo: z.string(),
  counter: z.int(),
  step: z.enum(UPDATE_STEPS),
  awaits: z.enum(INSTALL_EFFECTS),
  bytes: z.number().optional(),
  totalBytes: z.number().optional(),
  waitingFor: z.string().optional(),
  failure: z.object({ reason: z.string(), detail: z.string() }).optional(),
});
export type ShownUpdate = z.infer<typeof updateStatus>;

const otaStatus = z.object({
  schemaVersion: z.literal(1),
  root: z.int(),
  running: z.string().optional(),
  installed: z.array(z.object({ line: z.string(), counter: z.int(), digest: z.string() })),
  floorFault: z.string().optional(),
  update: updateStatus.optional(),
});

const verdict = z.object({
  kind: z.enum(["accepted", "installed", "refused", "nothing", "acknowledged", "agreed", "committed", "cancelled"]),
  reason: z.string().optional(),
  detail: z.string().optional(),
});

/** `causeway ota check|install|resume|acknowledge|consent|commit|rollback|show`: updates without the cloud, by the same rules. */
export function registerOta(program: Command, context: CliContext): void {
  const ota = program.command("ota").description("updates of the agent and of the vehicle's files");
  ota
    .command("check <manifest>")
    .description(
      "judge an update by its manifest (a file or an https URL) without installing it; 2 when it is installed already",
    )
    .addHelpText("after", "\nExample:\n  causeway ota check /media/usb/manifest.json")
    .action(async (given: string) => void (await judged(context, "ota.check", given)));
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
      if ((await judged(context, "ota.install", given)) === "accepted" && wait) await follow(context);
    });
  ota
    .command("resume")
    .description("try the update again that failed last; what it has downloaded is kept; 2 when there is none")
    .addHelpText("after", "\nExample:\n  causeway ota resume")
    .action(async () => {
      if ((await told(context, { verb: "ota.resume" })) === "accepted") await follow(context);
    });
  ota
    .command("acknowledge")
    .description(
      "say that you know that the record of what is installed was lost: what is still known of it counts from then on; 2 when nothing was lost",
    )
    .addHelpText("after", "\nExample:\n  causeway ota acknowledge")
    .action(async () => void (await told(context, { verb: "ota.acknowledge" })));
  ota
    .command("consent")
    .description("agree to the update that waits for it, for this start of the agent; 2 when there is none")
    .addHelpText("after", "\nExample:\n  causeway ota consent")
    .action(async () => void (await told(context, { verb: "ota.consent" })));
  ota
    .command("commit")
    .description("answer for the version on trial yourself; 2 when none is on trial")
    .addHelpText("after", "\nExample:\n  causeway ota commit")
    .action(async () => void (await told(context, { verb: "ota.commit" })));
  ota
    .command("rollback")
    .description("give up the update that is under way, and go back; 2 when there is none")
    .addHelpText("after", "\nExample:\n  causeway ota rollback")
    .action(async () => void (await told(context, { verb: "ota.rollback" })));
  ota
    .command("show")
    .description("the update under way or the last one, and what is installed")
    .addHelpText("after", "\nExample:\n  causeway ota show --json | jq .update.step")
    .action(() => show(context));
}

async function judged(context: CliContext, verb: "ota.check" | "ota.install", given: string): Promise<string> {
  const access = await serverAccess(context);
  const order = await readOrder(given, access, context.signal);
  return await told(context, { verb, order });
}

/** The way to artifact servers and the root certificates for them, where the configuration names some. */
async function serverAccess(context: CliContext): Promise<ServerAccess> {
  const { environment, clock } = context;
  const config = await loadConfig(context.options().config);
  const caFile = config.ota?.download.caFile;
  const ca = caFile === undefined ? undefined : await readFile(caFile, "utf8");
  return { ca, proxyFor: composeProxy({ config, environment }), clock };
}

/** Asks the daemon, prints its verdict, and sets the exit code. */
async function told(
  context: CliContext,
  request: { readonly verb: string; readonly order?: UpdateOrder },
): Promise<string> {
  const path = await (request.verb === "ota.check" ? viewSocketPath(context) : adminSocketPath(context));
  const answer = await askAgent(context, path, request);
  const { kind, reason, detail } = parseAnswer(verdict, answer);
  if (kind === "refused") {
    throw new AgentError("update.refused", {
      what: `the update is refused: ${detail ?? ""}`,
      remedy: "see the reason; nothing was changed",
      facts: { reason: reason ?? "" },
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
  const path = await viewSocketPath(context);
  const line = new ProgressLine(context);
  let seenMs = clock.monotonicMs();
  while (!signal.aborted) {
    try {
      for await (const answer of streamLocal(path, { verb: "ota.watch" }, signal)) {
        seenMs = clock.monotonicMs();
        const { update } = parseAnswer(otaStatus, answer);
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
  if (context.options().json) printJson(context, { schemaVersion: 1, ...update });
  else printLine(context, endText(update));
  if (update.awaits === "reboot") context.finish(EXIT.rebootRequired);
  else if (update.step === "failed") context.finish(EXIT.failed);
}

function endText({ line, versionFrom, versionTo, step, awaits, failure }: ShownUpdate): string {
  if (awaits === "reboot" && step !== "failed") return `${line} ${versionTo} waits for a start of the system`;
  return step === "done"
    ? `${line} ${versionTo} is installed, ${versionFrom} before`
    : `${line} ${versionTo} is not installed: ${failure?.reason ?? ""}: ${failure?.detail ?? ""}`;
}

async function show(context: CliContext): Promise<void> {
  const answer = await askAgent(context, await viewSocketPath(context), { verb: "ota.show" });
  const { root, running, installed, floorFault, update } = parseAnswer(otaStatus, answer);
  if (context.options().json) {
    printJson(context, answer);
    return;
  }
  printLine(context, `running    ${running ?? "not started by the supervisor: the agent cannot be updated"}`);
  printLine(context, `root       ${root}`);
  for (const { line, counter, digest } of installed) {
    printLine(context, `installed  ${line}, counter ${counter}, ${digest.slice(0, 12)}`);
  }
  if (floorFault !== undefined) printLine(context, `floors     nothing is installed: ${floorFault}`);
  if (update === undefined) printLine(context, "update     none");
  else printLine(context, `update     ${update.step}: ${stateText(update)}`);
}

function stateText(update: ShownUpdate): string {
  const { line, versionTo, waitingFor } = update;
  if (isOver(update) || update.awaits === "reboot") return endText(update);
  return waitingFor === undefined ? `${line} ${versionTo}` : `${line} ${versionTo} waits for ${waitingFor}`;
}
