import { join } from "node:path";
import { type Broker, publicationTo } from "../../../agent/ports/broker.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { type Authority, createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { CloudCommands } from "../../bench/cloud/cloud-commands.ts";
import { CloudDefender } from "../../bench/cloud/defender.ts";
import { CloudShadows } from "../../bench/cloud/shadow.ts";
import { MemoryLog } from "../core/log.ts";

const CLOUD = "cloud-commands";

/** A broker with the AWS side of Commands and of named shadows beside it. */
export type CommandCloud = {
  readonly authority: Authority;
  readonly mosquitto: Mosquitto;
  readonly commands: CloudCommands;
  readonly shadows: CloudShadows;
  readonly defender: CloudDefender;
  /** A session of the certificate `commonName`, connected to the broker at `port`, not started. Its client id is `clientId`, or the common name. */
  sessionAs(commonName: string, port?: number, clientId?: string): Promise<Broker>;
  /** Publishes as the cloud. */
  publish(topic: string, payload: Uint8Array): Promise<void>;
  stop(): Promise<void>;
};

/** Starts both in `folder`. */
export async function startCommandCloud(folder: string, things: readonly string[]): Promise<CommandCloud> {
  const authority = createAuthority(join(folder, "ca"));
  const mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things, clouds: [CLOUD] });
  const sessionAs = async (commonName: string, port = mosquitto.port, clientId = commonName): Promise<Broker> => {
    const issued = await authority.issue({ commonName, usage: "client" });
    return createSession({
      clientId,
      identity: { mode: "file", ...writeIdentity(join(folder, "identities"), commonName, issued) },
      caFile: mosquitto.caFile,
      broker: { host: mosquitto.host, port },
      log: new MemoryLog(),
    });
  };
  const session = await sessionAs(CLOUD);
  session.start();
  await session.online(AbortSignal.timeout(10_000));
  const commands = new CloudCommands(session);
  await commands.start();
  const shadows = new CloudShadows(session);
  await shadows.start();
  const defender = new CloudDefender(session);
  await defender.start();
  return {
    authority,
    mosquitto,
    commands,
    shadows,
    defender,
    sessionAs,
    publish: async (topic, payload) => {
      await session.publish(publicationTo(topic, payload, ""));
    },
    stop: async () => {
      commands.stop();
      await session.stop();
      await mosquitto.stop();
    },
  };
}
