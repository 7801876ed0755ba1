import type { Log } from "../core/log.ts";
import type { SleepKeeper } from "../vehicle/sleep/sleep-keeper.ts";
import { vehicleSleep } from "./sleep-schema.ts";
import type { ServedVerb } from "./verb.ts";

/** `vehicle.sleep`. It is logged before it acts. */
export function sleepHandlers(keeper: Pick<SleepKeeper, "against" | "sleepNow">, log: Log): readonly ServedVerb[] {
  return [
    vehicleSleep.answeredBy(async ({ dryRun, hurry }) => {
      // A supply that fails waits for nobody.
      const against = hurry && !dryRun ? [] : keeper.against();
      if (dryRun || against.length > 0) return { schemaVersion: 1, against };
      log.warn("admin.sleep-requested", { hurry });
      return { schemaVersion: 1, against, report: await keeper.sleepNow(hurry) };
    }),
  ];
}
