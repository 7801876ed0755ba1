import type { BusConfig } from "../../config/schema.ts";
import { AgentError } from "../core/errors.ts";
import { idKey } from "../ports/arbitration-id.ts";
import { EVERY_FRAME } from "../ports/can-bus.ts";
import { FRAME_FLAG, type FrameBatch } from "../ports/frame.ts";
import type { BusMessages } from "../signals/signal-table.ts";
import type { BusSight, HeardId } from "../support/line/bus-steps.ts";
import type { CliContext } from "./context.ts";
import { openBus } from "./open-bus.ts";

/** More ids than a bus has: what comes with others is not counted. */
const MAX_IDS = 4096;

type Heard = NonNullable<BusSight["heard"]>;

/**
 * Listens to a bus for `ms`, beside the agent: nothing on its frame path notices. Undefined where nobody can: a log that is replayed
 * has no second listener, and a bus that is not there none at all.
 */
export async function listenTo(
  config: BusConfig,
  messages: Pick<BusMessages, "find"> | undefined,
  ms: number,
  context: CliContext,
): Promise<Heard | undefined> {
  if (config.driver === "replay") return undefined;
  const count = new IdCount();
  const { clock, signal } = context;
  try {
    const bus = await openBus(quiet(context), config, EVERY_FRAME, (batch) => count.take(batch));
    const startMs = clock.monotonicMs();
    await clock.sleep(ms, signal);
    await bus.stop();
    return {
      ms: clock.monotonicMs() - startMs,
      errorFrames: Math.max(count.errorFrames, bus.counters().errorFrames),
      ids: count.ids(messages),
    };
  } catch (thrown) {
    if (thrown instanceof AgentError && thrown.code !== "internal.bug") return undefined;
    throw thrown;
  }
}

/** What the bus says of itself is said in the steps of the line. */
function quiet(context: CliContext): CliContext {
  return { ...context, options: () => ({ ...context.options(), quiet: true }) };
}

/** Frames by id, standard and extended ones apart. */
class IdCount {
  readonly #frames = new Map<number, { readonly id: number; readonly extended: boolean; frames: number }>();
  errorFrames = 0;

  take(batch: FrameBatch): void {
    for (let at = 0; at < batch.count; at += 1) {
      const flags = batch.flags(at);
      if ((flags & FRAME_FLAG.error) !== 0) this.errorFrames += 1;
      else this.#note(batch.id(at), (flags & FRAME_FLAG.extended) !== 0);
    }
  }

  ids(messages: Pick<BusMessages, "find"> | undefined): readonly HeardId[] {
    return [...this.#frames.values()].map(({ id, extended, frames }) => {
      return { id, extended, frames, isKnown: messages?.find(id, extended) !== undefined };
    });
  }

  #note(id: number, extended: boolean): void {
    const key = idKey(id, extended);
    const known = this.#frames.get(key);
    if (known !== undefined) known.frames += 1;
    else if (this.#frames.size < MAX_IDS) this.#frames.set(key, { id, extended, frames: 1 });
  }
}
