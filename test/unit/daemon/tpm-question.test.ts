import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TpmQuestion } from "../../../agent/daemon/tpm-question.ts";
import { identityConfig } from "../../../config/identity.ts";

const TOKEN = {
  mode: "pkcs11",
  certificateFile: "/c.pem",
  tokenLabel: "causeway",
  keyLabel: "k",
  pinFile: "/pin",
  storeDir: "/s",
};

let folder: string;
let question: TpmQuestion;

/** Each TPM that was asked so far. */
const asked = (): readonly string[] => readFileSync(join(folder, "asked"), "utf8").trim().split("\n");
const identityAt = (tcti: string) => identityConfig.parse({ ...TOKEN, tcti });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "causeway-question-"));
  const program = `#!/bin/sh\necho "$TPM2TOOLS_TCTI" >> ${join(folder, "asked")}\n`;
  writeFileSync(join(folder, "tpm2_getrandom"), program, { mode: 0o755 });
  question = new TpmQuestion({ PATH: `${folder}:/usr/bin:/bin` });
});
afterEach(() => rm(folder, { recursive: true }));

describe("TpmQuestion", () => {
  it("asks a TPM once, and who wants the answer has that of the question", async () => {
    const first = question.ask(identityAt("swtpm:port=1"));
    expect(question.ask(identityAt("swtpm:port=1"))).toBe(first);
    expect(await first?.silence()).toBeUndefined();
    expect(asked()).toEqual(["swtpm:port=1"]);
  });

  it("asks another TPM where other files name one", async () => {
    question.ask(identityAt("swtpm:port=1"));
    expect(await question.ask(identityAt("swtpm:port=2"))?.silence()).toBeUndefined();
    expect(asked()).toContain("swtpm:port=2");
  });

  it("asks nothing where the key is in a file", () => {
    expect(
      question.ask(identityConfig.parse({ mode: "file", certificateFile: "/c.pem", keyFile: "/k.pem" })),
    ).toBeUndefined();
  });
});
