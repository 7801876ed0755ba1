import { z } from "zod";
import { ecuShape } from "./ecu.ts";
import { ecuProblems, repeated } from "./ecu-problems.ts";

const ecu = ecuShape.superRefine((one, context) => {
  for (const { path, message } of ecuProblems(one)) context.addIssue({ code: "custom", path: [...path], message });
});

/** Control units that are spoken to with UDS: addresses, data identifiers, trouble codes, routines. */
export const ecuCatalogue = z
  .strictObject({ schemaVersion: z.literal(1), ecus: z.array(ecu).min(1).max(64) })
  .superRefine(({ ecus }, context) => {
    for (const path of repeated(ecus, ({ name }) => name)) {
      context.addIssue({ code: "custom", path: ["ecus", path, "name"], message: `${ecus[path].name} is there twice` });
    }
  });
