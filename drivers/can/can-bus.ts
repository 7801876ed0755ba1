import type { CanBus, FrameFilter } from "../../agent/ports/can-bus.ts";
import type { BusConfig } from "../../config/schema.ts";
import { type CanBusParts, createNativeBus } from "./native-bus.ts";
import { createReplayBus } from "./replay-bus.ts";
import { createSocketcanBus } from "./socketcan-bus.ts";
import { createSocketcandBus } from "./socketcand-bus.ts";
import { limitTransmit, type TransmitPermission } from "./transmit-filter.ts";

/** What every driver may need: time, the log, and randomness for reconnection (0 <= x < 1). */
export type CanBusFactoryParts = CanBusParts & { readonly random: () => number };

/** The driver that `config` names, not started. `filters` is what to receive until `receive` says otherwise. `permitted` is all that it can send. */
export function createCanBus(
  config: BusConfig,
  filters: readonly FrameFilter[],
  permitted: TransmitPermission,
  parts: CanBusFactoryParts,
): CanBus {
  return limitTransmit(createDriver(config, filters, parts), permitted);
}

function createDriver(config: BusConfig, filters: readonly FrameFilter[], parts: CanBusFactoryParts): CanBus {
  switch (config.driver) {
    case "native":
      return createNativeBus({ ...config, filters }, parts);
    case "socketcan":
      return createSocketcanBus({ ...config, filters }, parts);
    case "socketcand":
      return createSocketcandBus({ ...config, filters }, parts);
    case "replay":
      return createReplayBus({ ...config, filters }, parts);
  }
}
