import { type Child, startChild } from "../../test/bench/core/child.ts";
import type { Guest } from "./vehicle-guest.ts";

/** Starts mosquitto_sub on the guest's broker. `format` is its output format (mosquitto_sub(1), -F), one line a message. */
export async function subscribe(
  { broker, consumerIdentity }: Pick<Guest, "broker" | "consumerIdentity">,
  topic: string,
  format: string,
  onLine: (line: string) => void,
): Promise<Child> {
  const { certificateFile, keyFile, folder } = consumerIdentity;
  return await startChild({
    command: "mosquitto_sub",
    args: ["-h", broker.host, "-p", `${broker.port}`, "--cafile", broker.caFile]
      .concat(["--cert", certificateFile, "--key", keyFile, "-V", "5", "-q", "1"])
      .concat(["-t", topic, "-F", format]),
    logFile: `${folder}/mosquitto_sub.log`,
    onLine,
  });
}
