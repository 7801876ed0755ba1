import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { type Authority, writeIdentity } from "../cloud/certificate-authority.ts";
import { type Child, startChild } from "../core/child.ts";
import { freePorts } from "../core/ports.ts";
import { START_TIMEOUT_MS, until } from "../core/wait.ts";
import { accessRulesOf, type MosquittoSettings, mosquittoConfigOf } from "./mosquitto-config.ts";

/** Where Debian puts the plugin, by machine. */
const PLUGIN_FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];
const PORT_ATTEMPTS = 5;

/** What to start: `folder` keeps configuration, log and the persistent sessions. Limits default to what AWS IoT Core announces. */
export type MosquittoRequest = {
  readonly folder: string;
  readonly authority: Authority;
  readonly things: readonly string[];
  readonly consumers?: readonly string[];
  readonly claims?: readonly string[];
  readonly clouds?: readonly string[];
  readonly crlFile?: string;
  readonly receiveMaximum?: number;
  readonly maximumPacketBytes?: number;
  readonly topicAliasMaximum?: number;
  /** Host names by which it is reached besides localhost. */
  readonly names?: readonly string[];
  /** Whether its log has a line for each packet; not when absent. */
  readonly logsPackets?: boolean;
};

/** A running mosquitto with mutual TLS on 127.0.0.1; its certificate is for localhost and 127.0.0.1. */
export type Mosquitto = {
  readonly host: "localhost";
  readonly port: number;
  readonly caFile: string;
  readonly logFile: string;
  pid(): number;
  /** Ends it at once, without a chance to say goodbye. */
  kill(): Promise<void>;
  /** Starts it again on the same port, after `stop` or `kill`. Persistent sessions are back as far as they were saved. */
  start(): Promise<void>;
  /** Orderly end and a new start on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

/** Starts mosquitto and resolves when a TLS handshake with it succeeds. Throws with the end of its log when it does not come up. */
export async function startMosquitto(request: MosquittoRequest): Promise<Mosquitto> {
  mkdirSync(request.folder, { recursive: true, mode: 0o700 });
  const issued = await request.authority.issue({
    commonName: "localhost",
    usage: "server",
    subjectAltNames: [
      { kind: "dns", value: "localhost" },
      { kind: "ip", value: "127.0.0.1" },
      ...(request.names ?? []).map((value) => ({ kind: "dns" as const, value })),
    ],
  });
  const identity = writeIdentity(request.folder, "server", issued);
  for (let attempt = 1; ; attempt++) {
    const settings = settingsOf(request, await freePorts(1), identity);
    writeFileSync(join(request.folder, "mosquitto.conf"), mosquittoConfigOf(settings, pluginFolder()), { mode: 0o600 });
    writeFileSync(join(request.folder, "dynsec.json"), accessRulesOf(settings), { mode: 0o600 });
    try {
      return controlOf(settings, await launch(settings));
    } catch (error) {
      // Somebody else may have taken the port since it was seen free.
      if (attempt === PORT_ATTEMPTS || !logOf(settings).includes("Address already in use")) throw error;
    }
  }
}

function controlOf(settings: MosquittoSettings, first: Child): Mosquitto {
  let child = first;
  const stop = async (): Promise<void> => void (await child.stop());
  const start = async (): Promise<void> => {
    child = await launch(settings);
  };
  return {
    host: "localhost",
    port: settings.port,
    caFile: settings.caFile,
    logFile: join(settings.folder, "mosquitto.log"),
    pid: () => child.pid,
    kill: async () => {
      child.signal("SIGKILL");
      await child.ended;
    },
    start,
    restart: async () => {
      await stop();
      await start();
    },
    stop,
  };
}

function settingsOf(
  request: MosquittoRequest,
  port: number,
  identity: { readonly certificateFile: string; readonly keyFile: string },
): MosquittoSettings {
  return {
    folder: request.folder,
    port,
    caFile: request.authority.caFile,
    certificateFile: identity.certificateFile,
    keyFile: identity.keyFile,
    things: request.things,
    logsPackets: request.logsPackets ?? false,
    consumers: request.consumers ?? ["consumer"],
    claims: request.claims ?? [],
    clouds: request.clouds ?? [],
    crlFile: request.crlFile,
    receiveMaximum: request.receiveMaximum ?? 100,
    maximumPacketBytes: request.maximumPacketBytes ?? 149_504,
    topicAliasMaximum: request.topicAliasMaximum ?? 8,
    runsAsRoot: process.getuid?.() === 0,
  };
}

async function launch(settings: MosquittoSettings): Promise<Child> {
  const child = await startChild({
    command: "mosquitto",
    args: ["-c", join(settings.folder, "mosquitto.conf")],
    environment: { PATH: `${process.env.PATH ?? ""}:/usr/sbin` },
    logFile: join(settings.folder, "mosquitto.out"),
  });
  const ready = async (): Promise<"ready" | "ended" | undefined> => {
    if (child.hasEnded()) return "ended";
    return (await acceptsTls(settings)) ? "ready" : undefined;
  };
  const outcome = await until(ready, { what: "mosquitto accepts TLS", timeoutMs: START_TIMEOUT_MS }).catch(
    () => "silent" as const,
  );
  if (outcome === "ready") return child;
  await child.stop();
  throw new Error(`mosquitto did not start (${outcome}):\n${logOf(settings).slice(-2000)}`);
}

function acceptsTls(settings: MosquittoSettings): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({
      host: "127.0.0.1",
      port: settings.port,
      servername: "localhost",
      ca: readFileSync(settings.caFile),
    });
    const finish = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("secureConnect", () => finish(true));
    socket.once("error", () => finish(false));
  });
}

function logOf(settings: MosquittoSettings): string {
  const files = ["mosquitto.out", "mosquitto.log"].map((name) => join(settings.folder, name));
  return files.map((file) => (existsSync(file) ? readFileSync(file, "utf8") : "")).join("");
}

function pluginFolder(): string {
  const found = PLUGIN_FOLDERS.find((folder) => existsSync(join(folder, "mosquitto_dynamic_security.so")));
  if (found === undefined) throw new Error(`no mosquitto_dynamic_security.so in ${PLUGIN_FOLDERS.join(", ")}`);
  return found;
}
