import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import type { CommandHelp } from "../../../agent/cli/help/command-tree.ts";
import { manPage } from "../../../agent/cli/help/man-page.ts";
import { checkBinaries, checkNoMachinePaths } from "../../../scripts/packaging/binaries.ts";
import { readCommandTree } from "../../../scripts/packaging/command-tree.ts";
import { bundleDaemon } from "../../../scripts/packaging/daemon-bundle.ts";
import { DOCUMENTS, documentOf } from "../../../scripts/packaging/debian-files.ts";
import { runtimePackages } from "../../../scripts/packaging/npm-closure.ts";
import { packedDocument } from "../../../scripts/packaging/packed-document.ts";
import { bundle } from "../../../scripts/packaging/program-files.ts";

const ROOT = join(import.meta.dirname, "../../..");

function inFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "causeway-package-unit-"));
  try {
    work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("bundleDaemon", () => {
  it("has all that each start loads in one file, and nothing in it of what is off by default or of other verbs", async () => {
    const folder = mkdtempSync(join(tmpdir(), "causeway-bundle-"));
    try {
      const chunks = await bundleDaemon(ROOT, folder);
      const byName = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
      const loaded = new Set<string>();
      const waiting = ["daemon.cjs"];
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
        if (!byName.has(name) || loaded.has(name)) continue;
        loaded.add(name);
        waiting.push(...(byName.get(name)?.imports ?? []));
      }
      expect([...loaded].sort()).toEqual(["daemon-always.cjs", "daemon-rolldown-runtime.cjs", "daemon.cjs"]);
      const modules = [...loaded].flatMap((name) => byName.get(name)?.moduleIds ?? []);
      const ours = modules.filter((id) => !id.includes("/node_modules/")).map((id) => relative(ROOT, id));
      expect(ours).toContain("agent/daemon/compose.ts");
      const OFF =
        /^agent\/(files|tunnels|programs|metrics|fleetwise|ui)\/|^agent\/cli\/verbs\/(?!run)|^agent\/daemon\/compose-(files|tunnels|programs|metrics|place|diagnostics)/;
      expect(ours.filter((path) => OFF.test(path))).toEqual([]);
      // aws-crt and better-sqlite3 would look for their libraries, the one by a process of ldd.
      const code = byName.get("daemon-always.cjs")?.code ?? "";
      expect(code).toMatch(/awaitEarlyLibrary\(\);\s+exports\.default = require\(`[^`]+\/aws-crt-nodejs\.node`\)/);
      expect(code).toContain("function awaitEarlyLibrary()");
      expect(byName.get("daemon.cjs")?.code.indexOf("beginLibrary(")).toBeLessThan(
        byName.get("daemon.cjs")?.code.indexOf("./daemon-always.cjs") ?? 0,
      );
      expect(code).not.toContain(`spawnSync("ldd"`);
      expect(code).not.toContain("getPrebuildPath");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("bundle", () => {
  const bundled = async (files: Readonly<Record<string, string>>) => {
    const folder = mkdtempSync(join(tmpdir(), "causeway-bundle-"));
    try {
      for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
      const chunks = await bundle({ main: join(folder, "main.ts") }, join(folder, "out"));
      return chunks.map(({ fileName, imports, code }) => ({ fileName, imports, code }));
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it("joins what is always needed, leaves apart what is loaded on demand, and native packages where they are", async () => {
    const chunks = await bundled({
      "main.ts": `import { native } from "pkcs11js";\nimport { always } from "./always.ts";\nconst { late } = await import("./late.ts");\nconsole.log(native, always(), late());`,
      "always.ts": "export function always(): number { return Math.random(); }",
      "late.ts": "export function late(): number { return Math.random(); }",
    });
    expect(chunks.map(({ fileName }) => fileName)).toEqual(["main.js", "late.js"]);
    expect(chunks[0]?.imports).toEqual(["pkcs11js"]);
    expect(chunks[0]?.code).toMatch(/function always\(\) \{/);
    expect(chunks[1]?.code).toMatch(/function late\(\) \{/);
  });

  it("refuses what is imported and not there", async () => {
    await expect(bundled({ "main.ts": `import "./gone.ts";` })).rejects.toThrow(/gone\.ts/);
    await expect(bundled({ "main.ts": `import "no-such-package";` })).rejects.toThrow(/no-such-package/);
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
    expect(page).toBe(`1.2.3 2026-11-23\n.SS "can dump"\nShow \\-\\-all of C:\\ex.\n.PP\n\\&.hidden\n\\&'quoted\n`);
  });

  it("fits in 80 columns, its examples too", async () => {
    const page = manPage({
      template: "@COMMANDS@\n",
      tree: await readCommandTree("0"),
      version: "0",
      date: "2026-11-23",
    });
    const seen = page
      .replaceAll("\\-", "-")
      .replaceAll("\\(dq", '"')
      .replaceAll(/\\\((?:ti|ha)/g, "~")
      .replaceAll("\\e", "/");
    const kept = [...seen.matchAll(/^\.nf\n([^]*?)^\.fi$/gm)].flatMap(([, lines = ""]) => lines.trimEnd().split("\n"));
    expect(kept.length).toBeGreaterThan(100);
    expect(kept.filter((line) => line.length > 73)).toEqual([]);
  });

  it("breaks a long command between words, never in quotes", () => {
    const word = "x".repeat(40);
    const after = `Example:\n  causeway metrics --json | jq '.${word} | length' > ${word}`;
    const verb = { path: ["v"], description: "d", arguments: [], options: [], after, commands: [] };
    const tree = { ...verb, path: [], commands: [verb], after: "" };
    expect(manPage({ template: "@COMMANDS@\n", tree, version: "", date: "" })).toBe(
      `.SS "v"\nD.\n.PP\nExample:\n.nf\n  causeway metrics \\-\\-json | jq \\e\n     '.${word} | length' > \\e\n     ${word}\n.fi\n`,
    );
  });
});

describe("documents of the package", () => {
  it.each(["README", ...DOCUMENTS.map((name) => `docs/${name}`)])(
    "name nothing that only a checkout has: %s",
    (name) => {
      const text = documentOf(ROOT, name);
      expect(text).not.toMatch(/scripts\/|npm run|\btest\/[\w-]+\//);
      const packed = ["README", ...DOCUMENTS].map((document) => `${document}.md`);
      const targets = [...text.matchAll(/\]\((?:docs\/)?([^):#]+)/g)].map(([, target = ""]) => target);
      expect(targets.filter((target) => target !== "https" && !packed.includes(target))).toEqual([]);
    },
  );

  it("keep the rest, under the names that the package has", () => {
    const text =
      "# A\n\nOne `config/a.yaml`. Two\n`scripts/x` does it. [Three](b.md), [four](c.md#d).\n\n    scripts/x\n    causeway y\n";
    const copies = [["config/a.yaml", "usr/a.yaml"]] as const;
    expect(packedDocument(text, { copies, documents: ["b"] })).toBe(
      "# A\n\nOne `/usr/a.yaml`. [Three](b.md), four.\n\n    causeway y\n",
    );
  });
});
