import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** Tests that need the guest's kernel. JavaScript runs about twenty times slower there: one worker, no isolation, long patience. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, "../.."),
    include: ["test/guest/*.test.ts", "test/contract/{can-bus,isotp}-kernel.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "threads",
    maxWorkers: 1,
    isolate: false,
    fileParallelism: false,
    reporters: ["verbose", "json"],
    outputFile: { json: join(process.env.GUEST_OUT ?? ".", "report.json") },
    coverage: {
      enabled: true,
      provider: "v8",
      include: ["drivers/can/**/*.ts"],
      reporter: ["text-summary", "json-summary"],
      reportsDirectory: join(process.env.GUEST_OUT ?? ".", "coverage"),
    },
  },
});
