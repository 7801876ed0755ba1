import type { Broker } from "../ports/broker.ts";
import type { Uploader } from "./uploader.ts";

/** Sends uploads until `signal` aborts; each new connection to the broker says that there is a network again. */
export async function runWithLink(
  uploader: Pick<Uploader, "run" | "linkIsBack">,
  broker: Pick<Broker, "online" | "status">,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all([uploader.run(signal), hearLink(uploader, broker, signal)]);
}

async function hearLink(
  uploader: Pick<Uploader, "linkIsBack">,
  broker: Pick<Broker, "online" | "status">,
  signal: AbortSignal,
): Promise<void> {
  let after = 0;
  while ((await broker.online(signal, after)) !== undefined) {
    after = broker.status().connects;
    uploader.linkIsBack();
  }
}
