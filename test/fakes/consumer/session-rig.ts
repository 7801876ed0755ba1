import type { Arrival } from "../../../agent/consumer/intake/arrival.ts";
import { brokerSettings } from "../../../agent/consumer/mqtt/broker-settings.ts";
import { Session } from "../../../agent/consumer/mqtt/session.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { until } from "../../bench/core/wait.ts";
import { MemoryLog } from "../core/log.ts";

/** What to connect to; what is left out is as the settings have it. */
export type SessionRequest = {
  readonly port: number;
  readonly clientId?: string;
  /** Of the shared subscription; each test has its own, as a broker keeps records for sessions that are away. */
  readonly group?: string;
  readonly settings?: Readonly<Record<string, unknown>>;
};

/** A session that keeps what comes, and acknowledges nothing by itself. */
export type SessionRig = {
  readonly session: Session;
  readonly arrivals: Arrival[];
  readonly log: MemoryLog;
  ready(): Promise<void>;
  /** Resolves when it is ready on its connection number `connects`. */
  reconnected(connects: number): Promise<void>;
  /** Resolves when so many arrivals have come since the start. */
  came(count: number): Promise<void>;
};

/** Starts a session. `stops` gets what ends it. */
export function startSession(request: SessionRequest, stops: (() => Promise<void>)[]): SessionRig {
  const { port, clientId = "worker-0", settings = {} } = request;
  const filters = [`$share/${request.group ?? clientId}/dt/causeway/+/+`, "dt/causeway/+/schema/+"];
  const log = new MemoryLog();
  const arrivals: Arrival[] = [];
  const session = new Session({
    settings: brokerSettings.parse({ host: "localhost", port, reconnect: { minMs: 100, maxMs: 1000 }, ...settings }),
    clientId,
    filters,
    onArrival: (arrival) => void arrivals.push(arrival),
    onConnected: () => undefined,
    clock: systemClock(),
    log,
  });
  stops.unshift(() => session.stop(false));
  session.start();
  const wait = (what: string, isSo: () => boolean): Promise<void> =>
    until(() => (isSo() ? true : undefined), { what, timeoutMs: 20_000, everyMs: 5 }).then(() => undefined);
  return {
    session,
    arrivals,
    log,
    ready: () => wait("the session is ready", () => session.status().state === "ready"),
    reconnected: (connects) =>
      wait(`connection ${connects}`, () => {
        const status = session.status();
        return status.state === "ready" && status.connects >= connects;
      }),
    came: (count) => wait(`${count} arrivals, ${arrivals.length} so far`, () => arrivals.length >= count),
  };
}
