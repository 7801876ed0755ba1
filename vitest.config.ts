import { defineConfig } from "vitest/config";

const QUICK = [
  "test/*.test.ts",
  "test/unit/**/*.test.ts",
  "test/contract/{can-bus,journal,key-store,outbox,power-manager,wake-alarm,wake-sources}.test.ts",
];

export default defineConfig({
  test: {
    globalSetup: "test/memory-files.ts",
    // The systemd guest may run beside them.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 15_000 } },
    // What a failure says at the end of a run is all that is left of it on another machine.
    chaiConfig: { truncateThreshold: 400 },
    pool: "forks",
    maxWorkers: 2,
    projects: [
      // No test replaces a module, and no module of ours has state, so that a worker may be used again: half of the time is saved.
      { extends: true, test: { name: "unit", include: QUICK, isolate: false } },
      { extends: true, test: { name: "parts", include: ["test/{contract,integration}/**/*.test.ts"], exclude: QUICK } },
    ],
  },
});
