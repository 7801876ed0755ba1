import { join } from "node:path";
import { type ProxyProcess, startProxy } from "../broker/proxy-process.ts";
import type { BenchBus } from "../vehicle/bench-bus.ts";
import { type OpenBus, openHub } from "../vehicle/bench-bus-open.ts";
import type { BenchState } from "./bench-state.ts";
import { MovedClock } from "./moved-clock.ts";

/** A bus that can be taken from the agent while the vehicle goes on sending, and whose receive times go by a clock that can be set. */
export type BreakableBus = {
  readonly open: OpenBus;
  /** The agent's way to it. */
  readonly agentBus: BenchBus;
  readonly proxy: ProxyProcess;
  readonly clock: MovedClock;
};

/** Opens it: a hub, since a kernel stamps the frames of its own interfaces by a clock that nobody may move for a bench. */
export async function openBreakableBus(state: BenchState, stops: (() => Promise<void>)[]): Promise<BreakableBus> {
  const clock = await MovedClock.make(join(state.root, "moved-clock"));
  const open = await openHub(state.logs, "which can be stopped, and its clock moved", clock.environment);
  stops.push(() => open.close());
  if (open.bus.kind !== "hub") throw new Error("the bus is no hub");
  const proxy = await startProxy({ host: open.bus.host, port: open.bus.port }, state.logs);
  stops.push(() => proxy.stop());
  return { open, agentBus: { ...open.bus, host: "127.0.0.1", port: proxy.port }, proxy, clock };
}
