import { type ActEnd, type ActGuard, type ActingEcu, ALL_GROUPS } from "../ecu-acts.ts";
import type { ObdClient } from "./obd-client.ts";
import { outcomeText } from "./outcome-text.ts";

/**
 * An ECU of OBD-II as commands that change something reach it: it can clear its codes (service 04), all at once, with freeze frames and
 * readiness. It has no other acts. `noteClear` is called after it said that it did.
 */
export function actingObdEcu(client: Pick<ObdClient, "ecu" | "clearCodes">, noteClear: () => void): ActingEcu {
  const clearCodes = async (group: number, before: ActGuard, signal: AbortSignal): Promise<ActEnd<undefined>> => {
    if (group !== ALL_GROUPS) return { kind: "refused", what: "OBD-II clears the codes of all groups, or none" };
    const outcome = await client.clearCodes(signal, before);
    switch (outcome.kind) {
      case "done":
        noteClear();
        return { kind: "done", value: undefined };
      case "withheld":
        return outcome;
      case "negative":
        return { kind: "refused", what: `${client.ecu.name} ${outcomeText(outcome)}` };
      case "silent":
      case "fault":
      case "malformed":
        return { kind: "failed", what: `${client.ecu.name} ${outcomeText(outcome)}` };
    }
  };
  return {
    name: client.ecu.name,
    clearCodes,
    reset: () => undefined,
    routine: () => undefined,
    output: () => undefined,
  };
}
