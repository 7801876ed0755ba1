import { AgentError, messageOf } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Log } from "../core/log.ts";
import { type DispatchParts, dispatch } from "./dispatch.ts";
import type { IncomingCommand } from "./request.ts";

/** A channel on which requests come. */
export type CommandChannel = {
  readonly name: string;
  /** Calls `take` for each request; it does not throw, and the request is in the ledger when it returns. */
  open(take: (incoming: IncomingCommand) => void): Promise<void>;
};

/**
 * Remote commands: settles what an earlier process left open, then takes requests from the channels and tells answers. A bug in telling
 * ends the process; one that a request brings out costs that request. Stopping lets what runs come to its end, aborted.
 */
export function commandService(parts: DispatchParts, channels: readonly CommandChannel[], log: Log): Service {
  const { ledger, rejections, reporter, settings } = parts;
  const stopping = new AbortController();
  const stopReporting = new AbortController();
  const broken = Promise.withResolvers<never>();
  const running = new Set<Promise<void>>();
  let reporting: Promise<void> = Promise.resolve();
  let stopCounting = (): void => undefined;
  const take = (incoming: IncomingCommand): void => {
    if (stopping.signal.aborted) return;
    const run = dispatch(parts, incoming, stopping.signal)
      .then(() => undefined)
      .catch((thrown: unknown) => {
        // The ledger itself failed, or a bug that this request brought out; what the ledger says of it is settled at the next start.
        const code = thrown instanceof AgentError ? thrown.code : "internal.bug";
        log.error("command.stranded", { code, what: messageOf(thrown) });
      })
      .finally(() => running.delete(run));
    running.add(run);
  };
  return {
    name: "commands",
    broken: broken.promise,
    start: async () => {
      for (const { id, action, state } of ledger.recover(settings.bootId))
        log.warn("command.settled", { id, action, state });
      stopCounting = rejections.start();
      reporting = reporter.run(stopReporting.signal).catch((thrown: unknown) => broken.reject(thrown));
      for (const channel of channels) await openChannel(channel, take, log);
    },
    stop: async () => {
      stopping.abort();
      await Promise.all(running);
      stopCounting();
      stopReporting.abort();
      await reporting;
    },
  };
}

/** One channel that the broker refuses does not close the others. */
async function openChannel(
  channel: CommandChannel,
  take: (incoming: IncomingCommand) => void,
  log: Log,
): Promise<void> {
  try {
    await channel.open(take);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    log.error("command.channel-closed", { channel: channel.name, code: thrown.code, what: messageOf(thrown) });
  }
}
