import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { createAuthority, writeIdentity } from "../cloud/certificate-authority.ts";
import { type Child, startChild } from "../core/child.ts";
import { START_TIMEOUT_MS, until } from "../core/wait.ts";
import { type Hub, startHub } from "../vehicle/socketcand-hub.ts";

const CAUSEWAY = join(import.meta.dirname, "../../../scripts/causeway");
const MESSAGES = 25;
const SIGNALS = 8;
const PERIOD_MS = 50;
const FIRST_ID = 0x200;

/** 200 signals at 20 Hz on a bus, the agent as it is, and `causeway ui` beside it. */
export class PageVehicle {
  readonly url: string;
  readonly #startAgent: () => Promise<Child>;
  readonly #stops: (() => Promise<unknown>)[];
  #agent: Child;

  private constructor(url: string, agent: Child, startAgent: () => Promise<Child>, stops: (() => Promise<unknown>)[]) {
    this.url = url;
    this.#agent = agent;
    this.#startAgent = startAgent;
    this.#stops = stops;
  }

  get agentPid(): number {
    return this.#agent.pid;
  }

  /** SIGKILL. */
  async killAgent(): Promise<void> {
    this.#agent.signal("SIGKILL");
    await this.#agent.ended;
  }

  async startAgent(): Promise<void> {
    this.#agent = await this.#startAgent();
  }

  static async start(folder: string, uiArgs: readonly string[] = []): Promise<PageVehicle> {
    const stops: (() => Promise<unknown>)[] = [];
    const hub = await startHub();
    stops.push(() => hub.stop());
    const config = await writeConfig(folder, hub.port);
    const startAgent = async (): Promise<Child> => {
      const { child } = await start(folder, "agent", ["run", "--config", config]);
      stops.push(() => child.stop());
      return child;
    };
    const agent = await startAgent();
    await until(() => (hub.clients() > 0 ? true : failed(agent)), {
      what: "the agent listens",
      timeoutMs: START_TIMEOUT_MS,
    });
    const sender = send(hub);
    stops.push(async () => await Promise.resolve(clearInterval(sender)));
    const ui = await start(folder, "ui", ["ui", "--config", config, "--port", "0", "--quiet", ...uiArgs]);
    stops.push(() => ui.child.stop());
    const url = await until(() => ui.lines[0] ?? failed(ui.child), {
      what: "causeway ui serves",
      timeoutMs: START_TIMEOUT_MS,
    });
    return new PageVehicle(url, agent, startAgent, stops);
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.toReversed()) await stop();
  }
}

function failed(child: Child): undefined {
  if (child.hasEnded()) throw new Error("a process of the vehicle has ended; see its log");
  return undefined;
}

async function start(
  folder: string,
  name: string,
  args: readonly string[],
): Promise<{ child: Child; lines: string[] }> {
  const lines: string[] = [];
  const logFile = join(folder, `${name}.log`);
  return { child: await startChild({ command: CAUSEWAY, args, logFile, onLine: (line) => lines.push(line) }), lines };
}

async function writeConfig(folder: string, port: number): Promise<string> {
  writeFileSync(join(folder, "page.dbc"), dbcText());
  const authority = createAuthority(folder);
  writeIdentity(folder, "device", await authority.issue({ commonName: "van-20", usage: "client" }));
  const file = join(folder, "agent.yaml");
  const config = {
    thingName: "van-20",
    bench: true,
    stateDir: join(folder, "state"),
    runtimeDir: join(folder, "run"),
    buses: [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port, interface: "can0" }],
    dbc: [{ file: "page.dbc" }],
    broker: { host: "127.0.0.1", port: 1, caFile: "ca.pem" },
    identity: { mode: "file", certificateFile: "device.pem", keyFile: "device.key" },
  };
  writeFileSync(file, stringify(config));
  return file;
}

function dbcText(): string {
  const messages = Array.from({ length: MESSAGES }, (_, at) => {
    const signals = Array.from(
      { length: SIGNALS },
      (_each, n) => ` SG_ Wave${at * SIGNALS + n} : ${n * 8}|8@1+ (0.5,0) [0|127.5] "km/h" Vector__XXX\n`,
    );
    return `BO_ ${FIRST_ID + at} Waves${at}: 8 Vector__XXX\n${signals.join("")}`;
  });
  return `VERSION ""\nBU_: Vector__XXX\n${messages.join("\n")}`;
}

/** As often as the clock says, though a timer may come late. */
function send(hub: Hub): NodeJS.Timeout {
  const beganMs = performance.now();
  let sent = 0;
  return setInterval(() => {
    for (; sent * PERIOD_MS <= performance.now() - beganMs; sent++) {
      for (let at = 0; at < MESSAGES; at++) {
        const data = Uint8Array.from({ length: SIGNALS }, (_, n) =>
          Math.round(127 + 120 * Math.sin(sent / (20 + n) + at)),
        );
        hub.inject("can0", { id: FIRST_ID + at, flags: 0, data, receivedAtUs: 0 });
      }
    }
  }, 10);
}
