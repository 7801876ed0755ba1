import { z } from "zod";
import { checkSchema, identityCheck, supportCollect } from "./support-schema.ts";
import type { ServedVerb } from "./verb.ts";

/** Where the parts of the agent leave what a support bundle says of them. */
export type SupportHandlerParts = {
  /** One section; undefined where there is none of that name. */
  section(name: string): Promise<unknown>;
  collect(): Promise<{ readonly name: string; readonly content: Uint8Array; readonly sha256: string }>;
};

/** `identity.check` and `support.collect`. Who asks while one is made gets the same. */
export function supportHandlers(support: SupportHandlerParts): readonly ServedVerb[] {
  return [
    identityCheck.answeredBy(async () => {
      const checks = z.array(checkSchema).parse((await support.section("identity")) ?? []);
      return { schemaVersion: 1, checks };
    }),
    supportCollect.answeredBy(async () => {
      const { name, content, sha256 } = await support.collect();
      return { schemaVersion: 1, name, sha256, content: Buffer.from(content).toString("base64") };
    }),
  ];
}
