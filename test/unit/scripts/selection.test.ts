import { describe, expect, it } from "vitest";
import { select } from "../../../scripts/testing/selection.ts";

const FILES = [
  "test/contract/can-bus-kernel.test.ts",
  "test/contract/key-store-tpm.test.ts",
  "test/contract/outbox.test.ts",
  "test/guest/can.test.ts",
  "test/guest/system/power-cut.test.ts",
  "test/integration/package/package.test.ts",
  "test/integration/telemetry/outbox-kill.test.ts",
  "test/unit/drivers/sqlite/outbox/outbox.test.ts",
];

describe("select", () => {
  it("takes the files whose path holds a filter, and what they need", () => {
    expect(select(FILES, ["unit", "contract/outbox"])).toEqual({
      vitest: ["test/contract/outbox.test.ts", "test/unit/drivers/sqlite/outbox/outbox.test.ts"],
      kernel: [],
      system: [],
      purposes: ["run"],
    });
  });

  it("gives each file to the runner that can run it", () => {
    expect(select(FILES, ["test/guest", "can-bus-kernel", "./test/integration/package/"])).toEqual({
      vitest: ["test/integration/package/package.test.ts"],
      kernel: ["test/contract/can-bus-kernel.test.ts", "test/guest/can.test.ts"],
      system: ["test/guest/system/power-cut.test.ts"],
      purposes: ["guest", "package"],
    });
  });

  it("names each purpose once", () => {
    expect(select(FILES, ["outbox", "tpm"]).purposes).toEqual(["bench", "run", "integration"]);
  });

  it("is empty when no path holds the filter", () => {
    expect(select(FILES, ["nothing"])).toEqual({ vitest: [], kernel: [], system: [], purposes: [] });
  });
});
