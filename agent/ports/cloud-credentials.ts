/** Credentials of AWS for a while. All but the time are secrets: in no message, log, status, record or file. */
export type TemporaryCredentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** ms since the Unix epoch. */
  readonly expiresAtMs: number;
};

/** Gives credentials for the certificate of the vehicle. */
export interface CredentialsProvider {
  /**
   * Asks for new ones of a role alias. Rejects with `upload.credentials-refused` where this certificate may not have them,
   * `upload.credentials-unfit` where the alias or its role cannot be used or the answer cannot be read, `upload.credentials-unavailable` where
   * another try may find it better, and the faults `identity.*` and `proxy.*` of the way there.
   */
  ask(roleAlias: string, signal: AbortSignal): Promise<TemporaryCredentials>;
}

/** A request that is to be signed. Its path and query are escaped already. */
export type UnsignedRequest = {
  readonly method: string;
  readonly url: string;
  /** All of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** 64 hexadecimal digits. */
  readonly bodySha256: string;
};

/** Who signs, for which region, and when: ms since the Unix epoch. */
export type SigningScope = {
  readonly credentials: TemporaryCredentials;
  readonly region: string;
  readonly atMs: number;
};

/** Signs requests to S3 (AWS Signature Version 4). */
export interface RequestSigner {
  /** The headers of the request with those of the signature: secrets as the credentials are. */
  sign(request: UnsignedRequest, scope: SigningScope): Promise<Readonly<Record<string, string>>>;
}
