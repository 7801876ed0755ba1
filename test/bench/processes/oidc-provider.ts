import { readFileSync } from "node:fs";
import { oidcConfig, startOidcProvider } from "../cloud/oidc-provider.ts";
import { emit, fail, parseLine } from "../core/line-protocol.ts";

/** `oidc-provider.ts CONFIG`: a provider of OpenID Connect; says "ready" on stdout. */
startOidcProvider(parseLine(oidcConfig, readFileSync(process.argv[2] ?? "", "utf8"))).then(
  () => emit({ kind: "ready" }),
  fail,
);
