import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild } from "./child.ts";

/** A dbus-daemon of the test's own, on which anyone may do anything. */
export type PrivateBus = {
  readonly address: string;
  /** Ends it, as when the machine's is started anew. */
  stop(): Promise<void>;
  /** Starts it again, at the same address. */
  start(): Promise<void>;
};

/** Starts one; `folder`, which is made, holds its socket and log, and needs a short path. */
export async function startPrivateBus(folder: string): Promise<PrivateBus> {
  mkdirSync(folder, { recursive: true });
  const socket = join(folder, "bus");
  const address = `unix:path=${socket}`;
  const config = join(folder, "bus.conf");
  const policy = `<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/>`;
  const body = `<type>session</type><listen>${address}</listen><auth>EXTERNAL</auth><policy context="default">${policy}</policy>`;
  writeFileSync(config, `<busconfig>${body}</busconfig>`);
  let daemon: Child | undefined;
  const bus: PrivateBus = {
    address,
    start: async () => {
      rmSync(socket, { force: true });
      daemon = await startDaemon(config, join(folder, "bus.log"));
    },
    stop: async () => {
      await daemon?.stop();
      daemon = undefined;
    },
  };
  await bus.start();
  return bus;
}

async function startDaemon(config: string, logFile: string): Promise<Child> {
  const ready = Promise.withResolvers<void>();
  const args = [`--config-file=${config}`, "--nofork", "--nopidfile", "--print-address"];
  const child = await startChild({ command: "dbus-daemon", args, logFile, onLine: () => ready.resolve() });
  await ready.promise;
  return child;
}
