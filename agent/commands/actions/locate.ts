import type { Clock } from "../../core/clock.ts";
import { AgentError } from "../../core/errors.ts";
import type { LatestSignals } from "../../signals/latest-signals.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";
import type { Action } from "../action.ts";
import { rejected } from "../answer.ts";
import { alwaysSafe } from "./prepare.ts";

/** Where the position is read from, and how old it may be. */
export type LocateSettings = { readonly latitude: string; readonly longitude: string; readonly maxAgeMs: number };

/** `vehicle.locate`: the position that two signals give, in degrees, with its age. Throws `config.invalid` when there are no such signals. */
export function locate(settings: LocateSettings, signals: LatestSignals, clock: Clock): Action {
  const sources = [signalOf("latitude", settings, signals), signalOf("longitude", settings, signals)];
  signals.hold("vehicle.locate", sources);
  return {
    name: "vehicle.locate",
    summary: "where the vehicle is",
    commandClass: "R0",
    keyRole: "commands",
    endsInRestart: false,
    uses: ["vehicle.locate"],
    timeoutMs: 1000,
    prepare: () =>
      alwaysSafe(async () => {
        const [latitude, longitude] = sources.map((source) => signals.read(source));
        if (latitude === undefined || longitude === undefined)
          return rejected("UNAVAILABLE", "there is no position yet");
        const stateOf = [latitude, longitude].find(({ state }) => state !== undefined)?.state;
        if (stateOf !== undefined) return rejected("UNAVAILABLE", `there is no position: ${stateOf}`);
        const ageMs = Math.round(clock.wallUs() / 1000 - Math.min(latitude.timeUs, longitude.timeUs) / 1000);
        if (Math.abs(ageMs) > settings.maxAgeMs) return rejected("UNAVAILABLE", `the position is ${ageMs} ms old`);
        const result = { latitude: String(latitude.value), longitude: String(longitude.value), ageMs: String(ageMs) };
        return { kind: "done", result };
      }),
  };
}

function signalOf(coordinate: "latitude" | "longitude", settings: LocateSettings, signals: LatestSignals): SignalEntry {
  const found = signals.find(settings[coordinate]);
  if (found.kind === "signal") return found.signal;
  throw new AgentError("config.invalid", {
    what: `commands.locate.${coordinate}: ${found.problem}`,
    remedy: "name a signal of the DBC files of the configuration",
  });
}
