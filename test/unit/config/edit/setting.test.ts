import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import { pathText, settingAt } from "../../../../config/edit/setting-path.ts";
import { readSettingValue } from "../../../../config/edit/setting-value.ts";

const valueOf = (path: string, text: string): unknown => readSettingValue(text, settingAt(path));

function remedyOf(path: string): string {
  try {
    settingAt(path);
  } catch (thrown) {
    if (thrown instanceof AgentError) return `${thrown.message}; ${thrown.remedy}`;
  }
  return "known";
}

describe("settingAt", () => {
  it("takes an index in brackets or behind a point", () => {
    expect(settingAt("buses[0].name").path).toEqual(["buses", 0, "name"]);
    expect(settingAt("buses.0.name").path).toEqual(["buses", 0, "name"]);
    expect(pathText(["buses", 0, "name"])).toBe("buses[0].name");
  });

  it.each([
    ["brokr.port", /no brokr; did you mean broker\?/],
    ["broker.prot", /broker has no prot; did you mean broker\.port\?/],
    ["buses[0].nam", /buses\[0\] has no nam; did you mean buses\[0\]\.name\?/],
    ["rootFile", /did you mean ota\.rootFile\?/],
    ["broker[0]", /broker is no list; give one of .*host/],
    ["broker.port.x", /broker\.port has no x/],
    ["", /not the path of a setting/],
    ["broker..port", /not the path of a setting/],
    [".broker", /not the path of a setting/],
    ["broker.", /not the path of a setting/],
    ["__proto__.x", /no __proto__/],
  ])("names what is near to %s", (path, remedy) => {
    expect(remedyOf(path)).toMatch(remedy);
  });
});

describe("readSettingValue", () => {
  it.each([
    ["thingName", "0815", "0815"],
    ["thingName", "true", "true"],
    ["broker.port", "8884", 8884],
    ["bench", "true", true],
    ["collect.batchMs", "5 s", 5000],
    ["collect.batchMs", "1.5min", 90_000],
    ["collect.batchMs", "250", 250],
    ["collect.batchMs", "1.001 s", 1001],
    ["broker.keepAliveSeconds", "2 min", 120],
    ["outbox.maxBytes", "16 MB", 16_000_000],
    ["outbox.maxBytes", "16MiB", 16_777_216],
    ["log.level", "off", "off"],
    ["commands.settable", "[log.level, collect.batchMs]", ["log.level", "collect.batchMs"]],
    [
      "buses[0]",
      "{name: can0, driver: native, interface: can0}",
      { name: "can0", driver: "native", interface: "can0" },
    ],
  ])("reads %s from %s", (path, text, value) => {
    expect(valueOf(path, text)).toEqual(value);
  });

  it.each([
    ["collect.batchMs", "5 MB", /"MB" is no unit of it/],
    ["broker.keepAliveSeconds", "1500 ms", /no whole number of s/],
    ["collect.batchMs", "1.0001 s", /1\.0001 s is no whole number of ms/],
    ["broker.port", "8 s", /it has no unit/],
    ["buses", "[a", /is no YAML/],
    ["buses", "", /there is no value/],
    ["buses", "null", /there is no value/],
  ])("refuses for %s %s", (path, text, what) => {
    expect(() => valueOf(path, text)).toThrow(what);
  });
});
