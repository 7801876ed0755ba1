import * as oidc from "openid-client";
import { z } from "zod";
import { plainText } from "../../core/plain-text.ts";

/** Requests to the provider end after this, s. */
const TIMEOUT_S = 5;

/** What a browser is held to when it comes back from the provider. */
export const signInSecrets = z.strictObject({ state: z.string(), nonce: z.string(), verifier: z.string() });
export type SignInSecrets = z.infer<typeof signInSecrets>;

/** Somebody who has signed in. */
export const person = z.strictObject({
  /** `sub` of the provider. */
  user: z.string().min(1).max(255),
  /** For greeting; anybody's text. */
  name: z.string().transform((text) => plainText(text, 60)),
  /** For the provider at sign-out. Never leaves the backend but to it. */
  idToken: z.string().optional(),
});
export type Person = z.infer<typeof person>;

/** The provider of OpenID Connect, and what we are to it: a public client by PKCE, or a confidential one where there is a secret. */
export type ProviderSettings = {
  readonly issuer: URL;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  /** Of this backend, without a path. */
  readonly origin: string;
  /** Where sign-out goes instead of the end_session_endpoint: Cognito's logout takes other parameters. */
  readonly signOutUrl: string | undefined;
  /** For a bench alone: lets the provider be reached without TLS. */
  readonly allowsHttp: boolean;
};

/**
 * Sign-in by the authorization code flow with PKCE (S256), state and nonce. The ID token's signature is verified against the provider's
 * keys, though it comes from the provider itself; RS256 alone is taken. What the provider publishes is asked for when it is first
 * needed, and again after a failure.
 */
export class IdentityProvider {
  readonly #settings: ProviderSettings;
  #configuration: Promise<oidc.Configuration> | undefined;

  constructor(settings: ProviderSettings) {
    this.#settings = settings;
  }

  /** Where the browser goes to sign in, and what to hold it to. Rejects when the provider cannot be reached. */
  async begin(): Promise<{ readonly url: URL; readonly secrets: SignInSecrets }> {
    const configuration = await this.#discovered();
    const secrets = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier: oidc.randomPKCECodeVerifier() };
    const url = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#callback,
      // Cognito puts all that this client may read of a person into the ID token, and refuses a scope that the client has not.
      scope: "openid",
      state: secrets.state,
      nonce: secrets.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(secrets.verifier),
      code_challenge_method: "S256",
    });
    return { url, secrets };
  }

  /** Who signed in, by the query with which the browser came back. Rejects for a query, a code or a token that is not right. */
  async finish(query: URLSearchParams, { state, nonce, verifier }: SignInSecrets): Promise<Person> {
    const callback = new URL(this.#callback);
    callback.search = query.toString();
    const tokens = await oidc.authorizationCodeGrant(await this.#discovered(), callback, {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    const name = [claims?.name, claims?.email, claims?.["cognito:username"]].find((one) => typeof one === "string");
    return person.parse({ user: claims?.sub, name: name ?? "", idToken: tokens.id_token });
  }

  /** Where the browser goes to sign out at the provider too; this page where the provider has no such place. */
  async signOutUrl({ idToken }: Pick<Person, "idToken">): Promise<string> {
    const { signOutUrl, origin } = this.#settings;
    if (signOutUrl !== undefined) return signOutUrl;
    const configuration = await this.#discovered();
    if (configuration.serverMetadata().end_session_endpoint === undefined) return "/";
    const hint = idToken === undefined ? {} : { id_token_hint: idToken };
    return oidc.buildEndSessionUrl(configuration, { post_logout_redirect_uri: `${origin}/`, ...hint }).href;
  }

  /** Where the provider publishes its keys. */
  async keysUrl(): Promise<URL> {
    const { jwks_uri } = (await this.#discovered()).serverMetadata();
    if (jwks_uri === undefined) throw new Error("the identity provider publishes no keys");
    return new URL(jwks_uri);
  }

  get #callback(): string {
    return `${this.#settings.origin}/sign-in/callback`;
  }

  #discovered(): Promise<oidc.Configuration> {
    this.#configuration ??= this.#discover().catch((thrown: unknown) => {
      this.#configuration = undefined;
      throw thrown;
    });
    return this.#configuration;
  }

  async #discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret, allowsHttp } = this.#settings;
    const authentication = clientSecret === undefined ? oidc.None() : oidc.ClientSecretBasic(clientSecret);
    const execute = [oidc.enableNonRepudiationChecks, ...(allowsHttp ? [oidc.allowInsecureRequests] : [])];
    const metadata = { id_token_signed_response_alg: "RS256" };
    return await oidc.discovery(issuer, clientId, metadata, authentication, { execute, timeout: TIMEOUT_S });
  }
}
