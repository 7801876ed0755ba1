import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import Provider, { type Configuration, type KoaContextWithOIDC } from "oidc-provider";
import { z } from "zod";

/** What one is started with. The key is the private JWK (RS256) that it signs with, so that a test can sign what the provider never would. */
export const oidcConfig = z.object({
  port: z.int(),
  key: z.record(z.string(), z.unknown()),
  client: z.object({ id: z.string(), redirectUri: z.url(), signedOutUri: z.url() }),
  users: z.array(z.object({ user: z.string(), password: z.string(), name: z.string() })),
});
export type OidcConfig = z.infer<typeof oidcConfig>;

const MAX_FORM_BYTES = 4096;

/** Where a provider at this port of the machine is. Another host than that of the companion, so that they are two sites to a browser. */
export function issuerAt(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** A provider of OpenID Connect on 127.0.0.1 with a login form; who signs in has agreed to everything. */
export async function startOidcProvider(config: OidcConfig): Promise<Server> {
  const provider = new Provider(issuerAt(config.port), configurationOf(config));
  const standard = provider.callback();
  const server = createServer((request, response) => {
    if (!request.url?.startsWith("/interaction/")) return void standard(request, response);
    void interact(provider, config, request, response).catch(() => {
      response.writeHead(400, { "content-type": "text/plain" }).end("This sign-in is not under way any more.");
    });
  });
  server.listen(config.port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function configurationOf({ key, client, users }: OidcConfig): Configuration {
  return {
    jwks: { keys: [{ ...key, use: "sig", alg: "RS256" }] },
    clients: [
      {
        client_id: client.id,
        token_endpoint_auth_method: "none",
        redirect_uris: [client.redirectUri],
        post_logout_redirect_uris: [client.signedOutUri],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    cookies: { keys: [randomBytes(32).toString("base64url")] },
    // As Cognito does: the ID token names the person, for the scope openid alone.
    claims: { openid: ["sub", "name"] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true, logoutSource } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, name: users.find(({ user }) => user === accountId)?.name }),
    }),
    loadExistingGrant: agreedTo,
    ttl: { Session: 3600, Interaction: 600, Grant: 3600, IdToken: 3600, AccessToken: 3600, AuthorizationCode: 60 },
  };
}

/** Nobody is asked whether the companion may know their name. */
async function agreedTo({ oidc }: KoaContextWithOIDC) {
  const grant = new oidc.provider.Grant({ clientId: oidc.client?.clientId, accountId: oidc.session?.accountId });
  grant.addOIDCScope("openid");
  await grant.save();
  return grant;
}

/** Signing out is agreed to as well: the form goes off by a click. */
async function logoutSource(context: KoaContextWithOIDC, form: string): Promise<void> {
  context.body = page(`${form}<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>`);
}

async function interact(
  provider: Provider,
  { users }: OidcConfig,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== "POST") {
    await provider.interactionDetails(request, response);
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page(loginForm("")));
    return;
  }
  const form = new URLSearchParams(await bodyOf(request));
  const known = users.find(({ user, password }) => user === form.get("user") && password === form.get("password"));
  if (known === undefined) {
    response
      .writeHead(401, { "content-type": "text/html; charset=utf-8" })
      .end(page(loginForm("Wrong name or password.")));
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId: known.user } });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += String(chunk);
    if (text.length > MAX_FORM_BYTES) throw new Error("too long");
  }
  return text;
}

function loginForm(problem: string): string {
  return `<h1>Bench sign-in</h1><p role="alert">${problem}</p><form method="post">
<p><label>Name <input name="user" autocomplete="username" required autofocus></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<button type="submit">Sign in</button></form>`;
}

function page(body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Bench sign-in</title><body>${body}</body></html>`;
}
