import { randomUUID } from "node:crypto";
import { Command, Option } from "commander";
import { wholeNumber } from "../agent/cli/whole-number.ts";
import { AgentError, EXIT, FAULTS } from "../agent/core/errors.ts";
import { keyId } from "../agent/core/signatures.ts";
import { ARTIFACT_KINDS, judgeManifest } from "../agent/updates/trust/manifest.ts";
import { rotateRoot, type TrustRoot } from "../agent/updates/trust/trust-root.ts";
import { signedCommand } from "./signing/command.ts";
import {
  addSignature,
  describeArtifact,
  makeManifest,
  makeRoot,
  type RootPlan,
  readRoot,
  readSignatures,
} from "./signing/documents.ts";
import { makeKey, readInput, readPassphrase, readPublicKey, signWith, writeNew } from "./signing/key-files.ts";

const ROOT = `root new root.1.json --root-key root-a.pem.pub \\
      --release-key release-a.pem.pub --expires 2028-01-01T00:00:00Z`;
const MANIFEST = `manifest manifest.json --component agent \\
      --release 1.4.0 --sequence-number 14 --expires 2027-01-01T00:00:00Z \\
      --hardware gateway-2 --agent-at-least 1.0.0 \\
      --artifact agent:1.4.0:causeway-1.4.0-arm64.tar.gz`;
const COMMAND = `command lock.json --key operations.pem \\
      --key-name operations-2026 --thing truck-0001 > signed.json`;

const GUIDE = `
Typical use; release-a.pem is made as root-a.pem is, on another machine,
root.1.json is what vehicles pin, and signatures are in FILE.sig:
  causeway-sign key new root-a.pem --algorithm ed25519
  causeway-sign ${ROOT}
  causeway-sign sign root.1.json --key root-a.pem
  causeway-sign ${MANIFEST}
  causeway-sign sign manifest.json --key release-a.pem
  causeway-sign verify manifest.json --root root.1.json --hardware gateway-2
  causeway-sign ${COMMAND}

A key in a hardware module signs the file itself (openssl dgst -sha256 -sign, or
pkeyutl -rawin); "attach" takes that signature in. Signatures are detached and
cover the exact bytes of the file, which is canonical JSON (RFC 8785): do not
format it.

Exit codes: 0 ok, 1 not trusted, 64 usage, 65 bad input.`;

const program = new Command("causeway-sign")
  .description("keys, trust roots, manifests, commands and their signatures, for the release engineer")
  .addHelpText("after", GUIDE)
  .showSuggestionAfterError();

const key = program.command("key").description("signing keys");
key
  .command("new <file>")
  .description("make a key pair: FILE (private, 0600) and FILE.pub; prints the key's id")
  .addHelpText("after", examples("key new root-a.pem", "key new release-a.pem --algorithm ecdsa-p256"))
  .addOption(new Option("--algorithm <name>", "kind of key").choices(["ed25519", "ecdsa-p256"]).default("ed25519"))
  .option("--passphrase-file <file>", "encrypt the private key with the first line of this file")
  .action((file: string, { algorithm, passphraseFile }: { algorithm: string; passphraseFile?: string }) => {
    const kind = algorithm === "ed25519" ? "ed25519" : "es256";
    say(makeKey(file, kind, readPassphrase(passphraseFile)).id);
  });
key
  .command("id <file>")
  .description("print the id of a public key")
  .addHelpText("after", examples("key id root-a.pem.pub"))
  .action((file: string) => say(readPublicKey(file).id));

type RootOptions = {
  readonly rootKey: readonly string[];
  readonly rootThreshold: number;
  readonly releaseKey: readonly string[];
  readonly releaseThreshold: number;
  readonly expires: string;
  readonly revoke: readonly string[];
};

const root = program.command("root").description("trust roots: who may sign what");
withRootOptions(root.command("new <file>"))
  .description("write root 1, unsigned")
  .addHelpText("after", examples(ROOT))
  .action((file: string, options: RootOptions) => writeNew(file, makeRoot(planOf(options), undefined)));
withRootOptions(root.command("rotate <previous> <file>"))
  .description("write the root after PREVIOUS, unsigned; sign it with the root keys of both")
  .addHelpText(
    "after",
    examples(`root rotate root.1.json root.2.json \\
      --root-key root-b.pem.pub --release-key release-b.pem.pub \\
      --expires 2029-01-01T00:00:00Z`),
  )
  .action((previous: string, file: string, options: RootOptions) =>
    writeNew(file, makeRoot(planOf(options), readRoot(previous))),
  );
