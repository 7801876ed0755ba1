import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { encrypterOf, wrappingPair } from "../../fakes/telemetry/encryption.ts";
import { encoderOf, idOf, logOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const pair = wrappingPair();
const table = tableOf([{ name: "Engine", signals: [{ name: "Speed", bits: 16 }] }]);
const encoder = encoderOf(table, { compression: "zstd" }, encrypterOf(pair));
const [draft] = encoder.samples(logOf(table, [{ signal: 0, timeUs: 1_767_225_600_000_000, raw: 4711 }]), []);
const [tableDraft] = encoder.table();

/** A folder with a record, its table, and both after each other as delimited and as lines; with the key and another. */
function received(): string {
  const folder = temporaryFolder();
  const payloads = [tableDraft.seal(idOf(1, "event")), draft.seal(idOf(9))];
  const delimited = payloads.flatMap((payload) => [
    Buffer.from([(payload.length & 0x7f) | 0x80, payload.length >> 7]),
    payload,
  ]);
  const files = {
    "private.pem": pair.privateKey,
    "other.pem": wrappingPair().privateKey,
    "record.bin": Buffer.concat([payloads[1], Buffer.from("\n")]),
    "table.bin": payloads[0],
    "stream.bin": Buffer.concat(delimited),
    "lines.txt": payloads.map((payload) => `${Buffer.from(payload).toString("hex")}\n`).join(""),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content, { mode: 0o600 });
  return folder;
}

describe("causeway records decode --key", () => {
  it.each([[["--table", "table.bin", "record.bin"]], [["stream.bin"]], [["lines.txt"]]])(
    "reads what is encrypted for the key: %j",
    async (names) => {
      const folder = received();
      const args = names.map((name) => (name.startsWith("-") ? name : join(folder, name)));
      const { stdout, stderr } = await runCli(["records", "decode", "--key", join(folder, "private.pem"), ...args]);
      expect(stderr).toBe("");
      expect(JSON.parse(stdout)).toMatchObject({ raw: 4711 });
      expect(stdout).toContain("Speed");
    },
  );

  it("says what is missing without it, and what is wrong with another, or with none that it is", async () => {
    const folder = received();
    const decode = async (...key: readonly string[]): Promise<string> => {
      const run = runCli(["records", "decode", ...key, join(folder, "record.bin")]);
      return await run.then(({ stderr, exitCode }) => `${exitCode} ${stderr}`, String);
    };
    expect(await decode()).toMatch(/^65 .*record\.bin: the payload is encrypted\n.*--key FILE/s);
    expect(await decode("--key", join(folder, "other.pem"))).toContain("wrapped for another RSA key");
    expect(await decode("--key", join(folder, "table.bin"))).toContain("the private key cannot be used");
    expect(await decode("--key", join(folder, "absent.pem"))).toContain("no such file");
  });
});
