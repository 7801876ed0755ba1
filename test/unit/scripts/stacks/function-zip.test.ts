import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf, makeFunctionZip, zipOf } from "../../../../scripts/stacks/deploy/function-zip.ts";

const SEED = 15;

/** Names and content as Python's zipfile reads them, checked against their sums. */
const READER = `
import base64, json, sys, zipfile
for path in sys.argv[1:]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        print(json.dumps([[i.filename, base64.b64encode(archive.read(i)).decode(), i.external_attr >> 16] for i in archive.infolist()]))
`;

describe("the zip of a function", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "causeway-zip-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (paths: readonly string[]): readonly string[] => {
    const { stdout, stderr, status } = spawnSync("python3", ["-c", READER, ...paths], {
      encoding: "utf8",
      maxBuffer: 1e8,
    });
    if (status !== 0) throw new Error(stderr);
    return stdout.trim().split("\n");
  };

  it(`is read by Python as what went in (seed ${SEED})`, () => {
    const name = fc.stringMatching(/^[a-zäé]{1,8}(\/[a-z]{1,8})?$/);
    const entry = fc.record({ name, content: fc.uint8Array({ maxLength: 5000 }) });
    const entries = fc.uniqueArray(entry, { maxLength: 8, selector: (one) => one.name });
    const samples = fc.sample(entries, { seed: SEED, numRuns: 40 });
    const paths = samples.map((sample, at) => {
      const path = join(folder, `${at}.zip`);
      writeFileSync(path, zipOf(sample));
      return path;
    });
    const expected = samples.map((sample) =>
      sample.map((one) => [one.name, Buffer.from(one.content).toString("base64"), 0o100644]),
    );
    expect(read(paths).map((line): unknown => JSON.parse(line))).toEqual(expected);
  });

  it("holds the companion's code and its page, and has the same bytes and name each time", async () => {
    const [first, second] = [
      await makeFunctionZip(process.cwd(), folder),
      await makeFunctionZip(process.cwd(), folder),
    ];
    expect(second).toBe(first);
    expect(basename(first)).toBe(`companion-${digestOf(readFileSync(first))}.zip`);
    const text = read([first]).join();
    for (const name of ["main.js", "package.json", "page/index.html", "page/page.js"])
      expect(text).toContain(`["${name}"`);
    expect(text).not.toMatch(/\.node"|\.pem"/);
  }, 30_000);
});
