/** What leads to a TPM. `tcti` is the configuration's. */
export type TpmReach = {
  readonly tcti?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** The environment in which the TPM's tools and libraries reach the same TPM: they take their settings from it and from nowhere else. */
export function tpmEnvironment({ tcti, environment }: TpmReach): Readonly<Record<string, string | undefined>> {
  const reached = tcti ?? environment.TPM2_PKCS11_TCTI;
  const led = reached === undefined ? {} : { TPM2_PKCS11_TCTI: reached, TPM2TOOLS_TCTI: reached };
  return { TPM2_PKCS11_LOG_LEVEL: "0", TSS2_LOG: "all+error", ...environment, ...led };
}
