import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { heldFiles } from "../../drivers/os/upload/held-files.ts";
import { temporaryFolder } from "../fakes/core/folder.ts";
import { FakeHeldFiles } from "../fakes/ports/held-files.ts";
import { heldFilesContract } from "./held-files.suite.ts";

heldFilesContract("fake", () => {
  const files = new FakeHeldFiles();
  return {
    files,
    write: (name, content) => {
      files.disk.set(name, content);
      return name;
    },
    remove: (path) => void files.disk.delete(path),
    read: (path) => files.held.get(path) ?? new Uint8Array(),
    reopen: () => new FakeHeldFiles(files.disk, files.held),
    close: () => undefined,
  };
});

heldFilesContract("driver", () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "disk"));
  const held = join(folder, "held");
  return {
    files: heldFiles(held),
    write: (name, content) => {
      const path = join(folder, "disk", name);
      writeFileSync(path, content);
      return path;
    },
    remove: (path) => rmSync(path),
    read: (path) => readFileSync(path),
    reopen: () => heldFiles(held),
    close: () => undefined,
  };
});
