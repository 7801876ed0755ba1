import { writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readOsRelease } from "../../../../drivers/os/os-release.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

describe("readOsRelease", () => {
  it.each([
    ['NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\n', "Debian GNU/Linux 13 (trixie)"],
    ["PRETTY_NAME='Yocto $x'\n", "Yocto $x"],
    ["ID=a\nPRETTY_NAME=Alpine\n", "Alpine"],
    ['PRETTY_NAME="a \\"b\\" \\$c"\n', 'a "b" $c'],
    ['PRETTY_NAME="open\n', '"open'],
    ["VERSION=1\n", "Linux"],
    ["", "Linux"],
  ])("reads the name of %j", (text, name) => {
    const file = join(temporaryFolder(), "os-release");
    writeFileSync(file, text);
    expect(readOsRelease(file)).toEqual({ name, kernel: release() });
  });

  it("has a name where there is no file", () => {
    expect(readOsRelease(join(temporaryFolder(), "none")).name).toBe("Linux");
  });
});
