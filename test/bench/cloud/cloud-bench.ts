import { join } from "node:path";
import { type Mosquitto, type MosquittoRequest, startMosquitto } from "../broker/mosquitto.ts";
import { createAuthority, type RevokingAuthority } from "./certificate-authority.ts";
import { BenchCloud, CLAIM_NAME, CLOUD_NAME } from "./cloud.ts";

/** A broker with the AWS side of identities beside it. */
export type CloudBench = {
  readonly authority: RevokingAuthority;
  readonly mosquitto: Mosquitto;
  readonly cloud: BenchCloud;
  stop(): Promise<void>;
};

/** The principal of the AWS side of Jobs, where a test wants it beside this one. */
export const JOBS_NAME = "cloud-jobs";

/**
 * Starts both in `folder`. `things` are registered by hand: their certificates carry the thing name. `broker` is what the broker does
 * besides.
 */
export async function startCloudBench(
  folder: string,
  things: readonly string[] = [],
  broker: Pick<MosquittoRequest, "logsPackets"> = {},
): Promise<CloudBench> {
  const authority = createAuthority(join(folder, "ca"));
  const mosquitto = await startMosquitto({
    ...broker,
    folder: join(folder, "broker"),
    authority,
    things,
    claims: [CLAIM_NAME],
    clouds: [CLOUD_NAME, JOBS_NAME],
    crlFile: authority.crlFile,
  });
  const cloud = await BenchCloud.start({ authority, mosquitto, folder: join(folder, "cloud") });
  return {
    authority,
    mosquitto,
    cloud,
    stop: async () => {
      await cloud.stop();
      await mosquitto.stop();
    },
  };
}
