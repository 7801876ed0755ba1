import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KeyStore, TokenAdmin } from "../../../agent/ports/key-store.ts";
import { type Child, startChild } from "../core/child.ts";
import { freePorts } from "../core/ports.ts";
import { START_TIMEOUT_MS, until } from "../core/wait.ts";
import { createToken } from "./tpm-token.ts";
import { runTool, type ToolEnvironment } from "./tpm-tools.ts";

const PORT_ATTEMPTS = 5;

/**
 * What to start. `folder` keeps the TPM's own state, the PKCS#11 store, the PIN file and logs. `token` says who makes the token and its key: the
 * agent's own driver, which is usual, or libtpm2_pkcs11 itself.
 */
export type TpmRequest = {
  readonly folder: string;
  readonly tokenLabel?: string;
  readonly keyLabel?: string;
  readonly token?: "agent" | "library";
};

/** A software TPM 2.0 with a PKCS#11 token that holds one EC P-256 key born in it. */
export type Tpm = {
  /** TPM2_PKCS11_TCTI. */
  readonly tcti: string;
  /** TPM2_PKCS11_STORE, mode 0700, files 0600. */
  readonly storeDir: string;
  readonly tokenLabel: string;
  readonly keyLabel: string;
  /** User PIN without a line end, mode 0600. */
  readonly pinFile: string;
  /** SubjectPublicKeyInfo of the key. */
  readonly publicKeyPem: string;
  /** The agent's own driver on this token. */
  readonly keys: KeyStore & TokenAdmin;
  /** Address of the private D-Bus that leads to the resource manager. */
  readonly dbusAddress: string;
  /** What a process needs in its environment to use the token: the D-Bus address, TCTI and store. */
  readonly environment: Readonly<Record<string, string>>;
  /** The processes behind it, for a test that takes one away. */
  readonly children: { readonly swtpm: Child; readonly dbus: Child; readonly resourceManager: Child };
  stop(): Promise<void>;
};

/**
 * Starts swtpm, a private D-Bus and tpm2-abrmd, and makes a token and a key when `folder` has none yet. Resolves when the key can
 * be used. swtpm alone runs out of object slots, which is why the resource manager stands before it.
 */