root
  .command("verify <first> [later...]")
  .description("check a chain of roots: each signed by the root keys of the one before it and its own")
  .addHelpText("after", examples("root verify root.1.json root.2.json"))
  .action((first: string, later: readonly string[]) => {
    const { document, keys } = later.reduce(rotated, readRoot(first));
    say(`root ${document.version}: good: ${keys.size} keys, expires ${document.expires}`);
  });

program
  .command("manifest <file>")
  .description("write a manifest, unsigned")
  .addHelpText("after", examples(MANIFEST))
  .requiredOption("--component <name>", "what is updated, for example agent")
  .requiredOption("--release <version>", "version for people")
  .requiredOption(
    "--sequence-number <number>",
    "sequence number of the release; grows with every release of the component",
    wholeNumber,
  )
  .requiredOption("--expires <time>", "RFC 3339, UTC")
  .requiredOption("--hardware <name...>", "hardware it fits")
  .requiredOption("--agent-at-least <version>", "oldest agent that can install it")
  .option("--agent-below <version>", "first agent that cannot")
  .option("--requires <component:number...>", "what must be installed already", [])
  .requiredOption(
    "--artifact <kind:version:file...>",
    `kind: ${ARTIFACT_KINDS.join(", ")}; exec@HANDLER names the program on the vehicle's list`,
  )
  .action(
    async (
      file: string,
      options: {
        readonly component: string;
        readonly release: string;
        readonly sequenceNumber: number;
        readonly expires: string;
        readonly hardware: readonly string[];
        readonly agentAtLeast: string;
        readonly agentBelow?: string;
        readonly requires: readonly string[];
        readonly artifact: readonly string[];
      },
    ) => {
      const artifacts = [];
      for (const given of options.artifact) artifacts.push(await describeArtifact(given));
      const { component, release, sequenceNumber, expires, hardware, agentAtLeast, agentBelow } = options;
      const requires = options.requires.map((given) => {
        const [name, least] = given.split(":");
        return { component: name, sequenceNumber: Number(least) };
      });
      const agent = { atLeast: agentAtLeast, ...(agentBelow === undefined ? {} : { below: agentBelow }) };
      const head = {
        type: "causeway.manifest",
        schemaVersion: 1,
        component,
        version: release,
        sequenceNumber,
        expires,
      } as const;
      writeNew(file, makeManifest({ ...head, hardware, agent, requires, artifacts }));
    },
  );

program
  .command("sign <file>")
  .description("sign the bytes of a root or a manifest; adds to FILE.sig")
  .addHelpText("after", examples("sign manifest.json --key release-a.pem"))
  .requiredOption("--key <file>", "private key, PEM")
  .option("--passphrase-file <file>", "first line opens the key")
  .action((file: string, options: { readonly key: string; readonly passphraseFile?: string }) => {
    const { key: signer, value } = signWith(options.key, readPassphrase(options.passphraseFile), readInput(file));
    addSignature(file, signer, value);
    say(signer.id);
  });

program
  .command("attach <file>")
  .description("add a signature made elsewhere (DER for ECDSA, 64 bytes for Ed25519) to FILE.sig")
  .addHelpText(
    "after",
    examples(`attach manifest.json --public-key release-a.pem.pub \\
      --signature raw.sig`),
  )
  .requiredOption("--public-key <file>", "public key, PEM")
  .requiredOption("--signature <file>", "the raw signature")
  .action((file: string, options: { readonly publicKey: string; readonly signature: string }) => {
    const signer = readPublicKey(options.publicKey);
    addSignature(file, signer, Buffer.from(readInput(options.signature)).toString("base64"));
    say(signer.id);
  });

type CommandOptions = {
  readonly key: string;
  readonly keyName: string;
  readonly thing?: string;
  readonly counter?: number;
  readonly seconds: number;
  readonly passphraseFile?: string;
};

