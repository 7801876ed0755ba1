import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** Tests that run here and drive the systemd guest. An emulated machine is slow: one at a time, long patience. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, "../../.."),
    include: ["test/guest/system/*.test.ts"],
    testTimeout: 300_000,
    hookTimeout: 600_000,
    pool: "forks",
    maxWorkers: 1,
    fileParallelism: false,
    reporters: ["verbose", "json"],
    outputFile: { json: join(import.meta.dirname, "../../../.cache/guest/system-report.json") },
  },
});
