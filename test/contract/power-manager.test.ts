import { join } from "node:path";
import { Logind } from "../../drivers/dbus/logind.ts";
import { SystemBus } from "../../drivers/dbus/system-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { ManualClock } from "../fakes/core/clock.ts";
import { temporaryFolder } from "../fakes/core/folder.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { startLogind } from "../fakes/ports/logind.ts";
import { FakePowerManager } from "../fakes/ports/power-manager.ts";
import { powerManagerContract } from "./power-manager.suite.ts";

powerManagerContract("fake", async () => {
  const manager = new FakePowerManager();
  return {
    manager,
    begin: async (kind) => manager.order(kind),
    end: async () => manager.wake(),
    runOut: () => manager.runOut(),
    locks: async () => (manager.lock === "held" ? 1 : 0),
    suspends: async () => manager.suspends,
    close: () => manager.stop(),
  };
});

powerManagerContract("systemd-logind of dbusmock, by systemd-inhibit", async () => {
  const folder = temporaryFolder();
  const stub = await startLogind(join(folder, "d"), 5000);
  const log = new MemoryLog();
  const bus = new SystemBus({ address: stub.address, clock: systemClock(), log, random: () => 0 });
  const clock = new ManualClock();
  const manager = new Logind({ bus, runtimeDir: folder, address: stub.address, clock, log });
  return {
    manager,
    begin: (kind) => stub.prepare(kind, true),
    end: (kind) => stub.prepare(kind, false),
    runOut: () => clock.advance(manager.delayMs()),
    locks: async () => (await stub.locks()).filter((lock) => lock === "sleep:shutdown causeway delay").length,
    suspends: () => stub.suspends(),
    close: async () => {
      await manager.stop();
      await bus.close();
      await stub.stop();
    },
  };
});
