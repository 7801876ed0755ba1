import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The power cuts take about as long as all the rest together. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith("power-cut.test.ts");
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/** Tests that run here and drive the systemd guest. An emulated machine is slow: two at a time, long patience. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, "../../.."),
    include: ["test/guest/system/*.test.ts"],
    testTimeout: 300_000,
    hookTimeout: 600_000,
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    reporters: ["verbose", "json"],
    outputFile: { json: join(import.meta.dirname, "../../../.cache/guest/system-report.json") },
  },
});
