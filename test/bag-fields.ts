import { dirname, join, normalize } from "node:path";
import { parseAst } from "rolldown/parseAst";

/** A source file: path relative to the checkout, and text. */
export type SourceText = { readonly path: string; readonly text: string };

/** A type that is handed over as one bag of named parts. */
export type Bag = { readonly path: string; readonly name: string; readonly fields: readonly string[] };

type Program = ReturnType<typeof parseAst>;
type Statement = Program["body"][number];
type TypeNode = Extract<Statement, { type: "TSTypeAliasDeclaration" }>["typeAnnotation"];
type Interface = Extract<Statement, { type: "TSInterfaceDeclaration" }>;
type Member = Interface["body"]["body"][number];
type Declared =
  | { readonly kind: "alias"; readonly node: TypeNode }
  | { readonly kind: "interface"; readonly node: Interface };
/** The types of a file, and where it has others from. */
type Scope = {
  readonly path: string;
  readonly declared: ReadonlyMap<string, Declared>;
  readonly imported: ReadonlyMap<string, { readonly path: string; readonly name: string }>;
};

/** Utility types that have the fields of their first argument. */
const TRANSPARENT = ["Partial", "Readonly", "Required", "NonNullable"];

/**
 * The types of `files` whose name matches, with their fields: those of intersections, of extended interfaces and of the largest case of
 * a union among them; of `Pick` what it picks. What cannot be seen in the text (z.infer, ReturnType) has none.
 */
export function bagsOf(files: readonly SourceText[], name: RegExp): readonly Bag[] {
  const scopes = new Map(files.map((file) => [file.path, scopeOf(file)]));
  return [...scopes.values()].flatMap((scope) =>
    [...scope.declared.keys()]
      .filter((declared) => name.test(declared))
      .map((declared) => ({ path: scope.path, name: declared, fields: [...fieldsOfName(declared, scope, scopes)] })),
  );
}

type Scopes = ReadonlyMap<string, Scope>;

function scopeOf({ path, text }: SourceText): Scope {
  const declared = new Map<string, Declared>();
  const imported = new Map<string, { readonly path: string; readonly name: string }>();
  for (const statement of parseAst(text, { lang: "ts" }).body) {
    const inner = statement.type === "ExportNamedDeclaration" ? (statement.declaration ?? statement) : statement;
    if (inner.type === "TSTypeAliasDeclaration")
      declared.set(inner.id.name, { kind: "alias", node: inner.typeAnnotation });
    if (inner.type === "TSInterfaceDeclaration") declared.set(inner.id.name, { kind: "interface", node: inner });
    if (inner.type !== "ImportDeclaration" || !inner.source.value.startsWith(".")) continue;
    const from = normalize(join(dirname(path), inner.source.value));
    for (const one of inner.specifiers) {
      if (one.type === "ImportSpecifier" && one.imported.type === "Identifier")
        imported.set(one.local.name, { path: from, name: one.imported.name });
    }
  }
  return { path, declared, imported };
}

function fieldsOfName(name: string, scope: Scope, scopes: Scopes): ReadonlySet<string> {
  const declared = scope.declared.get(name);
  if (declared?.kind === "alias") return fieldsOf(declared.node, scope, scopes);
  if (declared?.kind === "interface") {
    const inherited = declared.node.extends.flatMap(({ expression }) =>
      expression.type === "Identifier" ? [...fieldsOfName(expression.name, scope, scopes)] : [],
    );
    return new Set([...inherited, ...declared.node.body.body.flatMap(nameOf)]);
  }
  const source = scope.imported.get(name);
  const other = source === undefined ? undefined : scopes.get(source.path);
  return source === undefined || other === undefined ? new Set() : fieldsOfName(source.name, other, scopes);
}

function fieldsOf(node: TypeNode, scope: Scope, scopes: Scopes): ReadonlySet<string> {
  switch (node.type) {
    case "TSTypeLiteral":
      return new Set(node.members.flatMap(nameOf));
    case "TSIntersectionType":
      return new Set(node.types.flatMap((part) => [...fieldsOf(part, scope, scopes)]));
    case "TSUnionType":
      return node.types
        .map((part) => fieldsOf(part, scope, scopes))
        .reduce((largest, fields) => (fields.size > largest.size ? fields : largest), new Set<string>());
    case "TSParenthesizedType":
      return fieldsOf(node.typeAnnotation, scope, scopes);
    case "TSTypeReference":
      return fieldsOfReference(node, scope, scopes);
    default:
      return new Set();
  }
}

function fieldsOfReference(
  { typeName, typeArguments }: Extract<TypeNode, { type: "TSTypeReference" }>,
  scope: Scope,
  scopes: Scopes,
): ReadonlySet<string> {
  if (typeName.type !== "Identifier") return new Set();
  const [of, keys] = typeArguments?.params ?? [];
  if (of === undefined) return fieldsOfName(typeName.name, scope, scopes);
  const fields = fieldsOf(of, scope, scopes);
  const named = keys === undefined ? [] : literalsOf(keys);
  if (typeName.name === "Pick") return named.length > 0 ? new Set(named) : fields;
  if (typeName.name === "Omit") return new Set([...fields].filter((field) => !named.includes(field)));
  return TRANSPARENT.includes(typeName.name) ? fields : fieldsOfName(typeName.name, scope, scopes);
}

function literalsOf(node: TypeNode): readonly string[] {
  if (node.type === "TSUnionType") return node.types.flatMap(literalsOf);
  if (node.type !== "TSLiteralType" || !("value" in node.literal)) return [];
  return typeof node.literal.value === "string" ? [node.literal.value] : [];
}

function nameOf(member: Member): readonly string[] {
  const isNamed = member.type === "TSPropertySignature" || member.type === "TSMethodSignature";
  return isNamed && member.key.type === "Identifier" ? [member.key.name] : [];
}
