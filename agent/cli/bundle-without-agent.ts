import type { AgentConfig } from "../../config/schema.ts";
import { isOnHost } from "../../drivers/can/controller.ts";
import { readLinks } from "../../drivers/can/link-details.ts";
import { readJournal } from "../../drivers/os/journal-reader.ts";
import { networkFacts } from "../../drivers/os/network-facts.ts";
import { bootId } from "../../drivers/os/time-source.ts";
import { AgentError } from "../core/errors.ts";
import type { LogLine } from "../core/recent-log.ts";
import { composeSupport } from "../daemon/compose-support.ts";
import { openIdentity } from "../daemon/open-identity.ts";
import type { SupportBundle } from "../support/bundle.ts";
import { asServiceUser } from "./as-service-user.ts";
import { type CliContext, note, timeLeft } from "./context.ts";
import { shownEntry } from "./log-text.ts";
import { verboseLog } from "./verbose-log.ts";

const UNIT = "causeway.service";

/** A bundle of a vehicle whose agent does not run, `fault` says why: what its journal, its machine and its identity tell. */
export async function bundleWithoutAgent(
  config: AgentConfig,
  { code, message }: AgentError,
  context: CliContext,
): Promise<SupportBundle> {
  const { version, environment, clock } = context;
  const log = verboseLog(context);
  // As root, where it is root: the service's user may not read the journal.
  const lines = await journalLines(config.support.logLines, context);
  await asServiceUser(config, context, false);
  const identities = openIdentity({ config, environment, log, verbose: context.options().verbose });
  const runtime = { version, environment, bootId: bootId(), clock, log };
  const support = composeSupport({ config, identities, recent: () => lines, leftMs: timeLeft(context) }, runtime);
  support.include("status", () => ({ fault: { code, what: message } }));
  support.include("buses", () => busFacts(config));
  support.include("network", () => networkFacts());
  return await support.collect();
}

/** The newest lines of the service's journal, oldest first; none where it cannot be read, which is said. */
async function journalLines(lines: number, context: CliContext): Promise<readonly LogLine[]> {
  const found: LogLine[] = [];
  try {
    const entries = readJournal({ matches: [`--unit=${UNIT}`], lines, follow: false }, context.signal);
    for await (const entry of entries) found.push(lineOf(entry));
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    note(context, `${thrown.message}: the bundle has no log (${thrown.remedy})`);
  }
  return found;
}

/** What is no event of the agent, such as a word of the service manager, is "journal" with its text. */
function lineOf(entry: Parameters<typeof shownEntry>[0]): LogLine {
  const { atMs, level, event = "journal", text, facts } = shownEntry(entry);
  return { atMs, level: level === "debug" ? "info" : level, event, facts: text === undefined ? facts : { text } };
}

/** The configured buses, and the CAN interfaces of this host with all that the kernel counts. */
async function busFacts({ buses }: AgentConfig): Promise<unknown> {
  const configured = buses.map((bus) => ({
    name: bus.name,
    driver: bus.driver,
    ...(isOnHost(bus) ? { interface: bus.interface } : {}),
  }));
  return { configured, interfaces: await readLinks() };
}
