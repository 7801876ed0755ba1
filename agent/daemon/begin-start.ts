import { bootId } from "../../drivers/os/time-source.ts";
import { onBench, withQuality } from "../core/clock.ts";
import { keepRecent, type RecentLog } from "../core/recent-log.ts";
import { composeLink } from "./compose-link.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import { MetricBook } from "./metric-book.ts";
import { type OpenIdentity, openIdentity } from "./open-identity.ts";
import { openLog } from "./open-log.ts";
import type { CloudLink, Runtime } from "./parts.ts";
import type { ProcessContext } from "./process-context.ts";
import { clockBookOf, securityEventsOf } from "./side-lines.ts";
import type { TpmQuestion } from "./tpm-question.ts";

/** What is made first: what the link needs. */
export type BegunStart = {
  readonly runtime: Runtime;
  readonly book: Awaited<ReturnType<typeof clockBookOf>>;
  readonly recentLog: RecentLog;
  readonly security: Awaited<ReturnType<typeof securityEventsOf>>;
  readonly identities: OpenIdentity;
  readonly link: CloudLink;
};

/** Begins a start: the TPM is asked whether it answers, unless it is already, and does so while the outbox is opened and the rest is made. */
export async function beginStart(
  config: DaemonConfig["config"],
  context: ProcessContext,
  question: TpmQuestion,
): Promise<BegunStart> {
  const { environment, marks } = context;
  const machineClock = config.bench ? onBench(context.clock) : context.clock;
  const book = await clockBookOf(config, machineClock);
  const clock = book === undefined ? machineClock : withQuality(machineClock, () => book.quality());
  const written = openLog(config.log.level, environment);
  const recentLog = keepRecent(written, clock, config.support.logLines);
  const { log } = recentLog;
  const runtime: Runtime = {
    ...context,
    clock,
    bootId: context.bootId ?? bootId(),
    random: Math.random,
    log,
    metrics: new MetricBook(),
  };
  const check = question.ask(config.identity);
  const identities = openIdentity({ config, environment, log, verbose: config.log.level === "debug", marks, check });
  const security = await securityEventsOf(config, clock);
  const link = composeLink({ config, identities, onFault: security?.onFault }, runtime);
  return { runtime, book, recentLog, security, identities, link };
}
