import { AgentError } from "../core/errors.ts";
import type { Broker } from "../ports/broker.ts";

/** Throws the fault of the link, or `broker.unreachable`, where nothing can be asked of the cloud now. */
export function requireOnline(broker: Pick<Broker, "status">): void {
  const { state, fault } = broker.status();
  if (state === "online") return;
  const offline = {
    what: "there is no connection to the broker",
    remedy: "try again when causeway status says online",
  };
  throw new AgentError(fault?.code ?? "broker.unreachable", fault ?? offline);
}
