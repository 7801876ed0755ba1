import { describe, expect, it } from "vitest";
import { configJsonSchema } from "../../../config/example.ts";
import { BENCH_IDENTITY, EVERYTHING } from "../../../config/example-values.ts";
import { copiedFiles, fromCopy, resolvePaths } from "../../../config/paths.ts";
import { agentConfig } from "../../../config/schema.ts";

/** A field that is called like a path, or as long as one may be (PATH_MAX of Linux). */
const PATH_NAME = /(?:[fF]ile|[dD]ir|[pP]rogram|[fF]older|[pP]ath|module)$/;
const PATH_MAX = 4096;
/** What the dynamic linker looks for by itself (dlopen(3)). */
const LIBRARY_NAME = /^[\w.+-]+\.so[\w.]*$/;

const WHOLE = [
  { name: "with the TPM", values: EVERYTHING },
  { name: "on a bench", values: { ...EVERYTHING, bench: true, identity: BENCH_IDENTITY } },
] as const;

/** "a.b.c" of the fields that are paths, as the published JSON Schema describes them. */
function pathFields(schema: unknown, at: readonly string[] = []): readonly string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const words: readonly (readonly [string, unknown])[] = Object.entries(schema);
  return words.flatMap(([word, below]) => {
    if (typeof below !== "object" || below === null) return [];
    if (word === "items") return pathFields(below, at);
    if (["anyOf", "oneOf", "allOf"].includes(word)) return Object.values(below).flatMap((one) => pathFields(one, at));
    if (word !== "properties") return [];
    const fields: readonly (readonly [string, unknown])[] = Object.entries(below);
    return fields.flatMap(([key, field]) =>
      isPathField(key, field) ? [[...at, key].join(".")] : pathFields(field, [...at, key]),
    );
  });
}

function isPathField(key: string, field: unknown): boolean {
  if (typeof field !== "object" || field === null || !("type" in field) || field.type !== "string") return false;
  return PATH_NAME.test(key) || ("maxLength" in field && field.maxLength === PATH_MAX);
}

/** The fields of that name in a value, lists left out of the name. */
function textsAt(value: unknown, [key, ...rest]: readonly string[]): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => textsAt(item, key === undefined ? [] : [key, ...rest]));
  if (key === undefined) return typeof value === "string" ? [value] : [];
  const below: unknown = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  return textsAt(below, rest);
}

/** A copy of a value with another text in the fields of that name. */
function withText(value: unknown, at: readonly string[], text: string): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => withText(item, at, text));
  const [key, ...rest] = at;
  if (key === undefined) return text;
  if (typeof value !== "object" || value === null || !(key in value)) return value;
  const below: unknown = Reflect.get(value, key);
  return { ...value, [key]: withText(below, rest, text) };
}

describe("resolvePaths", () => {
  const fields = [...new Set(pathFields(configJsonSchema()))];

  it("is asked about every field that is a path", () => {
    expect(fields.length).toBeGreaterThan(20);
    expect(fields).toEqual(expect.arrayContaining(["dbc.file", "buses.file", "identity.keyFile", "ota.rootFile"]));
    const shown = fields.filter((field) => WHOLE.some(({ values }) => textsAt(values, field.split(".")).length > 0));
    const defaulted = ["campaigns.folder", "stateDir", "runtimeDir", "identity.module", "identity.storeDir"];
    expect(new Set([...shown, ...defaulted])).toEqual(new Set(fields));
  });

  it.each(fields)("takes %s from the folder of its file, or wants it absolute", (field) => {
    for (const { values } of WHOLE) {
      const at = field.split(".");
      const parsed = agentConfig.safeParse(withText(values, at, "some/where.x"));
      if (!parsed.success) {
        expect(parsed.error.message).toContain("must be an absolute path");
        continue;
      }
      const texts = textsAt(
        resolvePaths(parsed.data, () => "/folder"),
        at,
      );
      expect(texts.filter((text) => !text.startsWith("/") && !LIBRARY_NAME.test(text))).toEqual([]);
      if (textsAt(values, at).length > 0) expect(texts).toContain("/folder/some/where.x");
    }
  });

  it("leaves absolute paths and what it was given as they are", () => {
    const config = agentConfig.parse(EVERYTHING);
    expect(resolvePaths(config, () => "/folder").identity.certificateFile).toBe(
      "/var/lib/causeway/identity/device.pem",
    );
    expect(config).toEqual(agentConfig.parse(EVERYTHING));
  });

  it("asks for each path by the place where it is written", () => {
    const config = agentConfig.parse(EVERYTHING);
    const folders = resolvePaths(config, (at) => `/${at.join("-")}`);
    expect(folders.dbc[0].file).toBe("/dbc-0-file/dbc/vehicle.dbc");
    expect(folders.ota?.download.caFile).toBe("/ota-download-caFile/download-ca.pem");
  });
});

describe("a copy of a configuration", () => {
  const config = resolvePaths(agentConfig.parse(EVERYTHING), () => "/etc/causeway");
  const copied = [
    "dbc/vehicle.dbc",
    "vss-mapping.csv",
    "vss.json",
    "records-key.pem",
    "ca.pem",
    "download-ca.pem",
    "upload-ca.pem",
  ].map((name) => `/etc/causeway/${name}`);

  it("has the files that say what is decoded and whom to trust as broker, and none that says who may act", () => {
    expect(copiedFiles(config)).toEqual(copied);
  });

  it("is read with the copies in place of the files, and lets nobody act", () => {
    const files = new Map([...copied, config.ota?.rootFile ?? ""].map((file, index) => [file, `/copy/${index}`]));
    const {
      dbc,
      vss,
      encode,
      broker,
      commands,
      ota,
      files: uploads,
    } = fromCopy(config, {
      main: "/copy/agent.yaml",
      keptAt: "",
      files,
    });
    const key = encode.encryption?.publicKeyFile;
    const named = [
      dbc[0].file,
      vss?.mappingFile,
      vss?.catalogueFile,
      key,
      broker.caFile,
      ota?.download.caFile,
      uploads?.caFile,
    ];
    expect(named).toEqual([0, 1, 2, 3, 4, 5, 6].map((index) => `/copy/${index}`));
    expect(ota?.rootFile).toBe("/etc/causeway/root.1.json");
    expect(commands?.catalogueFile).toBeUndefined();
    expect(ota?.jobs.handlers).toEqual([]);
    expect(config.ota?.jobs.handlers).toHaveLength(1);
  });
});
