import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkBinaries, checkNoMachinePaths } from "../../../scripts/package.d/binaries.ts";
import type { CommandHelp } from "../../../scripts/package.d/command-tree.ts";
import { manPage } from "../../../scripts/package.d/man-page.ts";
import { runtimePackages } from "../../../scripts/package.d/npm-closure.ts";
import { packagesOf, toJavaScript } from "../../../scripts/package.d/program-files.ts";

const ROOT = join(import.meta.dirname, "../../..");

function inFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "causeway-package-unit-"));
  try {
    work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("toJavaScript", () => {
  it("blanks types out, keeps every line where it was, and points imports to .js", () => {
    const source = `#!/usr/bin/env node\nimport type { A } from "./a.ts";\nimport { b } from "../b.ts";\nexport const c: A = b;\nawait import("./d.ts");\n`;
    const lines = toJavaScript(source).split("\n");
    expect(lines.map((line) => line.trimEnd())).toEqual([
      "",
      "",
      `import { b } from "../b.js";`,
      "export const c    = b;",
      `await import("./d.js");`,
      "",
    ]);
  });
});

describe("packagesOf", () => {
  it("gives the packages of every kind of import, not our files and not Node's modules", () => {
    const script = `import { z } from "zod";\nimport "@scope/pack/deep.js";\nconst a = await import("yaml");\nrequire("ms");\nimport { join } from "node:path";\nimport "./own.js";`;
    expect(packagesOf(script)).toEqual(["zod", "@scope/pack", "yaml", "ms"]);
  });
});

describe("runtimePackages", () => {
  it("follows what is imported and leaves out what only builds it or runs in browsers", () => {
    const names = runtimePackages(ROOT, new Set(["socketcan", "aws-crt", "unix-dgram"])).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["socketcan", "xml2js", "sax", "aws-crt", "unix-dgram", "bindings"]));
    expect(names.filter((name) => ["node-gyp", "nan", "axios", "zod", "commander"].includes(name))).toEqual([]);
  });
});

describe("checkBinaries", () => {
  const toolchain = { cc: "", cxx: "", strip: "", readelf: "readelf" };
  const [amd64, arm64] = ["x64", "arm64"] as const;
  const target = (nodeArch: "x64" | "arm64") =>
    ({
      architecture: nodeArch === "x64" ? "amd64" : "arm64",
      nodeArch,
      triplet: "",
      nodeIntegrity: "",
      emulator: "",
    }) as const;

  it("refuses a binary for another architecture and one that needs a library that Depends does not bring", () => {
    inFolder((folder) => {
      copyFileSync("/bin/bash", join(folder, "bash"));
      const [own, other] = process.arch === "x64" ? [amd64, arm64] : [arm64, amd64];
      expect(() => checkBinaries(folder, target(other), toolchain)).toThrow("bash is not for");
      expect(() => checkBinaries(folder, target(own), toolchain)).toThrow("bash needs libtinfo.so.6");
    });
  });

  it("refuses a file that names the checkout", () => {
    inFolder((folder) => {
      writeFileSync(join(folder, "a.node"), `\0${ROOT}/drivers/x.c\0`);
      expect(() => checkNoMachinePaths(folder, ROOT)).toThrow(`a.node names ${ROOT}`);
    });
  });
});

describe("manPage", () => {
  it("protects what the man macros would read as their own", () => {
    const verb: CommandHelp = {
      path: ["can", "dump"],
      description: "show --all of C:\\x",
      arguments: [],
      options: [],
      after: ".hidden\n'quoted",
      commands: [],
    };
    const tree = { ...verb, path: [], commands: [verb], after: "" };
    const page = manPage({ template: "@VERSION@ @DATE@\n@COMMANDS@\n", tree, version: "1.2.3", date: "2026-11-23" });
    expect(page).toBe(
      `1.2.3 2026-11-23\n.SS "can dump"\nShow \\-\\-all of C:\\ex.\n.PP\n.nf\n\\&.hidden\n\\&'quoted\n.fi\n`,
    );
  });
});
