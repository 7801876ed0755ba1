import type { X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { AgentConfig } from "../../config/schema.ts";
import { createTlsIdentity } from "../../drivers/aws/identity/create-identity.ts";
import { readCertificate, type TlsIdentity } from "../../drivers/aws/identity/tls.ts";
import { openIdentityFiles } from "../../drivers/os/identity-files.ts";
import { readPin } from "../../drivers/os/pin.ts";
import { checkStore } from "../../drivers/tpm/store/store-check.ts";
import type { TpmCheck } from "../../drivers/tpm/tpm-check.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { StartMarks } from "../core/start-marks.ts";
import { certificateFacts } from "../identity/certificate.ts";
import { csrSubject } from "../identity/csr-subject.ts";
import type { CertificateOrder } from "../identity/identity-change.ts";
import { identityState, type SlotIdentity } from "../identity/identity-state.ts";
import { IdentityStore } from "../identity/identity-store.ts";
import { lockoutFault } from "./compose-keys.ts";
import { tpmCheckOf } from "./tpm-question.ts";

/** What the identities are opened with. `verbose` lets the TPM libraries write to stderr. */
export type OpenIdentityParts = {
  readonly config: AgentConfig;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly verbose: boolean;
  readonly marks?: StartMarks | undefined;
  /** The check of the TPM that has the key, where one is begun already. */
  readonly check?: TpmCheck | undefined;
};

/** The device's identities. */
export type OpenIdentity = {
  readonly identityStore: IdentityStore;
  /** The one in use, asked for anew whenever a connection is made. */
  readonly inUse: TlsIdentity;
  /** Any other of the device: `with` names it. */
  readonly tls: TlsIdentity;
  /** The device's certificate in a file. Throws the fault of one that cannot be read. */
  readonly readCertificate: (file: string) => X509Certificate;
};

/** There is no TPM that could be silent. */
const ANSWERS = Promise.resolve(undefined);

/**
 * The one place that tells which identity the device has: the slot in use, or on a device that was installed by hand the key and
 * certificate that the configuration names. Opens nothing yet. The daemon and every verb go through here; what installs a certificate
 * by hand applies the event "installed" to the ledger.
 */
export function openIdentity(parts: OpenIdentityParts): OpenIdentity {
  const { config, environment, log, verbose, marks } = parts;
  const { identity, broker } = config;
  const folder = join(config.stateDir, "identity");
  const check = parts.check ?? tpmCheckOf(identity, environment);
  const tls = createTlsIdentity({
    checkStore,
    tpm: {
      silence: (signal) => check?.silence(signal) ?? ANSWERS,
      lockoutFault: () => lockoutFault({ identity, environment, log }),
    },
    identity,
    broker,
    verbose,
    copyFolder: folder,
    readPin: () =>
      readPin({
        pinFile: identity.mode === "pkcs11" ? identity.pinFile : undefined,
        credentialsDirectory: environment.CREDENTIALS_DIRECTORY,
      }),
  });
  const identityStore = new IdentityStore({
    files: openIdentityFiles({ folder, parse: (value) => identityState.parse(value) }),
    log,
    handInstalled: () => handInstalled(config),
  });
  return {
    identityStore,
    tls,
    inUse: inUseOf(identityStore, tls, marks),
    readCertificate: (file) => readCertificate(file).certificate,
  };
}

/** What is asked of the cloud for this device. `serial` is that of the configuration, or the thing name, when absent. */
export function certificateOrder(config: AgentConfig, template: string, serial?: string): CertificateOrder {
  const { identity, provisioning, thingName: thing } = config;
  if (identity.mode === "file") throw keyInFile();
  const known = serial ?? identity.serial;
  const fill = (text: string): string =>
    text.replace(/\{(thing|serial)\}/g, (_, name) => (name === "thing" ? thing : (known ?? thing)));
  return {
    thing,
    tokenLabel: identity.tokenLabel,
    template,
    format: provisioning.format,
    algorithm: provisioning.keyAlgorithm,
    subject: csrSubject(identity.csr, { thing, serial: known, vin: identity.vin }),
    parameters: Object.fromEntries(Object.entries(provisioning.parameters).map(([name, text]) => [name, fill(text)])),
  };
}

/** A key in a file has no token in which another could be born. */
export function keyInFile(): AgentError {
  return new AgentError("config.invalid", {
    what: "identity.mode is file: there is no token in which a key could be made",
    remedy: "set identity.mode to pkcs11",
  });
}

function handInstalled({ identity }: AgentConfig): SlotIdentity | undefined {
  const { certificateFile } = identity;
  const keyLabel = identity.mode === "file" ? identity.keyFile : identity.keyLabel;
  try {
    const { certificateId } = certificateFacts(readCertificate(certificateFile).certificate);
    return { keyLabel, certificateFile, certificateId };
  } catch (error) {
    // A new device has none; one that cannot be read is told by the first connection.
    if (error instanceof AgentError) return undefined;
    throw error;
  }
}

function inUseOf(identityStore: IdentityStore, tls: TlsIdentity, marks: StartMarks | undefined): TlsIdentity {
  const now = (): TlsIdentity => {
    const identity = identityStore.inUse();
    return identity === undefined ? tls : tls.with(identity);
  };
  const named = (): TlsIdentity => {
    try {
      return now();
    } catch (error) {
      // Names are for people and must not fail; the connection does, with this fault.
      if (error instanceof AgentError) return tls;
      throw error;
    }
  };
  return {
    get key() {
      return named().key;
    },
    get certificateFile() {
      return named().certificateFile;
    },
    caFile: tls.caFile,
    openContext: async (signal) => {
      const context = await now().openContext(signal);
      marks?.note("key");
      return context;
    },
    tpmSilence: () => tls.tpmSilence(),
    keyFault: (errorName) => named().keyFault(errorName),
    with: (credential) => tls.with(credential),
  };
}
