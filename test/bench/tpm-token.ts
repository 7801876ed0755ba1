import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runPtool, runTool, type ToolEnvironment } from "./tpm-tools.ts";

/** Persistent primary that `tpm2_ptool init` makes in a TPM that has none (its documented default). */
const PRIMARY_HANDLE = "0x81000001";
/** Without "noda" each power cut after a use counts as a wrong guess and in the end locks the TPM. */
const KEY_ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|decrypt|noda";

/** Where the token goes and what it is called. */
export type TokenRequest = {
  readonly folder: string;
  readonly storeDir: string;
  readonly environment: ToolEnvironment;
  readonly tokenLabel: string;
  readonly keyLabel: string;
};

/** What a user of the token needs besides its labels. */
export type Token = { readonly pinFile: string; readonly publicKeyPem: string };

/**
 * Makes a PKCS#11 token with one EC P-256 key that is born in the TPM, or gives the one that `folder` holds already.
 *
 * PIN and key authorisation are random, 128 bits each. The seal values that tpm2_ptool derives from them appear for an instant
 * in the argument lists of the tools that it calls itself: fit for a bench on a machine of one's own.
 */
export async function createToken(request: TokenRequest): Promise<Token> {
  const pinFile = join(request.folder, "pin");
  const publicKeyFile = join(request.folder, "device.pub.pem");
  if (!existsSync(publicKeyFile)) await provision(request, pinFile, publicKeyFile);
  return { pinFile, publicKeyPem: readFileSync(publicKeyFile, "utf8") };
}

async function provision(request: TokenRequest, pinFile: string, publicKeyFile: string): Promise<void> {
  const { storeDir, environment, tokenLabel, folder } = request;
  const pin = randomBytes(16).toString("hex");
  mkdirSync(storeDir, { recursive: true, mode: 0o700 });
  await runPtool(["init", "--path", storeDir], environment);
  const officerPin = randomBytes(16).toString("hex");
  await runPtool(
    ["addtoken", "--path", storeDir, "--pid", "1", "--label", tokenLabel, "--userpin", pin, "--sopin", officerPin],
    environment,
  );
  // The token's own seal object is protected against guessing and each hard power cut counts as a guess: with 128 random bits
  // behind the PIN the limit protects nothing and would only lock the TPM.
  await runTool({
    command: "tpm2_dictionarylockout",
    args: ["--setup-parameters", "--max-tries=4294967295", "--recovery-time=1", "--lockout-recovery-time=1"],
    environment,
  });
  await addKey(request, pin, publicKeyFile);
  // tpm2_ptool leaves its database readable for everybody.
  for (const name of readdirSync(storeDir)) chmodSync(join(storeDir, name), 0o600);
  writeFileSync(pinFile, pin, { mode: 0o600 });
  rmSync(join(folder, "key"), { recursive: true });
}

async function addKey(request: TokenRequest, pin: string, publicKeyFile: string): Promise<void> {
  const { storeDir, environment, tokenLabel, keyLabel } = request;
  const folder = join(request.folder, "key");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const auth = randomBytes(16).toString("hex");
  // The authorisation goes through stdin ("file:-"), so that no argument list shows it.
  const key = ["-u", "key.pub", "-r", "key.priv"];
  await runTool({
    command: "tpm2_create",
    args: ["-C", PRIMARY_HANDLE, "-G", "ecc", "-a", KEY_ATTRIBUTES, "-p", "file:-", ...key],
    environment,
    input: auth,
    folder,
  });
  const context = join(folder, "key.ctx");
  await runTool({ command: "tpm2_load", args: ["-C", PRIMARY_HANDLE, ...key, "-c", context], environment, folder });
  await runPtool(
    [
      "link",
      "--path",
      storeDir,
      "--label",
      tokenLabel,
      "--key-label",
      keyLabel,
      "--userpin",
      pin,
      "--auth",
      auth,
    ].concat([join(folder, "key.pub"), join(folder, "key.priv")]),
    environment,
  );
  await runTool({
    command: "tpm2_readpublic",
    args: ["-c", context, "-f", "pem", "-o", publicKeyFile],
    environment,
  });
}
