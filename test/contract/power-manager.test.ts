import { FakePowerManager } from "../fakes/ports/power-manager.ts";
import { powerManagerContract } from "./power-manager.suite.ts";

powerManagerContract("fake", async () => {
  const manager = new FakePowerManager();
  return {
    manager,
    begin: (kind) => manager.order(kind),
    end: () => manager.wake(),
    runOut: () => manager.runOut(),
    locks: () => (manager.lock === "held" ? 1 : 0),
    suspends: () => manager.suspends,
    close: () => manager.stop(),
  };
});
