import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import type { HttpProxy, ProxyCredentials, ProxyRule, TunnelTarget } from "../../agent/ports/http-proxy.ts";
import type { ProxyConfig } from "../../config/schema.ts";
import { readSecret } from "./pin.ts";

/** Name of the systemd credential that holds user and password. */
export const PROXY_CREDENTIAL = "causeway-proxy";

/** `credentialsDirectory` is $CREDENTIALS_DIRECTORY. */
export type ProxyParts = { readonly settings: ProxyConfig; readonly credentialsDirectory: string | undefined };

/** The proxy of the configuration, for every host that is not excluded. Reads and opens nothing yet. */
export function createProxyRule(parts: ProxyParts): ProxyRule {
  const { host, port, exclude } = parts.settings;
  const proxy: HttpProxy = {
    host,
    port,
    credentials: () => readCredentials(parts),
    tunnel: (target, timeoutMs, signal) => openTunnel(proxy, target, timeoutMs, signal),
    check: async (target, timeoutMs, signal) => {
      (await proxy.tunnel(target, timeoutMs, signal)).destroy();
    },
  };
  return (target) => (exclude.some((entry) => isOf(target, entry)) ? undefined : proxy);
}

/** Whether `host` is `entry` or a name under it. */
function isOf(host: string, entry: string): boolean {
  const [name, of] = [host, entry].map((text) => text.toLowerCase().replace(/^\.|\.$/g, ""));
  return name === of || (isIP(host) === 0 && name?.endsWith(`.${of}`) === true);
}

function readCredentials({ settings, credentialsDirectory }: ProxyParts): ProxyCredentials | undefined {
  const thing = "proxy credentials file";
  const text = readSecret({
    thing,
    file: settings.credentialsFile,
    credential: PROXY_CREDENTIAL,
    credentialsDirectory,
    faults: {
      missing: "proxy.credentials-missing",
      exposed: "proxy.credentials-exposed",
      denied: "proxy.credentials-missing",
    },
  });
  if (text === undefined) return undefined;
  const at = text.indexOf(":");
  if (at > 0) return { user: text.slice(0, at), password: text.slice(at + 1) };
  throw new AgentError("proxy.credentials-missing", {
    what: `the ${thing} ${settings.credentialsFile ?? `(credential ${PROXY_CREDENTIAL})`} does not hold USER:PASSWORD`,
    remedy: "write user and password into it in one line, with a colon between them",
  });
}

async function openTunnel(
  proxy: HttpProxy,
  target: TunnelTarget,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Duplex> {
  const headers = headersFor(target, proxy.credentials());
  // Where no proxy is configured, none of it is loaded.
  const { request } = await import("node:http");
  const { host, port } = proxy;
  return await new Promise((resolve, reject) => {
    const asked = request({ host, port, method: "CONNECT", path: headers.host, headers, agent: false, signal });
    const late = setTimeout(() => asked.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    asked.once("connect", (answer, socket, early) => {
      clearTimeout(late);
      // Whoever uses the tunnel hears of its end.
      socket.on("error", () => undefined);
      const fault = faultOf(answer, proxy, headers.host);
      if (fault === undefined) {
        if (early.length > 0) socket.unshift(early);
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(fault);
    });
    asked.once("error", (error) => {
      clearTimeout(late);
      reject(unreachable(proxy, error));
    });
    asked.end();
  });
}

function headersFor({ host, port }: TunnelTarget, credentials: ProxyCredentials | undefined) {
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  if (credentials === undefined) return { host: authority };
  const { user, password } = credentials;
  const basic = Buffer.from(`${user}:${password}`).toString("base64");
  return { host: authority, "proxy-authorization": `Basic ${basic}` };
}

function unreachable({ host, port }: HttpProxy, error: Error): AgentError {
  return new AgentError("proxy.unreachable", {
    what: `the proxy ${host}:${port} cannot be used: ${messageOf(error)}`,
    remedy: "check proxy.host, proxy.port and the network connection to it; it must be an HTTP proxy",
    cause: error,
  });
}

/** What the proxy's answer says; undefined when the tunnel is there. Some answer wrong credentials with 401 in place of 407. */
function faultOf({ statusCode: status = 0 }: IncomingMessage, proxy: HttpProxy, to: string): AgentError | undefined {
  if (status >= 200 && status < 300) return undefined;
  const name = `the proxy ${proxy.host}:${proxy.port}`;
  if (status === 407 || status === 401) {
    return new AgentError("proxy.authentication-wanted", {
      what: `${name} does not let us in without a user and password that it knows: HTTP ${status}`,
      remedy: `write USER:PASSWORD into a file of mode 0600 and name it in proxy.credentialsFile, or give the service the systemd credential ${PROXY_CREDENTIAL}`,
    });
  }
  if (status >= 500) {
    return new AgentError("proxy.bad-gateway", {
      what: `${name} did not reach ${to}: HTTP ${status}`,
      remedy: "check that host and port, and that the proxy can resolve and reach them",
    });
  }
  return new AgentError("proxy.refused", {
    what: `${name} refuses a connection to ${to}: HTTP ${status}`,
    remedy: `have the proxy allow CONNECT to ${to} for this device, or name the host in proxy.exclude where it is reached without the proxy`,
  });
}
