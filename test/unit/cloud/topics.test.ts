import { describe, expect, it } from "vitest";
import { createTopics } from "../../../agent/cloud/topics.ts";

describe("createTopics", () => {
  const templates = {
    record: "$aws/rules/store/dt/causeway/{thing}/{stream}",
    schema: "dt/causeway/{thing}/schema/{id}",
    presence: "dt/{fleet}/{thing}/presence",
    identity: "dt/{fleet}/{thing}/identity",
  };

  it("fills in thing, stream and table id", () => {
    const topics = createTopics(templates, "veh-001");
    expect(topics.record("telemetry")).toBe("$aws/rules/store/dt/causeway/veh-001/telemetry");
    expect(topics.schema("0123.0")).toBe("dt/causeway/veh-001/schema/0123.0");
    expect(topics.test).toBe("$aws/rules/store/dt/causeway/veh-001/test");
  });

  it("leaves unknown placeholders as they are", () => {
    expect(createTopics(templates, "veh-001").presence).toBe("dt/{fleet}/veh-001/presence");
  });
});
