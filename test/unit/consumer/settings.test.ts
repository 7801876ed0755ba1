import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSettings } from "../../../agent/consumer/load-settings.ts";
import { consumerConfig } from "../../../agent/consumer/settings.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

const EXAMPLE = join(import.meta.dirname, "../../../agent/consumer/settings.example.yaml");
const LEAST = "broker: {host: localhost}\nsink: {kind: folder, path: rows}\n";

function fileWith(text: string): string {
  const file = join(temporaryFolder(), "settings.yaml");
  writeFileSync(file, text);
  return file;
}

/** Problems without the name of the file. */
async function problemsOf(text: string): Promise<readonly string[]> {
  const file = fileWith(text);
  return loadSettings(file).then(
    () => [],
    (thrown: unknown) => String(thrown).replace("AgentError: ", "").replaceAll(`${file}:`, "").split("\n"),
  );
}

describe("loadSettings", () => {
  it("takes the example, which shows each section", async () => {
    const { broker, sink } = await loadSettings(EXAMPLE);
    expect(sink).toMatchObject({ kind: "folder", layout: "hive" });
    expect(broker.certificateFile).toBe(join(EXAMPLE, "../worker.pem"));
    const shown = new Set([...readFileSync(EXAMPLE, "utf8").matchAll(/^(?:# )?([a-zA-Z]+):/gm)].map(([, key]) => key));
    expect(Object.keys(consumerConfig.shape).filter((key) => !shown.has(key))).toEqual([]);
  });

  it("takes the least, with what it says by default, and paths from the folder of the file", async () => {
    const file = fileWith(LEAST);
    const config = await loadSettings(file);
    expect(config).toMatchObject({
      group: "causeway",
      slot: "0",
      leaves: false,
      stopSeconds: 20,
      metrics: { host: "127.0.0.1" },
    });
    expect(config.sink).toMatchObject({ path: join(file, "../rows") });
    expect(config.decrypt).toBeUndefined();
  });

  it.each([
    [
      "broker: {host: a, recieveMaximum: 3}\nsink: {kind: folder, path: b}",
      ["1:19 broker.recieveMaximum: unknown key; did you mean receiveMaximum?"],
    ],
    [
      "broker: {host: a, keyFile: k}\nsink: {kind: folder, path: b}",
      ["1:19 broker.keyFile: needs certificateFile beside it"],
    ],
    [
      "broker: {host: a, passwordFile: k}\nsink: {kind: folder, path: b}",
      ["1:19 broker.passwordFile: needs username beside it"],
    ],
    [
      "broker: {host: a, security: none, caFile: c}\nsink: {kind: folder, path: b}",
      ["1:35 broker.caFile: is of no use with security: none; leave one of them out"],
    ],
    [`${LEAST}slot: a/b`, ["3:1 slot: must be 1 to 60 letters, digits, '_', '.', ':' or '-'"]],
    [
      `${LEAST}batch: {count: 101}`,
      ["3:9 batch.count: is more than broker.receiveMaximum (100): such a batch would never be full"],
    ],
    [`${LEAST}topics: {record: "dt/{thing}/x"}`, ["3:10 topics.record: must hold {thing} and {stream}, each once"]],
    [
      `${LEAST}topics: {record: "dt/{thing}/+/{stream}"}`,
      ["3:10 topics.record: must hold neither wildcards nor spaces"],
    ],
    [`${LEAST}topics: {foreign: ["cms/x/signals"]}`, ["3:20 topics.foreign[0]: must hold {thing}, each once"]],
    [
      `${LEAST}topics: {foreign: ["a/{thing}", "dt/causeway/{thing}/telemetry", "a/{thing}"]}`,
      [
        "3:33 topics.foreign[1]: is a topic of records or signal tables, or is there twice",
        "3:66 topics.foreign[2]: is a topic of records or signal tables, or is there twice",
      ],
    ],
    [`${LEAST}slots: 4`, ["3:1 slots: needs sink.kind dynamodb; workers of another store are told their slot"]],
    [`${LEAST}decrypt: {}`, ["3:1 decrypt: holds privateKeyFile or kms, one of them"]],
    ["broker: {host: a}", ["1:1 sink: Invalid input: expected object, received undefined"]],
  ])("says where and what is wrong in %s", async (text, problems) => {
    expect(await problemsOf(text)).toEqual(problems);
  });
});
