import type { PowerRegimesConfig } from "../../config/power-regimes.ts";
import type { Service } from "../core/lifecycle.ts";
import type { RegimeStatus } from "../local-api/regime-status.ts";
import type { Broker } from "../ports/broker.ts";
import { DEFAULT_CAMPAIGN } from "../telemetry/campaigns/plan/default-campaign.ts";
import { KeepAlive } from "../vehicle/regime/keep-alive.ts";
import { PublishHold } from "../vehicle/regime/publish-hold.ts";
import { Regimes } from "../vehicle/regime/regimes.ts";
import type { VehicleStates } from "../vehicle/state/vehicle-state.ts";
import type { DataLine, RegimeLine, Runtime } from "./parts.ts";

/** How late a new keep-alive may be, ms. */
const TICK_MS = 5000;

export type RegimeComposeParts = {
  readonly settings: PowerRegimesConfig;
  readonly states: VehicleStates;
  readonly line: Pick<DataLine, "campaigns" | "pipeline" | "publisher" | "outbox">;
  readonly broker: Pick<Broker, "keepAlive">;
  /** That of the configuration of the broker. */
  readonly usualKeepAliveSeconds: number;
  /** A vehicle that sleeps, or is about to, does not change its keep-alive. */
  readonly mayReconnect: () => boolean;
};

/** The part of the composition root for what each state of the vehicle does. */
export function composeRegimes(
  { settings, states, line, broker, usualKeepAliveSeconds: usualSeconds, mayReconnect }: RegimeComposeParts,
  { clock, log }: Pick<Runtime, "clock" | "log">,
): RegimeLine {
  const regimes = new Regimes(settings, states);
  const hold = new PublishHold({ regimes, outbox: line.outbox, clock });
  const keepAlive = new KeepAlive({ regimes, usualSeconds, broker, mayReconnect, clock, log });
  if (Object.values(settings).some(({ publish }) => publish !== undefined)) line.publisher.goBy(hold);
  const pause = (): void => line.campaigns.set.pause((id) => regimes.isPaused(id, id === DEFAULT_CAMPAIGN));
  const onChange = (): void => {
    hold.restart();
    keepAlive.changed();
    pause();
    // What the windows of campaigns hold that pause now.
    line.pipeline.flush();
    line.publisher.wake();
  };
  const status = (): RegimeStatus => ({ state: regimes.state(), held: regimes.held() });
  return { regimes, status, service: regimeService({ states, pause, onChange, tick: () => keepAlive.tick() }, clock) };
}

type Turns = {
  readonly states: Pick<VehicleStates, "onChange">;
  readonly pause: () => void;
  readonly onChange: () => void;
  readonly tick: () => void;
};

/** Starts before the pipeline, with the state that the vehicle was left in. */
function regimeService({ states, pause, onChange, tick }: Turns, clock: Runtime["clock"]): Service {
  const stops: (() => void)[] = [];
  return {
    name: "regimes",
    start: async () => {
      pause();
      stops.push(states.onChange(onChange), clock.every(TICK_MS, tick));
    },
    stop: async () => stops.splice(0).forEach((stop) => stop()),
  };
}
