import { defineConfig } from "vitest/config";

/** For `npm run test:mutants`: the tests that run in one process and in little time, since each mutant runs those that reach it. */
export default defineConfig({
  test: {
    include: ["test/unit/**/*.test.ts", "test/contract/{journal,outbox}.test.ts"],
    testTimeout: 120_000,
    pool: "threads",
    maxWorkers: 1,
  },
});