program
  .command("command <file>")
  .description("sign a remote command (JSON) for a test; prints it whole, for causeway commands run or a topic")
  .addHelpText("after", examples(COMMAND))
  .requiredOption("--key <file>", "private key, PEM")
  .requiredOption("--key-name <name>", "what the policy of the vehicle calls the key")
  .option("--thing <name>", "whom it is for, where the request does not say it")
  .option("--counter <number>", "above those that the key has used (default: ms since 1970)", wholeNumber)
  .option("--seconds <time>", "how long it counts", wholeNumber, 60)
  .option("--passphrase-file <file>", "first line opens the key")
  .action((file: string, { key: keyFile, keyName, thing, counter, seconds, passphraseFile }: CommandOptions) => {
    const nowMs = Date.now();
    const defaults = { id: randomUUID(), thing, nowMs, lifeMs: seconds * 1000, counter: counter ?? nowMs };
    const request = { file, text: new TextDecoder().decode(readInput(file)), key: keyName };
    const sign = (text: Uint8Array): string => signWith(keyFile, readPassphrase(passphraseFile), text).value;
    say(JSON.stringify(signedCommand(request, defaults, sign)));
  });

program
  .command("verify <file>")
  .description("judge a manifest as a vehicle would on which nothing is installed")
  .addHelpText(
    "after",
    examples(`verify manifest.json --root root.1.json \\
      --next root.2.json --hardware gateway-2`),
  )
  .requiredOption("--root <file>", "the root that is pinned")
  .option("--next <file...>", "later roots, in order", [])
  .requiredOption("--hardware <name>", "the vehicle's hardware")
  .option("--agent <version>", "the agent's version", "999999999.0.0")
  .action(verifyFile);

function examples(...calls: readonly string[]): string {
  return ["", calls.length > 1 ? "Examples:" : "Example:", ...calls.map((call) => `  causeway-sign ${call}`)].join(
    "\n",
  );
}

function withRootOptions(command: Command): Command {
  return command
    .requiredOption("--root-key <file...>", "public keys that sign roots")
    .option("--root-threshold <number>", "how many of them must sign", wholeNumber, 1)
    .requiredOption("--release-key <file...>", "public keys that sign manifests")
    .option("--release-threshold <number>", "how many of them must sign", wholeNumber, 1)
    .requiredOption("--expires <time>", "RFC 3339, UTC")
    .option("--revoke <key...>", "ids or public keys that sign nothing any more", []);
}

function planOf(options: RootOptions): RootPlan {
  return {
    expires: options.expires,
    rootKeys: options.rootKey.map(readPublicKey),
    rootThreshold: options.rootThreshold,
    releaseKeys: options.releaseKey.map(readPublicKey),
    releaseThreshold: options.releaseThreshold,
    revoked: options.revoke.map((given) => (keyId.safeParse(given).success ? given : readPublicKey(given).id)),
  };
}

type VerifyOptions = {
  readonly root: string;
  readonly next: readonly string[];
  readonly hardware: string;
  readonly agent: string;
};

function verifyFile(file: string, { root: pinned, next, hardware, agent }: VerifyOptions): void {
  const verdict = judgeManifest(readInput(file), readSignatures(file), {
    root: next.reduce(rotated, readRoot(pinned)),
    wallUs: Date.now() * 1000,
    clockQuality: "ntp",
    hardware,
    agentVersion: agent,
    installed: [],
    kinds: ARTIFACT_KINDS,
    handlers: undefined,
  });
  if (verdict.kind === "rejected") throw notTrusted(file, `${verdict.reason}: ${verdict.detail}`);
  const { component, version, sequenceNumber, artifacts } = verdict.manifest;
  say(`${file}: good: ${component} ${version}, sequence number ${sequenceNumber}, digest ${verdict.digest}`);
  for (const { name, kind, sizeBytes } of artifacts) say(`  ${kind} ${name}, ${sizeBytes} bytes`);
}

function rotated(current: TrustRoot, file: string): TrustRoot {
  const next = rotateRoot(current, readInput(file), readSignatures(file));
  if (typeof next === "string") throw notTrusted(file, next);
  return next;
}

function notTrusted(file: string, why: string): AgentError {
  return new AgentError("update.refused", { what: `${file}: ${why}`, remedy: "have it made and signed anew" });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  program.exitOverride();
  await program.parseAsync();
} catch (thrown) {
  process.exitCode = reported(thrown);
}

function reported(thrown: unknown): number {
  if (thrown instanceof AgentError) {
    process.stderr.write(`causeway-sign: ${thrown.message}\n  remedy: ${thrown.remedy}\n`);
    return FAULTS[thrown.code].exit;
  }
  if (thrown instanceof Error && "exitCode" in thrown) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
  throw thrown;
}
