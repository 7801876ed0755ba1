import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { SocketName } from "../../../agent/local-api/verb.ts";
import type { LocalHandler } from "../../../agent/ports/local-socket.ts";
import { serveLocalSocket } from "../../../drivers/os/local-socket/local-server.ts";
import { temporaryFolder } from "../core/folder.ts";
import { MemoryLog } from "../core/log.ts";
import { socketBounds } from "./socket-bounds.ts";

/** A configuration file whose runtimeDir is a folder of the test's own; nobody answers there. */
export function configFile(): { readonly config: string; readonly runtimeDir: string } {
  const folder = temporaryFolder();
  const runtimeDir = join(folder, "run");
  mkdirSync(runtimeDir);
  const config = join(folder, "agent.yaml");
  writeFileSync(
    config,
    `thingName: truck-0001
bench: true
stateDir: ${folder}/state
runtimeDir: ${runtimeDir}
buses:
  - { name: can0, driver: socketcan, interface: can0 }
broker: { host: localhost, caFile: ca.pem }
identity: { mode: file, certificateFile: cert.pem, keyFile: key.pem }
`,
  );
  return { config, runtimeDir };
}

/** Serves `handlers` as the daemon of a configuration would, until the test ends; gives the configuration's path. */
export async function serveView(
  handlers: Readonly<Record<string, LocalHandler>>,
  socketName: SocketName = "view",
): Promise<string> {
  const { config, runtimeDir } = configFile();
  const path = join(runtimeDir, `${socketName}.sock`);
  const log = new MemoryLog();
  const socket = await serveLocalSocket({ place: { path, mode: 0o660 }, handlers, log, ...socketBounds() });
  onTestFinished(() => socket.stop());
  return config;
}
