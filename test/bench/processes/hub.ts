import { z } from "zod";
import { startHub } from "../socketcand-hub.ts";

const hubSettings = z.strictObject({
  host: z.string().optional(),
  port: z.int().min(0).max(65_535).optional(),
  buses: z.array(z.string()).min(1).optional(),
});

// Settings are JSON in the first argument; ready when it prints its port; ends on SIGTERM or SIGINT.
const hub = await startHub(hubSettings.parse(JSON.parse(process.argv[2] ?? "{}")));
process.stdout.write(`${JSON.stringify({ ready: true, port: hub.port })}\n`);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void hub.stop());
