import { describe, expect, it } from "vitest";
import { messageJson } from "../../../../agent/cli/message-format.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";

const mqtt = (...args: readonly string[]) => runCli(["mqtt", ...args, "--config", "/nonexistent"]);

describe("causeway mqtt sub", () => {
  it.each(["", "a#", "a/#/b", "a/b+", "#/", "$share/g", "$share//a", "$share/+/a"])(
    "refuses %j, which no broker answers",
    async (filter) => {
      await expect(mqtt("sub", filter)).rejects.toMatchObject({ code: "usage.invalid" });
    },
  );

  it.each(["#", "+", "/", "a//b", "a/+/#", "$share/g/a/#", "$aws/things/x"])("takes %j", async (filter) => {
    await expect(mqtt("sub", filter)).rejects.toMatchObject({ code: "config.missing" });
  });

  it("keeps the byte order mark of a payload in JSON", () => {
    const payload = Buffer.from("\ufeffx");
    const message = {
      topic: "a",
      payload,
      contentType: undefined,
      responseTopic: undefined,
      correlationData: undefined,
      messageExpirySeconds: undefined,
      userProperties: [],
    };
    expect(messageJson(message)).toMatchObject({ payload: "\ufeffx", bytes: 4 });
  });
});

describe("causeway mqtt pub", () => {
  it.each(["", "a/#", "a/+/b"])("refuses %j as a topic", async (topic) => {
    await expect(mqtt("pub", topic, "-n")).rejects.toMatchObject({ code: "usage.invalid" });
  });
});
