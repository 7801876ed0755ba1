import { FakeWakeSources } from "../fakes/ports/wake-sources.ts";
import { wakeSourcesContract } from "./wake-sources.suite.ts";

wakeSourcesContract("fake", async () => {
  const sources = new FakeWakeSources();
  return {
    sources,
    add: (kind) => {
      sources.wake(`${kind}-source`, kind, 0);
      return `${kind}-source`;
    },
    wake: (name) => {
      const kind = sources.read().find((source) => source.name === name)?.kind ?? "other";
      sources.wake(name, kind);
    },
    setCanWake: (networkInterface, enabled) => {
      if (enabled !== undefined) sources.waking.set(networkInterface, enabled);
    },
    close: async () => undefined,
  };
});