export async function startTpm(request: TpmRequest): Promise<Tpm> {
  mkdirSync(request.folder, { recursive: true, mode: 0o700 });
  const started: Child[] = [];
  try {
    return await launch(request, started);
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

async function launch(request: TpmRequest, started: Child[]): Promise<Tpm> {
  const { folder } = request;
  const { swtpm, port } = await startSwtpm(folder, started);
  const dbusAddress = `unix:abstract=/causeway-bench-${randomBytes(8).toString("hex")}`;
  const dbus = await startDbus(folder, dbusAddress);
  started.push(dbus);
  const resourceManager = await startResourceManager(folder, port, dbusAddress);
  started.push(resourceManager);
  const tcti = "tabrmd:bus_type=session";
  const storeDir = join(folder, "store");
  const environment = {
    DBUS_SESSION_BUS_ADDRESS: dbusAddress,
    TPM2TOOLS_TCTI: tcti,
    TPM2_PKCS11_TCTI: tcti,
    TPM2_PKCS11_STORE: storeDir,
    // The TSS logs through this variable; an absent optional TCTI is not worth a line.
    TSS2_LOG: "all+error",
  };
  await answering(environment, [swtpm, dbus, resourceManager], folder);
  const labels = { tokenLabel: request.tokenLabel ?? "causeway", keyLabel: request.keyLabel ?? "device" };
  const token = await createToken({ folder, storeDir, tcti, environment, ...labels, maker: request.token ?? "agent" });
  return {
    tcti,
    storeDir,
    ...labels,
    ...token,
    dbusAddress,
    environment,
    children: { swtpm, dbus, resourceManager },
    stop: () => stopAll([swtpm, dbus, resourceManager]),
  };
}

/** The library of the Debian package libtpm2-pkcs11-1. */
async function startSwtpm(folder: string, started: Child[]): Promise<{ readonly swtpm: Child; readonly port: number }> {
  const stateDir = join(folder, "swtpm");
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const logFile = join(folder, "swtpm.log");
  for (let attempt = 1; attempt <= PORT_ATTEMPTS; attempt++) {
    // The swtpm TCTI expects the control channel on the next port.
    const port = await freePorts(2);
    const swtpm = await startChild({
      command: "swtpm",
      args: [
        "socket",
        "--tpm2",
        "--tpmstate",
        `dir=${stateDir},mode=0600`,
        "--server",
        `type=tcp,port=${port},bindaddr=127.0.0.1`,
        "--ctrl",
        `type=tcp,port=${port + 1},bindaddr=127.0.0.1`,
        "--flags",
        "not-need-init,startup-clear",
      ],
      logFile,
    });
    started.push(swtpm);
    // It takes one client only, so that a trial connection would be in the way: listening is read from /proc.
    const outcome = await until(
      () => (swtpm.hasEnded() ? "ended" : listens(port) && listens(port + 1) ? "ready" : undefined),
      {
        what: "swtpm listens",
        timeoutMs: START_TIMEOUT_MS,
      },
    );
    if (outcome === "ready") return { swtpm, port };
  }
  throw new Error(`swtpm did not start: ${readFileSync(logFile, "utf8").slice(-1000)}`);
}

/** Whether a TCP socket of this machine listens on the port (state 0A in /proc/net/tcp, proc(5)). */
function listens(port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .some((fields) => fields[1]?.endsWith(suffix) === true && fields[3] === "0A");
}

async function startDbus(folder: string, address: string): Promise<Child> {
  const configFile = join(folder, "dbus.conf");
  writeFileSync(configFile, dbusConfigOf(address), { mode: 0o600 });
  let lines = 0;
  const dbus = await startChild({
    command: "dbus-daemon",
    args: [`--config-file=${configFile}`, "--nofork", "--nopidfile", "--print-address"],
    logFile: join(folder, "dbus.log"),
    onLine: () => {
      lines += 1;
    },
  });
  await until(() => (lines > 0 || dbus.hasEnded() ? true : undefined), {
    what: "dbus-daemon prints its address",
    timeoutMs: START_TIMEOUT_MS,
  });
  return dbus;
}

/** A session bus that starts no services and lets in only its own user (EXTERNAL, no allow for others). */
function dbusConfigOf(address: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>${address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;
}

async function startResourceManager(folder: string, port: number, dbusAddress: string): Promise<Child> {
  return await startChild({
    command: "tpm2-abrmd",
    args: ["--session", "--allow-root", "--logger=stdout", `--tcti=swtpm:host=127.0.0.1,port=${port}`],
    environment: {
      DBUS_SESSION_BUS_ADDRESS: dbusAddress,
      PATH: `${process.env.PATH ?? ""}:/usr/sbin`,
      G_MESSAGES_DEBUG: undefined,
    },
    logFile: join(folder, "tpm2-abrmd.log"),
  });
}

async function answering(environment: ToolEnvironment, children: readonly Child[], folder: string): Promise<void> {
  const probe = async (): Promise<true | undefined> => {
    if (children.some((child) => child.hasEnded()))
      throw new Error(`the TPM bench ended while starting; logs: ${folder}`);
    return await runTool({ command: "tpm2_getrandom", args: ["--hex", "4"], environment }).then(
      () => true as const,
      () => undefined,
    );
  };
  await until(probe, { what: "the TPM answers", timeoutMs: START_TIMEOUT_MS, everyMs: 50 });
}

/** In reverse order of their need: the resource manager lets go of the TPM before it goes. */
async function stopAll(children: readonly Child[]): Promise<void> {
  for (const child of children.toReversed()) await child.stop();
}
