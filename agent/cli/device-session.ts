import { loadConfig } from "../../config/load.ts";
import type { AgentConfig } from "../../config/schema.ts";
import { openSession } from "../cloud/open-session.ts";
import { AgentError } from "../core/errors.ts";
import { openIdentity } from "../daemon/open-identity.ts";
import type { Broker } from "../ports/broker.ts";
import { asServiceUser } from "./as-service-user.ts";
import type { CliContext } from "./context.ts";
import { isRunning } from "./running-agent.ts";
import { singleSession } from "./single-session.ts";
import { verboseLog } from "./verbose-log.ts";

/** Of AWS IoT Core, which other brokers bear too. */
const MAX_CLIENT_ID = 128;

/** A session of a verb's own, online; dispose of it. */
export type DeviceSession = AsyncDisposable & { readonly session: Broker; readonly config: AgentConfig };

/**
 * Connects with the identity of the device and a client id of the verb's own: the thing name with `suffix`, unless one is given. A process
 * of root is one of the service's user afterwards, see `asServiceUser`: it may run the verb anew, with all of stdin. Throws
 * `agent.already-running` for that of the running agent, which would lose its session by it, and the fault of the attempt.
 */
export async function openDeviceSession(
  context: CliContext,
  suffix: string,
  given: string | undefined,
): Promise<DeviceSession> {
  const config = await loadConfig(context.options().config);
  await asServiceUser(config, context, true);
  const clientId = given ?? `${config.thingName}-${suffix}`;
  await checkClientId(clientId, config, context);
  const { environment, clock, signal } = context;
  const { timeoutMs, verbose } = context.options();
  const identity = openIdentity({ config, environment, log: verboseLog(context), verbose }).inUse;
  const session = singleSession(config, clientId, identity, context);
  try {
    await openSession(session, clock, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
  } catch (thrown) {
    await session.stop();
    throw withClientId(thrown, clientId, config);
  }
  return { session, config, [Symbol.asyncDispose]: () => session.stop() };
}

async function checkClientId(clientId: string, config: AgentConfig, context: CliContext): Promise<void> {
  if (clientId.length > MAX_CLIENT_ID) {
    throw new AgentError("usage.invalid", {
      what: `the client id ${clientId} has ${clientId.length} characters, more than ${MAX_CLIENT_ID}`,
      remedy: "give a shorter one with --client-id",
    });
  }
  if (clientId !== config.thingName || !(await isRunning(config, context.clock))) return;
  throw new AgentError("agent.already-running", {
    what: `the running agent is connected as ${clientId}: with that client id this session would end its own`,
    remedy: "leave --client-id out, or stop the agent first: systemctl stop causeway",
  });
}

/** A policy may tie the client id to the thing name (AWS IoT Core: `client/\${iot:Connection.Thing.ThingName}`). */
function withClientId(thrown: unknown, clientId: string, { thingName }: AgentConfig): unknown {
  const isRefusal = thrown instanceof AgentError && /^broker\.(not-authorised|refused)$/.test(thrown.code);
  if (!isRefusal || clientId === thingName) return thrown;
  return new AgentError(thrown.code, {
    what: `${thrown.message} (client id ${clientId})`,
    remedy: `let the policy allow this client id (client/${thingName}-*); where it allows ${thingName} alone, stop the agent and give --client-id ${thingName}`,
    cause: thrown,
  });
}
