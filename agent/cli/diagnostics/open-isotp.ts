import { createIsoTp } from "../../../drivers/can/isotp.ts";
import { createFrameIsoTp } from "../../diagnostics/isotp/frame-isotp.ts";
import { BusFrameTap } from "../../diagnostics/tester/frame-tap.ts";
import type { CanBus } from "../../ports/can-bus.ts";
import type { IsoTp } from "../../ports/isotp.ts";
import type { CliContext } from "../context.ts";
import { openBus, resolveBus, stderrLog } from "../open-bus.ts";

/** ISO-TP on a bus that a verb opened. */
export type OpenIsoTp = { readonly bus: string; readonly isotp: IsoTp; stop(): Promise<void> };

/** Opens a bus that a user named, for ISO-TP alone. Throws as `resolveBus` and `openBus` do. */
export async function openIsoTp(context: CliContext, named: string): Promise<OpenIsoTp> {
  const config = await resolveBus(context, named);
  let opened: CanBus | undefined;
  const tap = new BusFrameTap((filters) => opened?.receive(filters));
  const bus = await openBus(context, config, [], (batch) => tap.onFrames(batch));
  opened = bus;
  const frames = createFrameIsoTp({ bus: bus.name, send: (frame) => bus.send(frame), tap, clock: context.clock });
  const isotp = createIsoTp(config, { frames, permits: () => true, log: stderrLog(context) });
  return {
    bus: bus.name,
    isotp,
    stop: async () => {
      isotp.close();
      await bus.stop();
    },
  };
}
