import { describe, expect, it } from "vitest";
import { targetsOf } from "../../../scripts/packaging/target.ts";

const namesOf = (named: readonly string[] | undefined, machine: string): readonly string[] =>
  targetsOf(named, machine).map(({ architecture }) => architecture);

describe("targetsOf", () => {
  it("is the machine's own unless another is named, and both for all", () => {
    expect(namesOf(undefined, "x64")).toEqual(["amd64"]);
    expect(namesOf(undefined, "arm64")).toEqual(["arm64"]);
    expect(namesOf(["arm64"], "x64")).toEqual(["arm64"]);
    expect(namesOf(["arm64", "amd64"], "x64")).toEqual(["amd64", "arm64"]);
    expect(namesOf(["all"], "x64")).toEqual(["amd64", "arm64"]);
  });

  it("refuses what there is no package for, and says what there is", () => {
    expect(() => targetsOf(["armhf"], "x64")).toThrow("there is no package for armhf");
    expect(() => targetsOf(undefined, "riscv64")).toThrow("there is no package for riscv64, this machine");
  });
});
