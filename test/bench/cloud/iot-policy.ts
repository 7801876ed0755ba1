import { z } from "zod";

const many = z.union([z.string().transform((one) => [one]), z.array(z.string())]);

/** A policy of AWS IoT as it is attached to a certificate (AWS IoT Core developer guide, AWS IoT Core policies). */
export const iotPolicy = z.strictObject({
  Version: z.literal("2012-10-17"),
  Statement: z.array(
    z.strictObject({
      Effect: z.enum(["Allow", "Deny"]),
      Action: many,
      Resource: many,
      Condition: z
        .strictObject({ Bool: z.strictObject({ "iot:Connection.Thing.IsAttached": z.enum(["true", "false"]) }) })
        .optional(),
    }),
  ),
});
export type IotPolicy = z.infer<typeof iotPolicy>;

/** Who asks: the client id of the connection, and the thing that its certificate is attached to, if it is to one. */
export type Requester = { readonly clientId: string; readonly thing: string | undefined };

/**
 * Whether policies allow an action, evaluated as AWS IoT does: nothing is allowed that no statement allows, and a Deny goes before every
 * Allow. `resource` is what follows the account in the ARN, for example "topicfilter/a/+". In a policy `*` stands for any characters,
 * slashes too, and `?` for one; `+` and `#` are nothing but themselves. A variable that has no value makes its statement count for nothing.
 */
export function allows(
  policies: readonly IotPolicy[],
  action: string,
  resource: string,
  requester: Requester,
): boolean {
  const matching = policies
    .flatMap(({ Statement: statements }) => statements)
    .filter((statement) => statement.Action.includes(action) || statement.Action.includes("iot:*"))
    .filter((statement) => statement.Resource.some((pattern) => matches(pattern, resource, requester)))
    .filter(({ Condition: condition }) => {
      const isAttached = condition?.Bool["iot:Connection.Thing.IsAttached"];
      return isAttached === undefined || isAttached === String(requester.thing !== undefined);
    });
  return matching.length > 0 && matching.every(({ Effect: effect }) => effect === "Allow");
}

function matches(pattern: string, resource: string, { clientId, thing }: Requester): boolean {
  const [, , , , , ...rest] = pattern.replace(/\$\{[^}]*\}/g, (variable) => variable.replaceAll(":", "\0")).split(":");
  const own = rest.join(":").replaceAll("\0", ":");
  // The thing's name is known only to a connection whose client id it is.
  const values = new Map([
    ["iot:ClientId", clientId],
    ["iot:Connection.Thing.ThingName", thing === clientId ? thing : undefined],
  ]);
  let isKnown = true;
  const expression = own.split(/(\$\{[^}]*\}|\*|\?)/).map((part) => {
    if (part === "*") return ".*";
    if (part === "?") return ".";
    const variable = /^\$\{([^}]*)\}$/.exec(part)?.[1];
    if (variable === undefined) return escaped(part);
    const value = values.get(variable);
    if (value === undefined) isKnown = false;
    return escaped(value ?? "");
  });
  return isKnown && new RegExp(`^${expression.join("")}$`, "s").test(resource);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
