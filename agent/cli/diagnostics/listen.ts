import { formatCounted } from "../../core/quantity.ts";
import { BusFrameTap } from "../../diagnostics/tester/frame-tap.ts";
import type { CanBus, FrameFilter } from "../../ports/can-bus.ts";
import type { CliContext } from "../context.ts";
import { note } from "../context.ts";
import { openBus, resolveBus } from "../open-bus.ts";

/**
 * Listens on a bus for so long, or until the user interrupts, and says nothing on it: what `listen` asks the tap for is received. The
 * daemon may run or not. Gives the name of the bus; throws what `resolveBus` and `openBus` throw.
 */
export async function listenOn(
  context: CliContext,
  named: string,
  seconds: number,
  listen: (tap: BusFrameTap) => void,
): Promise<string> {
  const config = await resolveBus(context, named);
  let bus: CanBus | undefined;
  let wanted: readonly FrameFilter[] = [];
  const tap = new BusFrameTap((filters) => {
    wanted = filters;
    bus?.receive(filters);
  });
  listen(tap);
  bus = await openBus(context, config, wanted, (batch) => tap.onFrames(batch));
  try {
    await context.clock.sleep(seconds * 1000, context.signal);
  } finally {
    await bus.stop();
  }
  const lost = bus.counters().dropped ?? 0;
  if (lost > 0) note(context, `${formatCounted(lost, "frame")} lost`);
  return config.name;
}
