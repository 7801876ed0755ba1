import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { exampleConfig } from "../../../config/example.ts";
import { loadConfigFile } from "../../../config/load.ts";

const MINIMAL = `thingName: veh-1
buses:
  - name: can0
    driver: native
    interface: can0
broker:
  host: localhost
  caFile: ca.pem
identity:
  mode: pkcs11
  tokenLabel: t
  keyLabel: k
  certificateFile: /etc/device.pem
`;

describe("loadConfigFile", () => {
  let folder: string;
  let file: string;
  const write = (text: string): void => writeFileSync(file, text);
  const failure = async (): Promise<AgentError> => {
    try {
      await loadConfigFile(file);
    } catch (error) {
      if (error instanceof AgentError) return error;
      throw error;
    }
    throw new Error("the configuration was taken");
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "causeway-config-"));
    file = join(folder, "agent.yaml");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("fills in defaults and takes relative paths from the folder of the file", async () => {
    write(MINIMAL);
    const { config } = await loadConfigFile(file);
    expect(config.broker.caFile).toBe(join(folder, "ca.pem"));
    expect(config.identity.certificateFile).toBe("/etc/device.pem");
    expect(config.collect.batchMs).toBe(1000);
  });

  it("takes the generated example as it stands", async () => {
    write(exampleConfig());
    expect((await loadConfigFile(file)).config.thingName).toBe("truck-0001");
  });

  it("names file, line, column and the nearest known key for an unknown key", async () => {
    write(`${MINIMAL}outbox:\n  maxByte: 5000000\n`);
    const error = await failure();
    expect(error.code).toBe("config.invalid");
    expect(error.message).toBe(`${file}:15:3 outbox.maxByte: unknown key; did you mean maxBytes?`);
    expect(error.remedy).toContain("causeway config validate");
  });

  it("names file, line and column of a value of the wrong type, also in a list", async () => {
    write(MINIMAL.replace("name: can0", "name: 12"));
    expect((await failure()).message).toMatch(new RegExp(`^${file}:3:5 buses\\[0\\]\\.name: .*expected string`));
  });

  it("reports every problem, one a line", async () => {
    write(MINIMAL.replace("thingName: veh-1", "thingName: 'a b'").replace("host: localhost", "host: 3"));
    expect((await failure()).message.split("\n")).toHaveLength(2);
  });

  it("names the place of a YAML mistake", async () => {
    write(`${MINIMAL}outbox: {maxBytes: 1\n`);
    expect((await failure()).message).toMatch(new RegExp(`^${file}:\\d+:\\d+ `));
  });

  it("refuses a key that is written twice", async () => {
    write(`${MINIMAL}thingName: other\n`);
    expect((await failure()).message).toContain(`${file}:14:1`);
  });

  it("refuses a DBC for a bus that is not configured, and says which are", async () => {
    write(`${MINIMAL}dbc:\n  - file: a.dbc\n    buses: [can7]\n`);
    expect((await failure()).message).toContain("unknown bus can7; configured: can0");
  });

  it("refuses a key in a file unless it is a bench", async () => {
    const fileKey = MINIMAL.replace(
      /identity:[\s\S]*/,
      "identity:\n  mode: file\n  certificateFile: c\n  keyFile: k\n",
    );
    write(fileKey);
    expect((await failure()).message).toContain("identity.mode");
    write(`${fileKey}bench: true\n`);
    expect((await loadConfigFile(file)).config.identity.mode).toBe("file");
  });

  it("says of a part of the configuration what mends the whole", async () => {
    write(MINIMAL);
    const part = join(folder, "agent.d", "site.yaml");
    mkdirSync(join(folder, "agent.d"));
    writeFileSync(part, "log:\n  level: info\n---\nbench: true\n");
    const twice = await failure();
    expect(twice.message).toBe(`${part}:3:1 a second document begins here; a file holds one`);
    expect(twice.remedy).toBe("correct the file, then check the whole with: causeway config validate");
    rmSync(part);
    symlinkSync(join(folder, "gone.yaml"), part);
    expect((await failure()).remedy).toContain(`ls -l ${part}`);
  });

  it("merges agent.d in name order and blames the file that holds the mistake", async () => {
    write(MINIMAL);
    mkdirSync(join(folder, "agent.d"));
    writeFileSync(join(folder, "agent.d", "10-site.yaml"), "broker:\n  host: broker.example\n");
    writeFileSync(join(folder, "agent.d", "20-more.yaml"), "broker:\n  port: 443\n");
    const { config } = await loadConfigFile(file);
    expect(config.broker).toMatchObject({ host: "broker.example", port: 443 });
    writeFileSync(join(folder, "agent.d", "20-more.yaml"), "broker:\n  port: none\n");
    expect((await failure()).message).toContain("20-more.yaml:2:3 broker.port");
  });

  it("takes the paths of a layer from its folder, and those that it does not set from the vehicle's", async () => {
    write(`${MINIMAL}dbc:\n  - file: own.dbc\n`);
    const layer = { folder: join(folder, "set"), sections: ["dbc"] };
    mkdirSync(join(layer.folder, "agent.d"), { recursive: true });
    const fileOf = async (text: string) => {
      writeFileSync(join(layer.folder, "agent.d", "set.yaml"), text);
      const { config } = await loadConfigFile(file, { layers: [layer] });
      return [config.dbc[0].file, config.broker.caFile];
    };
    const ca = join(folder, "ca.pem");
    expect(await fileOf("dbc:\n  - file: set.dbc\n")).toEqual([join(layer.folder, "set.dbc"), ca]);
    expect(await fileOf("dbc:\n  - &one {file: set.dbc}\n  - *one\n")).toEqual([join(layer.folder, "set.dbc"), ca]);
    expect(await fileOf("dbc:\n")).toEqual([join(folder, "own.dbc"), ca]);
  });

  it("gives config.missing for a file that is not there", async () => {
    expect((await failure()).code).toBe("config.missing");
  });

  it("refuses text that is not UTF-8 and a file that is too large", async () => {
    writeFileSync(file, Buffer.from([0x61, 0xff, 0xfe]));
    expect((await failure()).message).toContain("not UTF-8");
    writeFileSync(file, Buffer.alloc(1_048_577, 0x20));
    expect((await failure()).message).toContain("more than");
  });

  it("refuses an alias bomb", async () => {
    const bomb = [
      "a: &a [x,x,x,x,x,x,x,x,x]",
      ...["b", "c", "d", "e", "f"].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcde"[i]}`).join(",")}]`),
    ];
    write(bomb.join("\n"));
    expect((await failure()).code).toBe("config.invalid");
  });

  it.each([
    ["keys that are maps, which the parser writes out again and again", "? ".repeat(300), /:1:3 a key must be a word/],
    ["a key that is there twice", "a: 1\nb:\n  c: 1\n  c: 2\n", /:4:3 Map keys must be unique/],
    ["levels beyond the stack", `a: ${"[".repeat(50_000)}`, /:1:\d+ too many levels/],
    ["levels beyond what settings have", `a: ${"[".repeat(70)}${"]".repeat(70)}`, /:1:67 more than 64 levels/],
    [
      "what is no YAML, on a line that the parser does not count",
      "a:\n  - {b: c, d|\n e: {f: 1}}\ng: {h: i, >-\n j: 2}",
      /:5:3 Unexpected map-value/,
    ],
    ["an alias in its own anchor", "a: &a [*a]", /:1:8 no anchor &a stands whole before its alias/],
    ["an alias without an anchor", "a: 1\nb: *a", /:2:4 no anchor &a/],
    ["many aliases", `a: &a 1\nb: [${"*a,".repeat(101)}]`, /:2:305 aliases stand for too much/],
    [
      "an alias of much, again and again",
      `a: &a [${"1,".repeat(2000)}]\nb: [*a,*a,*a,*a,*a,*a]`,
      /:2:20 aliases stand for/,
    ],
  ])("refuses %s, with the place", async (_, text, expected) => {
    write(text);
    expect((await failure()).message).toMatch(expected);
  });

  it("takes time in proportion to the number of keys, and tells the first problems of very many", async () => {
    write(Array.from({ length: 40_000 }, (_, at) => `key${at}: 1`).join("\n"));
    const start = process.cpuUsage();
    const { message } = await failure();
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1e6).toBeLessThan(7);
    expect(message.split("\n").length).toBeLessThan(60);
    expect(message).toMatch(/and \d{5} more problems/);
  });

  it("quotes a long word of a file in part", async () => {
    write(`a: |${"x".repeat(900)}\n  1\n`);
    expect((await failure()).message).not.toContain("x".repeat(400));
  });

  it("cannot be used to reach an object's prototype", async () => {
    write(`${MINIMAL}__proto__:\n  bench: true\n`);
    expect((await failure()).message).toContain("__proto__");
  });
});
