import type { SafetyGate } from "../safety-gate.ts";
import type { IgnitionSource } from "./ignition.ts";

/**
 * Ignition by a condition on signals: on while it holds, off where it does not. Signals that never came, are not fresh or not available say
 * nothing: a bus that is asleep does not know.
 */
export function signalIgnition(condition: Pick<SafetyGate, "look">): IgnitionSource {
  return {
    name: "signals",
    look: () => {
      const state = condition.look();
      if (state.kind === "open") return { kind: "on", why: "its signals say so" };
      return { kind: state.why === "unknown" ? "unknown" : "off", why: state.what };
    },
  };
}
