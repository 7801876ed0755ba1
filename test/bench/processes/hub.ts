import { z } from "zod";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { emit } from "../core/line-protocol.ts";
import { startHub } from "../vehicle/socketcand-hub.ts";

const hubSettings = z.strictObject({
  host: z.string().optional(),
  port: z.int().min(0).max(65_535).optional(),
  buses: z.array(z.string()).min(1).optional(),
});

const REPORT_EVERY_MS = 500;

// Settings are JSON in the first argument; ready when it prints its port, then prints its counters; ends on SIGTERM or SIGINT.
const clock = systemClock();
// A hub goes by the wall clock, as a kernel does when it stamps frames: by a moved one too.
const hub = await startHub({ ...hubSettings.parse(JSON.parse(process.argv[2] ?? "{}")), wallUs: () => clock.wallUs() });
emit({ ready: true, port: hub.port });
const report = setInterval(() => emit({ counters: hub.counters() }), REPORT_EVERY_MS);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    clearInterval(report);
    void hub.stop();
  });
}
