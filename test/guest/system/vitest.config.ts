import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Begun last, these would be waited for. */
const LONG = ["power-cut", "update"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean =>
      LONG.some((name) => moduleId.endsWith(`${name}.test.ts`));
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/** Tests that run here and drive the systemd guest. An emulated machine is slow: long patience. Two at a time; three are no faster on two cores. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, "../../.."),
    include: ["test/guest/system/*.test.ts"],
    testTimeout: 5_400_000,
    hookTimeout: 5_400_000,
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    reporters: ["verbose", "json"],
    outputFile: { json: join(import.meta.dirname, "../../../.cache/guest/system-report.json") },
  },
});
