import { AgentError, messageOf } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import type { IsoTp } from "../../agent/ports/isotp.ts";
import type { BusConfig } from "../../config/schema.ts";
import { createKernelIsoTp } from "./kernel-isotp.ts";
import { loadNativeAddon, type NativeAddon } from "./native-addon.ts";

/** What `createIsoTp` chooses from. */
export type IsoTpFactoryParts = {
  /** ISO-TP over frames of this bus: requests to many, and all where the kernel has none. */
  readonly frames: IsoTp;
  /** Whether frames with this id may be sent: what the kernel sends goes past `CanBus.send`, and past its permission. */
  readonly permits: (id: number, extended: boolean) => boolean;
  readonly log: Log;
  /** The addon; for tests. */
  readonly load?: () => NativeAddon;
};

/** ISO-TP on a bus: the kernel's where its driver is native and the kernel has the module can_isotp, else `frames`. */
export function createIsoTp(config: BusConfig, parts: IsoTpFactoryParts): IsoTp {
  const { frames, permits, log, load = loadNativeAddon } = parts;
  if (config.driver !== "native") return frames;
  const addon = addonOf(load);
  const missing = typeof addon === "string" ? addon : addon.isotpMissing();
  if (typeof addon === "string" || missing !== undefined) {
    log.info("isotp.kernel-missing", { bus: config.name, why: missing ?? "" });
    return frames;
  }
  const kernel = createKernelIsoTp({ bus: config.name, interface: config.interface, addon, frames });
  return {
    kind: kernel.kind,
    open: (address, settings, sink) => {
      if (!permits(address.txId, address.extended)) throw transmitForbidden(config.name, address.txId);
      return kernel.open(address, settings, sink);
    },
    sendFunctional: (address, settings, pdu) => kernel.sendFunctional(address, settings, pdu),
    counters: () => kernel.counters(),
    close: () => kernel.close(),
  };
}

/** Why there is none, instead of it: the bus itself tells that as a fault. */
function addonOf(load: () => NativeAddon): NativeAddon | string {
  try {
    return load();
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function transmitForbidden(bus: string, id: number): AgentError {
  return new AgentError("bus.transmit-forbidden", {
    what: `bus ${bus}: 0x${id.toString(16)} is no id of diagnostics and is not sent`,
    remedy: "name the control unit in the configuration of diagnostics",
  });
}
