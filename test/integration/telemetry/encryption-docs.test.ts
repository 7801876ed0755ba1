import { execFile } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { encrypterOf, wrappingPair } from "../../fakes/telemetry/encryption.ts";
import { encoderOf, idOf, logOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const ROOT = join(import.meta.dirname, "../../..");
const run = promisify(execFile);

describe("the example of docs/encryption.md", () => {
  it("decrypts a record with the AWS Encryption SDK, as it is printed", async () => {
    const [, example = ""] = /```ts\n(.*?)```/s.exec(readFileSync(join(ROOT, "docs/encryption.md"), "utf8")) ?? [];
    expect(example.trim().split("\n")).toHaveLength(11);
    const folder = temporaryFolder();
    const pair = wrappingPair();
    const table = tableOf([{ name: "Engine", signals: [{ name: "Speed", bits: 16 }] }]);
    const [draft] = encoderOf(table, { compression: "zstd" }, encrypterOf(pair)).samples(
      logOf(table, [{ signal: 0, timeUs: 1_767_225_600_000_000, raw: 4711 }]),
      [],
    );
    writeFileSync(join(folder, "private.pem"), pair.privateKey, { mode: 0o600 });
    writeFileSync(join(folder, "record.bin"), draft.seal(idOf(9)));
    writeFileSync(join(folder, "decrypt.ts"), example);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const args = ["decrypt.ts", "private.pem", "record.bin", "test-key"];
    const { stdout, stderr } = await run(process.execPath, args, { cwd: folder, encoding: "buffer" });
    expect(createRecordReader(readDescriptor()).decode(stdout)).toMatchObject({ thing: "truck-1", seq: 9 });
    expect(stderr.toString()).toContain("seq: '9'");
  });
});
