import type { Clock } from "../../core/clock.ts";
import type { Whereabouts } from "../../vehicle/place/whereabouts.ts";
import type { Action } from "../action.ts";
import { rejected } from "../answer.ts";
import { alwaysSafe } from "./prepare.ts";

/** Digits of a degree: 1e-7 is 11 mm. */
const DIGITS = 7;

/** `vehicle.locate`: where the vehicle is by the newest fix, in degrees, with its age, as far as it may leave the vehicle. */
export function locateByFix(whereabouts: Pick<Whereabouts, "newest" | "told">, clock: Clock): Action {
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
        const told = whereabouts.told();
        if (told === undefined) {
          const isKept = whereabouts.newest() !== undefined;
          return rejected("UNAVAILABLE", isKept ? "positions stay in the vehicle" : "there is no fix");
        }
        const { fix, atMs } = told;
        const { latitude, longitude, accuracyM } = fix;
        const result = {
          latitude: latitude.toFixed(DIGITS),
          longitude: longitude.toFixed(DIGITS),
          ageMs: String(Math.round(clock.boottimeMs() - atMs)),
          ...(accuracyM !== undefined && { accuracyM: accuracyM.toFixed(1) }),
        };
        return { kind: "done", result };
      }),
  };
}
