import type { ModemFacts } from "../../../agent/ports/link-facts.ts";

/** A modem that is connected at home, behind wwan0. */
export const MODEM: ModemFacts = {
  interfaces: ["wwan0"],
  state: "connected",
  failure: "",
  registration: "home",
  operator: "Example Mobile",
  technology: "lte",
  signalPercent: 67,
  rsrpDbm: -95.5,
  rsrqDb: -11,
};
