import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { catalogueSchema } from "../../../config/catalogue.ts";
import { loadConfigFile, loadYamlFile } from "../../../config/load.ts";
import { policySchema } from "../../../config/policy.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

const CONFIG = join(import.meta.dirname, "../../../config");

function fileOf(content: string): string {
  const file = join(temporaryFolder(), "file.yaml");
  writeFileSync(file, content);
  return file;
}

describe("the policy file", () => {
  it("is shipped as an example that passes", async () => {
    const { value } = await loadYamlFile(join(CONFIG, "policy.example.yaml"), policySchema);
    expect(value.classes).toEqual({ R0: { signature: false }, R1: { signature: true } });
  });

  it.each([
    [
      "an unknown key",
      "schemaVersion: 1\nallow: []\nallows: []\n",
      /file\.yaml:3:1 allows: unknown key; did you mean allow\?/,
    ],
    [
      "a class that always needs a signature",
      "schemaVersion: 1\nallow: []\nclasses: { R3: { signature: false } }\n",
      /file\.yaml:3:12 classes\.R3: unknown key/,
    ],
    [
      "a pattern that is none",
      "schemaVersion: 1\nallow:\n  - action: '*.lock'\n",
      /file\.yaml:3:\d+ allow\[0\]\.action: must be an action's name/,
    ],
    [
      "a key that is none",
      "schemaVersion: 1\nallow: []\nkeys:\n  - { id: a, algorithm: ed25519, publicKey: AAAA }\n",
      /file\.yaml:4:\d+ keys\[0\]\.publicKey: is not a public key/,
    ],
    [
      "a key of another kind",
      "schemaVersion: 1\nallow: []\nkeys:\n  - { id: a, algorithm: es256, publicKey: MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE= }\n",
      /keys\[0\]\.publicKey: is not a key for es256/,
    ],
  ])("names the place of %s", async (_what, content, problem) => {
    await expect(loadYamlFile(fileOf(content), policySchema)).rejects.toThrow(problem);
  });
});

describe("the catalogue file", () => {
  it("is shipped as an example that passes", async () => {
    const { value } = await loadYamlFile(join(CONFIG, "catalogue.example.yaml"), catalogueSchema);
    expect(value.actions.map(({ name }) => name)).toEqual([
      "doors.lock",
      "doors.unlock",
      "horn-and-lights.on",
      "horn-and-lights.off",
      "horn-and-lights",
    ]);
  });

  it("has an entry for another program in the example, for who takes its # away", async () => {
    const content = readFileSync(join(CONFIG, "catalogue.example.yaml"), "utf8").replaceAll(
      /^ {2}# (?=- name| {2})/gm,
      "  ",
    );
    const { value } = await loadYamlFile(fileOf(content), catalogueSchema);
    expect(value.actions.at(-1)).toMatchObject({ name: "cabin.precondition", kind: "program", class: "R2" });
  });

  it("names the place of a mistake", async () => {
    const content = readFileSync(join(CONFIG, "catalogue.example.yaml"), "utf8").replace(
      "maxAgeMs: 2000",
      "maxAge: 2000",
    );
    await expect(loadYamlFile(fileOf(content), catalogueSchema)).rejects.toThrow(
      /file\.yaml:\d+:\d+ actions\[0\]\.condition\.maxAge: unknown key/,
    );
  });
});

describe("the commands section", () => {
  it("does not let the ledger forget what may still be delivered", async () => {
    const file = fileOf(
      stringify({
        thingName: "veh-1",
        bench: true,
        buses: [{ name: "can0", driver: "native", interface: "can0" }],
        broker: { host: "localhost", caFile: "ca.pem", sessionExpirySeconds: 604_800 },
        identity: { mode: "file", certificateFile: "a", keyFile: "b" },
        commands: { policyFile: "policy.yaml", ledger: { keepHours: 169 } },
      }),
    );
    await expect(loadConfigFile(file)).rejects.toThrow(/commands\.ledger\.keepHours: must be at least 170/);
  });
});
