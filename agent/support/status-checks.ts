import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import { deliveryChecks } from "./delivery-checks.ts";
import { diagnosticsChecks } from "./diagnostics-checks.ts";
import { fleetChecks } from "./fleet-checks.ts";
import { linkChecks } from "./link-checks.ts";
import { metricsChecks } from "./metrics-checks.ts";
import { placeChecks } from "./place-checks.ts";
import { securityChecks } from "./security-checks.ts";
import { sleepChecks } from "./sleep-checks.ts";
import { vehicleChecks } from "./vehicle-checks.ts";

/** What the status of a running agent says of each part that is configured, judged. */
export function statusChecks(status: Status): readonly Check[] {
  return [
    ...deliveryChecks(status),
    ...diagnosticsChecks(status),
    ...linkChecks(status),
    ...placeChecks(status),
    ...vehicleChecks(status),
    ...sleepChecks(status),
    ...securityChecks(status),
    ...fleetChecks(status),
    ...metricsChecks(status),
  ];
}
