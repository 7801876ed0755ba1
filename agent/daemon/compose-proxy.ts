import type { AgentConfig } from "../../config/schema.ts";
import { createProxyRule } from "../../drivers/os/http-proxy.ts";
import type { ProxyRule } from "../ports/http-proxy.ts";

/** By which proxy hosts are reached: none where the configuration names none. `environment` leads to systemd's credentials and to nothing else. */
export function composeProxy({
  config,
  environment,
}: {
  readonly config: Pick<AgentConfig, "proxy">;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): ProxyRule {
  const { proxy: settings } = config;
  if (settings === undefined) return () => undefined;
  return createProxyRule({ settings, credentialsDirectory: environment.CREDENTIALS_DIRECTORY });
}
