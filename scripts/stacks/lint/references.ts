import { type Place, type TemplateNode, textOf, walk } from "../template-node.ts";

/** What a template names: a parameter, resource or pseudo parameter by `Ref`, an attribute of a resource, a condition, or the export of another stack. */
export type Reference = { readonly place: Place } & (
  | { readonly kind: "ref"; readonly name: string }
  | { readonly kind: "attribute"; readonly name: string; readonly attribute: string }
  | { readonly kind: "condition"; readonly name: string }
  | { readonly kind: "malformed"; readonly message: string }
);

/** Everything that is named below a node. In `!Sub`, `${!Literal}` names nothing, nor do the variables that are given with it. */
export function referencesIn(node: TemplateNode): readonly Reference[] {
  return [...walk(node)].flatMap((one) => (one.kind === "function" ? referencesOf(one) : []));
}

/** Variables of the text of a `!Sub`, without the literal ones. */
export function subVariables(text: string): readonly string[] {
  return [...text.matchAll(/\$\{([^!{}][^{}]*)\}/g)].map(([, name]) => (name ?? "").trim());
}

/** What a call names itself, without what is named in its arguments. */
export function referencesOf(call: TemplateNode & { readonly kind: "function" }): readonly Reference[] {
  const { name, argument, place } = call;
  if (name === "Ref") return [{ kind: "ref", name: textOf(argument) ?? "", place }];
  if (name === "Condition") return [{ kind: "condition", name: textOf(argument) ?? "", place }];
  if (name === "GetAtt") return [attributeOf(argument, place)];
  if (name === "If") {
    const condition = argument.kind === "list" ? textOf(argument.items[0]) : undefined;
    if (condition === undefined || argument.kind !== "list" || argument.items.length !== 3) {
      return [{ kind: "malformed", message: "!If takes a condition and two values", place }];
    }
    return [{ kind: "condition", name: condition, place }];
  }
  return name === "Sub" ? substitutions(argument, place) : [];
}

function attributeOf(argument: TemplateNode, place: Place): Reference {
  const text =
    argument.kind === "list" ? argument.items.map((item) => textOf(item) ?? "").join(".") : (textOf(argument) ?? "");
  const dot = text.indexOf(".");
  if (dot <= 0) return { kind: "malformed", message: "!GetAtt takes RESOURCE.ATTRIBUTE", place };
  return { kind: "attribute", name: text.slice(0, dot), attribute: text.slice(dot + 1), place };
}

function substitutions(argument: TemplateNode, place: Place): readonly Reference[] {
  const [template, given] = argument.kind === "list" ? argument.items : [argument, undefined];
  const text = textOf(template);
  if (text === undefined) return [{ kind: "malformed", message: "!Sub takes a text, or a text and a map", place }];
  const own = new Set(given?.kind === "map" ? given.entries.map(({ key }) => key) : []);
  const variables = subVariables(text);
  const unused = [...own].filter((name) => !variables.includes(name));
  const names = variables.filter((name) => !own.has(name));
  return [
    ...unused.map((name) => ({
      kind: "malformed" as const,
      message: `!Sub: ${name} stands nowhere in the text`,
      place,
    })),
    ...names.map((name): Reference => {
      const dot = name.indexOf(".");
      return dot < 0
        ? { kind: "ref", name, place }
        : { kind: "attribute", name: name.slice(0, dot), attribute: name.slice(dot + 1), place };
    }),
  ];
}
